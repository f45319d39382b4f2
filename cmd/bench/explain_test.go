package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each setting names what decided it, and the nearer source wins.
func TestConfigExplainNamesTheSources(t *testing.T) {
	dir := t.TempDir()
	file := "app: {wsgi: a:b}\nmix: [{name: home, path: /}]\nflags: {budget: 90s, scenario: io, blocks: 4}\n"
	if err := os.WriteFile(filepath.Join(dir, "bench.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	s := &shell{out: &out, errs: &errs, env: map[string]string{"BENCH_BUDGET": "80s", "BENCH_PRECISION": "7"}}
	args := []string{"config", "explain", "compare", "--app", dir, "--blocks", "5"}
	if code := s.run(t.Context(), args); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	for _, want := range []string{
		`--blocks +5 +command line`, `--budget +1m20s +BENCH_BUDGET="80s"`, `--scenario +\[io\] +bench.yaml: flags.scenario`,
		`--precision +7 +BENCH_PRECISION="7"`, `--profile +controlled +default`,
	} {
		if !regexp.MustCompile(`(?m)^` + want + `$`).MatchString(out.String()) {
			t.Errorf("no line %s in\n%s", want, out.String())
		}
	}
	for _, args := range [][]string{{"nosuch"}, {"compare", "--nosuch"}, {"compare", "--blocks", "x"}} {
		if code := s.run(t.Context(), append([]string{"config", "explain"}, args...)); code != exitUsage {
			t.Errorf("bench config explain %v: exit code %d, want %d", args, code, exitUsage)
		}
	}
}

func TestSchemasArePrinted(t *testing.T) {
	var out, errs strings.Builder
	s := &shell{out: &out, errs: &errs, env: map[string]string{}}
	code := s.run(t.Context(), []string{"schema"})
	if code != exitOK || !strings.Contains(out.String(), "bench.compare/") {
		t.Errorf("exit code %d: %s", code, out.String())
	}
	for _, name := range strings.Fields(out.String()) {
		out.Reset()
		code := s.run(t.Context(), []string{"schema", name})
		if code != exitOK || !strings.Contains(out.String(), `"$schema"`) {
			t.Errorf("%s: exit code %d: %s", name, code, out.String())
		}
	}
	if code := s.run(t.Context(), []string{"schema", "nosuch/1"}); code != exitUsage {
		t.Errorf("exit code %d, want %d", code, exitUsage)
	}
}
