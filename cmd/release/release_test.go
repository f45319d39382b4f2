//go:build release

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// builder builds what a release is made of, in a copy of the tree.
type builder struct {
	t    *testing.T
	tree string
}

func (b builder) run(dir string, env []string, program string, args ...string) string {
	b.t.Helper()
	c := exec.Command(program, args...)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	out, err := c.CombinedOutput()
	if err != nil {
		b.t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// clone is a copy of the tree's last commit in a folder of its own.
func clone(t *testing.T) builder {
	b := builder{t, t.TempDir()}
	b.run(".", nil, "git", "clone", "--quiet", "--no-hardlinks", "../..", b.tree)
	return b
}

// binary builds the program for a platform as .goreleaser.yaml says.
func (b builder) binary(goos, goarch string) string {
	b.t.Helper()
	build := readConfig(b.t).Builds[0]
	file := filepath.Join(b.t.TempDir(), "bench")
	ldflags := strings.ReplaceAll(strings.Join(build.Ldflags, " "), "{{ .Version }}", "0.1.0")
	args := append([]string{"build"}, build.Flags...)
	b.run(b.tree, append(build.Env, "GOOS="+goos, "GOARCH="+goarch), "go",
		append(args, "-ldflags", ldflags, "-o", file, build.Main)...)
	return file
}

// The same commit gives the same bytes for each platform, in whatever folder it is built.
func TestBuildsAreReproducible(t *testing.T) {
	one, two := clone(t), clone(t)
	build := readConfig(t).Builds[0]
	for _, goos := range build.Goos {
		for _, goarch := range build.Goarch {
			first, err := os.ReadFile(one.binary(goos, goarch))
			if err != nil {
				t.Fatal(err)
			}
			second, err := os.ReadFile(two.binary(goos, goarch))
			if err != nil || !bytes.Equal(first, second) {
				t.Errorf("two builds for %s/%s differ (%v)", goos, goarch, err)
			}
			t.Logf("%s/%s: %.1f MB", goos, goarch, float64(len(first))/1e6)
		}
	}
}

// A wheel of the binary installs into a fresh environment, and says what it was built from.
func TestWheelOfTheReleaseInstalls(t *testing.T) {
	b := clone(t)
	platform := runtime.GOOS + "/" + runtime.GOARCH
	dist := t.TempDir()
	wheel := strings.TrimSpace(b.run(b.tree, nil, "go", "run", "./cmd/release", "wheel", "--version", "0.1.0",
		"--platform", platform, "--binary", b.binary(runtime.GOOS, runtime.GOARCH), "--out", dist))
	venv := t.TempDir()
	b.run(".", nil, "python3", "-m", "venv", venv)
	b.run(".", nil, filepath.Join(venv, "bin/pip"), "install", "--quiet", "--no-index", wheel)
	commit := strings.TrimSpace(b.run(b.tree, nil, "git", "rev-parse", "--short=12", "HEAD"))
	command := filepath.Join(venv, "bin/bench")
	if got := b.run(venv, nil, command, "--version"); !strings.HasPrefix(got, "bench 0.1.0+"+commit+" ") {
		t.Errorf("bench --version = %q; want release 0.1.0 and commit %s", got, commit)
	}
	b.run(venv, nil, command, "compare", "--topologies", "runserver", "--app", "bundled", "--dry-run")
}

// The deb is built by nfpm from the section of .goreleaser.yaml, and unpacks onto a clean prefix with
// its manual pages and completions.
func TestPackagesInstall(t *testing.T) {
	nfpm, err := exec.LookPath("nfpm")
	if err != nil {
		t.Skip("nfpm is not installed")
	}
	b := builder{t, "../.."}
	section := readConfig(t).Nfpms[0]
	for _, key := range []string{"id", "ids", "formats", "file_name_template", "package_name", "bindir", "mtime"} {
		delete(section, key) // goreleaser's own
	}
	binary := clone(t).binary("linux", "amd64")
	section["name"], section["version"], section["arch"] = "django-bench-suite", "0.1.0", "amd64"
	section["contents"] = append(section["contents"].([]any), map[string]any{"src": binary, "dst": "/usr/bin/bench"})
	text, err := yaml.Marshal(section)
	if err != nil {
		t.Fatal(err)
	}
	dist, prefix := t.TempDir(), t.TempDir()
	configuration := filepath.Join(dist, "nfpm.yaml")
	if err := os.WriteFile(configuration, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"deb", "rpm"} {
		b.run(b.tree, nil, nfpm, "package", "--config", configuration, "--packager", format, "--target", dist)
	}
	debs, _ := filepath.Glob(filepath.Join(dist, "*.deb"))
	rpms, _ := filepath.Glob(filepath.Join(dist, "*.rpm"))
	if len(debs) != 1 || len(rpms) != 1 {
		t.Fatalf("packages: %v %v", debs, rpms)
	}
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("dpkg-deb is not installed")
	}
	b.run(".", nil, "dpkg-deb", "--extract", debs[0], prefix)
	if runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
		b.run(".", nil, filepath.Join(prefix, "usr/bin/bench"), "--version")
	}
	for _, file := range []string{
		"usr/share/man/man1/bench.1.gz", "usr/share/man/man1/bench-compare.1.gz",
		"usr/share/bash-completion/completions/bench", "usr/share/doc/django-bench-suite/copyright",
	} {
		if info, err := os.Stat(filepath.Join(prefix, file)); err != nil || info.Size() == 0 {
			t.Errorf("the package lacks %s (%v)", file, err)
		}
	}
}
