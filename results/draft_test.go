package results_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"bench/results"
)

// A run directory has its manifest from the moment that it has its name: whoever is killed before leaves nothing that
// looks like a run, and what was left is gone after the next one.
func TestARunAppearsWhole(t *testing.T) {
	root := t.TempDir()
	old, fresh := filepath.Join(root, ".20260101T000000Z-compare-0a"), filepath.Join(root, ".20260101T000000Z-gate-0b")
	other := filepath.Join(root, ".20-years")
	for _, dir := range []string{old, fresh, other} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{old, other} {
		if err := os.Chtimes(dir, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	d, err := results.Create(root, results.Manifest{Name: "compare", Started: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if run, err := results.Load(d.Path); err != nil || run.Manifest.Status != results.Partial {
		t.Errorf("%v: want a PARTIAL run", err)
	}
	for dir, want := range map[string]bool{old: false, fresh: true, other: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s is there: %v; want %v", filepath.Base(dir), err == nil, want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(root, ".*-compare-*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// A folder in which nothing can be made is an error, and stays as it was.
func TestAFolderThatHoldsNoRun(t *testing.T) {
	root := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(root, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := results.Create(root, results.Manifest{Name: "compare"}); err == nil {
		t.Error("a run was created within a file")
	}
}
