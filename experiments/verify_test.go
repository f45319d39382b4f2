package experiments_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bench/experiments"
)

// stored is a copy of a run whose report has just been made.
func stored(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(dir, os.DirFS("../results/testdata/run-2")); err != nil {
		t.Fatal(err)
	}
	if _, err := experiments.Report(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// edit replaces a text in a file of a run.
func edit(t *testing.T, file, old, now string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(data, []byte(old)) {
		t.Fatalf("%s has no %q: %v", file, old, err)
	}
	if err := os.WriteFile(file, bytes.Replace(data, []byte(old), []byte(now), 1), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyHoldsForAReportAsItWasMade(t *testing.T) {
	v, err := experiments.Verify(stored(t))
	if err != nil || !v.Holds() || v.Numbers < 50 || v.Cells == 0 || len(v.Files) < 4 {
		t.Errorf("%v: %+v", err, v)
	}
}

// Whoever changes a figure of a report, a word of its page or a measurement is found out.
func TestVerifyFindsWhatWasChanged(t *testing.T) {
	t.Parallel()
	made := stored(t)
	again := func() string {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "run")
		if err := os.CopyFS(dir, os.DirFS(made)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	dir := again()
	edit(t, filepath.Join(dir, "report.json"), `"seed": `, `"seed": 9`)
	if v, err := experiments.Verify(dir); err != nil || v.Holds() || len(v.Differ) != 1 || v.Differ[0].Path != ".seed" {
		t.Errorf("a figure: %v, %+v", err, v)
	}
	dir = again()
	edit(t, filepath.Join(dir, "report.html"), "</h1>", " (edited)</h1>")
	if v, err := experiments.Verify(dir); err != nil || v.Holds() || len(v.Changed) != 1 || v.Changed[0] != "report.html" {
		t.Errorf("a word: %v, %+v", err, v)
	}
	dir = again()
	histograms, _ := filepath.Glob(filepath.Join(dir, "cells", "*", "latency.hlog"))
	edit(t, histograms[0], ",", ", ")
	if v, err := experiments.Verify(dir); err != nil || v.Holds() || !strings.Contains(v.Damage, "latency.hlog") {
		t.Errorf("a measurement: %v, %+v", err, v)
	}
	if _, err := experiments.Verify(t.TempDir()); err == nil {
		t.Error("an empty folder is verified")
	}
}
