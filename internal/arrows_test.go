// Package internal has no code of its own: its tests guard the shape of the whole tree.
package internal

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestImportArrows checks the table of docs/ARCHITECTURE.md against the actual imports.
func TestImportArrows(t *testing.T) {
	text, err := os.ReadFile("../docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Arrows\n")
	section, _, _ = strings.Cut(section, "\n## ")
	allowed := map[string][]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([\\w/]+)` \\| (.*?) \\|$").FindAllStringSubmatch(section, -1) {
		for _, to := range regexp.MustCompile("`([\\w/]+)`").FindAllStringSubmatch(m[2], -1) {
			allowed[m[1]] = append(allowed[m[1]], to[1])
		}
		if allowed[m[1]] == nil {
			allowed[m[1]] = []string{}
		}
	}
	if len(allowed) < 10 {
		t.Fatalf("the table has %d rows; is it still there?", len(allowed))
	}
	cmd := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		from := strings.TrimPrefix(words[0], "bench/")
		if from == "cmd/bench" || from == "internal" {
			continue // the command may use everything
		}
		row, known := allowed[from]
		if !known {
			t.Errorf("package %s is not in the table of docs/ARCHITECTURE.md", from)
			continue
		}
		for _, word := range words[1:] {
			to, ours := strings.CutPrefix(word, "bench/")
			if !ours {
				continue
			}
			used[from+" "+to] = true
			if !slices.Contains(row, to) {
				t.Errorf("%s imports %s, which the table of docs/ARCHITECTURE.md does not allow", from, to)
			}
		}
	}
	for from, row := range allowed {
		for _, to := range row {
			if !used[from+" "+to] {
				t.Errorf("the table allows %s to import %s, which it does not: remove the arrow", from, to)
			}
		}
	}
}

// TestOnlyTheCommandTouchesTheWorld keeps printing, exiting and reading the environment in
// cmd/bench, so that every other package can be used from a test or a service.
func TestOnlyTheCommandTouchesTheWorld(t *testing.T) {
	out, err := exec.Command("git", "-C", "..", "ls-files", "*.go").Output()
	if err != nil {
		t.Skip("not a git checkout")
	}
	forbidden := regexp.MustCompile(`\b(fmt\.Print(ln|f)?\(|os\.(Exit|Getenv|LookupEnv|Environ)\(|log\.(Print|Fatal))`)
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "cmd/") || strings.HasPrefix(name, "test/") {
			continue // test/ has modules of their own, of programs that are not shipped
		}
		text, err := os.ReadFile("../" + name)
		if err != nil {
			continue // deleted but not yet committed
		}
		for i, line := range strings.Split(string(text), "\n") {
			if forbidden.MatchString(line) && !strings.Contains(line, "// the keeper process") {
				t.Errorf("%s:%d: %s", name, i+1, strings.TrimSpace(line))
			}
		}
	}
}
