package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bench/results"
)

// A result of k6 becomes a run that verifies, with a page that says what k6 does not store.
func TestImportMakesARun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var out, errs strings.Builder
	s := &shell{out: &out, errs: &errs, env: map[string]string{}}
	args := []string{"import", "../../results/foreign/testdata/k6.json", "--out", dir, "--json"}
	if code := s.run(t.Context(), args); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	var r loadResult
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil {
		t.Fatal(err)
	}
	if r.Schema != loadSchema || r.Mode != results.UnknownLoop || r.Counts.Intended != 62 || r.Grade != results.Degraded ||
		r.Response.Count != 0 || r.Service.Count != 31 {
		t.Errorf("%+v", r)
	}
	run, err := newestRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(run, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"p99 of the service time", "coordinated omission", "recorded by another tool", "k6"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	out.Reset()
	if code := s.run(t.Context(), []string{"verify", run}); code != exitOK || !strings.Contains(out.String(), "VERIFIED") {
		t.Errorf("verify: exit code %d: %s%s", code, out.String(), errs.String())
	}
}

func TestImportRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "x.hgrm")
	table := "Value Percentile TotalCount 1/(1-Percentile)\n1 1.0 5 inf\n"
	if err := os.WriteFile(file, []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"--unit ns, us, ms or s": {file},
		"--duration":             {file, "--unit", "ms"},
		"is not a unit":          {file, "--unit", "days"},
		"is not a format":        {file, "--format", "nosuch"},
		"no such file":           {file + "2"},
		"it is none of":          {"import_test.go"},
	} {
		var out strings.Builder
		s := &shell{out: &out, errs: &out, env: map[string]string{}}
		code := s.run(t.Context(), append([]string{"import", "--out", t.TempDir()}, args...))
		if code != exitUsage || !strings.Contains(out.String(), want) {
			t.Errorf("bench import %v: exit code %d, want %d, with %q:\n%s", args, code, exitUsage, want, out.String())
		}
	}
}

// A bundle is a run wherever a run is read, and opening it does not change what is there.
func TestBundlesAreRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := func(want int, args ...string) string {
		t.Helper()
		var out, errs strings.Builder
		s := &shell{out: &out, errs: &errs, env: map[string]string{"TMPDIR": dir}}
		if code := s.run(t.Context(), args); code != want {
			t.Fatalf("bench %v: exit code %d, want %d: %s%s", args, code, want, out.String(), errs.String())
		}
		return out.String()
	}
	runs, file := filepath.Join(dir, "runs"), filepath.Join(dir, "k6.tgz")
	run(exitOK, "import", "../../results/foreign/testdata/k6.json", "--out", runs)
	stored, err := newestRun(runs)
	if err != nil {
		t.Fatal(err)
	}
	run(exitOK, "bundle", stored, "--to", file)
	if out := run(exitOK, "verify", file); !strings.Contains(out, "VERIFIED: the report of "+filepath.Base(stored)) {
		t.Error(out)
	}
	elsewhere := filepath.Join(dir, "elsewhere")
	run(exitOK, "report", file, "--out", elsewhere)
	if out := run(exitOK, "verify", filepath.Join(elsewhere, filepath.Base(stored))); !strings.Contains(out, "VERIFIED") {
		t.Error(out)
	}
	run(exitOK, "diff", stored, file)
	run(exitUsage, "verify", filepath.Join(dir, "nosuch.tgz"))
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 3 {
		t.Errorf("scratch folders are left: %v, %v", left, err)
	}
}
