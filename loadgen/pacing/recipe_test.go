package pacing_test

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

// Following "Add a pacer" in CONTRIBUTING.md literally gives a pacer that passes this package's
// tests and that bench load knows. The steps are done in an overlay: the tree stays unchanged.
func TestRecipeOfContributing(t *testing.T) {
	if os.Getenv("BENCH_RECIPE") != "" {
		t.Skip("this is the recipe being tested")
	}
	if testing.Short() {
		t.Skip("it rebuilds the package and the command")
	}
	guide, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, recipe, _ := strings.Cut(string(guide), "\n## Add a pacer\n")
	recipe, _, _ = strings.Cut(recipe, "\n## ")
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(recipe, -1)
	file := regexp.MustCompile("This one, `(\\w+\\.go)`").FindStringSubmatch(recipe)
	text := regexp.MustCompile(`--pacer '([^']+)'`).FindStringSubmatch(recipe)
	if len(blocks) != 2 || file == nil || text == nil {
		t.Fatalf("%d blocks of Go, file %q, text %q; want a file, a row and a command", len(blocks), file, text)
	}
	const last = "\t}\n}\n\n// Names are"
	table, err := os.ReadFile("parse.go")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(table, []byte(last)) != 1 {
		t.Fatalf("parse.go: where does the table end? not at %q", last)
	}
	table = bytes.Replace(table, []byte(last), []byte("\t\t"+blocks[1][1]+last), 1)
	overlay := overlaid(t, map[string]string{file[1]: blocks[0][1], "parse.go": string(table)})

	test := exec.Command("go", "test", "-short", "-overlay", overlay, ".")
	test.Env = append(os.Environ(), "BENCH_RECIPE=1")
	if out, err := test.CombinedOutput(); err != nil {
		t.Errorf("the package's tests fail with it: %v\n%s", err, out)
	}
	// Nobody listens there: what counts is that the load runs with this pacer.
	load := exec.Command("go", "run", "-overlay", overlay, "../../cmd/bench", "load", "--json", "-d", "100ms",
		"--no-calibration", "--pacer", "poisson 3 "+text[1], "http://127.0.0.1:1/")
	var stderr bytes.Buffer
	load.Stderr = &stderr
	out, _ := load.Output()
	var result struct{ Pacer string }
	if err := json.Unmarshal(out, &result); err != nil || result.Pacer != "poisson 3 "+text[1] {
		t.Errorf("bench load ran with %q, %v: %s", result.Pacer, err, stderr.String())
	}
}

// overlaid writes the files outside the tree, and the overlay file that puts them into it.
func overlaid(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, replace := t.TempDir(), map[string]string{}
	for name, text := range files {
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
