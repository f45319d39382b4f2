package page_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A newcomer who follows "Add a report format" in CONTRIBUTING.md to the letter gets a format that
// passes this package's tests and that `bench report` writes. The steps are carried out in an overlay,
// so that the tree stays as it is.
func TestRecipeOfContributing(t *testing.T) {
	if os.Getenv("BENCH_RECIPE") != "" {
		t.Skip("the recipe is being tested")
	}
	if testing.Short() {
		t.Skip("builds the package and the command once more")
	}
	guide, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, recipe, _ := strings.Cut(string(guide), "\n## Add a report format\n")
	recipe, _, _ = strings.Cut(recipe, "\n## ")
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(recipe, -1)
	file := regexp.MustCompile("This one, `(\\w+\\.go)`").FindStringSubmatch(recipe)
	written := regexp.MustCompile("`RUN/([\\w.]+)`").FindStringSubmatch(recipe)
	if len(blocks) != 2 || file == nil || written == nil {
		t.Fatalf("%d blocks of Go, file %q, written %q; want a file, a row of the table and the name of the output",
			len(blocks), file, written)
	}
	overlay := overlaid(t, file[1], blocks[0][1], blocks[1][1])

	test := exec.Command("go", "test", "-short", "-overlay", overlay, ".")
	test.Env = append(os.Environ(), "BENCH_RECIPE=1")
	if out, err := test.CombinedOutput(); err != nil {
		t.Errorf("the package fails its tests with the new format: %v\n%s", err, out)
	}
	run := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(run, os.DirFS("../../results/testdata/run-1")); err != nil {
		t.Fatal(err)
	}
	report := exec.Command("go", "run", "-overlay", overlay, "../../cmd/bench", "report", run)
	if out, err := report.CombinedOutput(); err != nil {
		t.Fatalf("bench report: %v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(run, written[1]))
	if err != nil || !bytes.HasPrefix(text, []byte("topology,req/s")) {
		t.Errorf("%s: %v\n%s", written[1], err, text)
	}
}

// overlaid is the path of an overlay that adds a file to the package and a row to its table.
func overlaid(t *testing.T, name, text, row string) string {
	t.Helper()
	const last = "\t{\"report.html\", HTML},\n"
	table, err := os.ReadFile("write.go")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(table, []byte(last)) != 1 {
		t.Fatalf("write.go: the table does not end with %q", last)
	}
	table = bytes.Replace(table, []byte(last), []byte(last+"\t"+row), 1)
	dir, replace := t.TempDir(), map[string]string{}
	for name, text := range map[string]string{name: text, "write.go": string(table)} {
		path, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		replace[path] = filepath.Join(dir, name)
		if err := os.WriteFile(replace[path], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
