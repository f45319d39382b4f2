package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// config is the part of .goreleaser.yaml that the tests need.
type config struct {
	Before struct{ Hooks []string }
	Builds []struct {
		Main         string
		Env, Flags   []string
		Goos, Goarch []string
		Ldflags      []string
	}
	Nfpms []map[string]any
}

func readConfig(t *testing.T) config {
	t.Helper()
	text, err := os.ReadFile("../../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c config
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Builds) != 1 || len(c.Nfpms) != 1 {
		t.Fatalf("%d builds, %d kinds of packages", len(c.Builds), len(c.Nfpms))
	}
	return c
}

// What the release's configuration names exists: the program, the variable that the linker sets, targets
// of the Makefile, and files.
func TestConfigurationFitsTheTree(t *testing.T) {
	c := readConfig(t)
	build := c.Builds[0]
	if !slices.Contains(build.Env, "CGO_ENABLED=0") || !slices.Contains(build.Flags, "-trimpath") {
		t.Errorf("the build depends on the machine: %v, %v", build.Env, build.Flags)
	}
	set := regexp.MustCompile(`-X main\.(\w+)=`).FindStringSubmatch(strings.Join(build.Ldflags, " "))
	if set == nil {
		t.Fatal("the linker sets no version")
	}
	source, err := os.ReadFile(filepath.Join("../..", build.Main, "version.go"))
	if err != nil || !strings.Contains(string(source), "\nvar "+set[1]+" string\n") {
		t.Errorf("%s has no variable %s (%v)", build.Main, set[1], err)
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, hook := range c.Before.Hooks {
		for target := range strings.FieldsSeq(strings.TrimPrefix(hook, "make ")) {
			if !strings.Contains(string(makefile), "\n"+target+":") {
				t.Errorf("the Makefile has no target %s", target)
			}
		}
	}
	for _, file := range []string{"LICENSE", "THIRD-PARTY.md", "README.md", "CHANGELOG.md", "docs/PYPI.md"} {
		if _, err := os.Stat(filepath.Join("../..", file)); err != nil {
			t.Error(err)
		}
	}
}
