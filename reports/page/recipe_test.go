package page_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"bench/internal/recipe"
)

// A newcomer who follows "Add a report format" in CONTRIBUTING.md to the letter gets a format that
// passes this package's tests and that `bench report` writes.
func TestRecipeOfContributing(t *testing.T) {
	recipe.Skip(t)
	r := recipe.Read(t, "../..", "Add a report format")
	blocks, written := r.Blocks("go"), r.Find("`RUN/([\\w.]+)`")
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of Go; want a file and a row of the table", len(blocks))
	}
	overlay := recipe.Overlay(t, map[string]string{
		r.Find("This one, `(\\w+\\.go)`"): blocks[0],
		"write.go":                        recipe.AddRow(t, "write.go", "\t{\"report.html\", HTML},\n", "\t"+blocks[1]),
	})
	test := exec.Command("go", "test", "-short", "-overlay", overlay, ".")
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
	text, err := os.ReadFile(filepath.Join(run, written))
	if err != nil || !bytes.Contains(text, []byte("\ntopology,req/s")) {
		t.Errorf("%s: %v\n%s", written, err, text)
	}
}
