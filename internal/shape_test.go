package internal

import (
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// sources are the Go files of the tree by name; those that are deleted and not yet committed are
// left out.
func sources(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.Command("git", "-C", "..", "ls-files", "--cached", "--others", "--exclude-standard", "*.go").Output()
	if err != nil {
		t.Skip("not a git checkout")
	}
	files := map[string]string{}
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		if text, err := os.ReadFile("../" + name); err == nil {
			files[name] = string(text)
		}
	}
	return files
}

func TestLinesFitAScreen(t *testing.T) {
	const most = 120
	for name, text := range sources(t) {
		for i, line := range strings.Split(text, "\n") {
			if n := utf8.RuneCountInString(line); n > most {
				t.Errorf("%s:%d has %d characters; want at most %d", name, i+1, n, most)
			}
		}
	}
}

func TestEveryPackageHasAnExample(t *testing.T) {
	packages, examples := map[string]bool{}, map[string]bool{}
	for name, text := range sources(t) {
		dir := path.Dir(name)
		if strings.HasPrefix(dir, "cmd/") || strings.HasPrefix(dir, "internal") || strings.HasPrefix(dir, "test/") ||
			strings.Contains(name, "/testdata/") {
			continue
		}
		packages[dir] = true
		if strings.HasSuffix(name, "_test.go") && regexp.MustCompile(`(?m)^func Example\w*\(\)`).MatchString(text) {
			examples[dir] = true
		}
	}
	if len(packages) < 20 {
		t.Fatalf("%d packages; is this the whole tree?", len(packages))
	}
	for dir := range packages {
		if !examples[dir] {
			t.Errorf("package %s has no Example", dir)
		}
	}
}

// make test finds the tests that it runs without the race detector by the functions that say so.
func TestWithoutRaceIsSaidByTests(t *testing.T) {
	function, tests := regexp.MustCompile(`^func (\w+)\(t \*testing\.T\)`), 0
	for name, text := range sources(t) {
		within := ""
		for i, line := range strings.Split(text, "\n") {
			if m := function.FindStringSubmatch(line); strings.HasPrefix(line, "func ") {
				within = ""
				if m != nil {
					within = m[1]
				}
			}
			if !strings.HasPrefix(strings.TrimSpace(line), "proof.WithoutRace(") {
				continue
			}
			if tests++; !strings.HasPrefix(within, "Test") {
				t.Errorf("%s:%d: call it in a test itself, which make test then runs without the race detector", name, i+1)
			}
		}
	}
	if tests < 20 {
		t.Errorf("%d tests say it; are they found?", tests)
	}
}
