package pacing_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"

	"bench/internal/recipe"
)

// Following "Add a pacer" in CONTRIBUTING.md literally gives a pacer that passes this package's
// tests and that bench load knows.
func TestRecipeOfContributing(t *testing.T) {
	recipe.Skip(t)
	r := recipe.Read(t, "../..", "Add a pacer")
	blocks, text := r.Blocks("go"), r.Find(`--pacer '([^']+)'`)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of Go; want a file and a row of the table", len(blocks))
	}
	const last = "\t\t{\"staggered TIME first|second PACER\", \"staggered 3ms first constant 300/s\", parseStaggered},\n"
	overlay := recipe.Overlay(t, map[string]string{
		r.Find("This one, `(\\w+\\.go)`"): blocks[0],
		"parse.go":                        recipe.AddRow(t, "parse.go", last, "\t\t"+blocks[1]),
	})
	test := exec.Command("go", "test", "-short", "-overlay", overlay, ".")
	if out, err := test.CombinedOutput(); err != nil {
		t.Errorf("the package's tests fail with it: %v\n%s", err, out)
	}
	// Nobody listens there: what counts is that the load runs with this pacer.
	load := exec.Command("go", "run", "-overlay", overlay, "../../cmd/bench", "load", "--json", "-d", "100ms",
		"--no-calibration", "--no-report", "--pacer", "poisson 3 "+text, "http://127.0.0.1:1/")
	var stderr bytes.Buffer
	load.Stderr = &stderr
	out, _ := load.Output()
	var result struct{ Pacer string }
	if err := json.Unmarshal(out, &result); err != nil || result.Pacer != "poisson 3 "+text {
		t.Errorf("bench load ran with %q, %v: %s", result.Pacer, err, stderr.String())
	}
}
