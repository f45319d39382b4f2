package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Every command that the help shows has a page, which groff reads without a warning, with all its flags.
func TestManualPages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var out strings.Builder
	s := &shell{out: &out, errs: &out, env: map[string]string{}}
	if code := s.run(t.Context(), []string{"man", dir}); code != exitOK {
		t.Fatalf("exit code %d: %s", code, out.String())
	}
	root := newRootCommand(s)
	for _, c := range documented(root) {
		file := filepath.Join(dir, manName(c)+".1")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, section := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO"} {
			if !strings.Contains(string(text), ".SH \""+section+"\"\n") {
				t.Errorf("%s has no section %s", file, section)
			}
		}
	}
	shown := rendered(t, filepath.Join(dir, "bench-compare.1"))
	for _, want := range []string{
		"bench-compare - ", "--topologies LIST", "bench compare --topologies all --quick", "8 gate",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("the page of bench compare does not show %q:\n%s", want, shown)
		}
	}
}

// rendered is a page as man shows it.
func rendered(t *testing.T, file string) string {
	t.Helper()
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff is not installed")
	}
	c := exec.Command(groff, "-man", "-Tutf8", "-ww", "-P-c", file)
	var warnings strings.Builder
	c.Stderr = &warnings
	out, err := c.Output()
	if err != nil || warnings.Len() > 0 {
		t.Fatalf("groff: %v: %s", err, warnings.String())
	}
	text := string(out)
	for { // bold and underlined text is printed over itself
		at := strings.IndexByte(text, '\b')
		if at < 1 {
			return strings.ReplaceAll(text, "‐", "-")
		}
		text = text[:at-1] + text[at+1:]
	}
}

// A line that begins like a command of roff, or has its escapes, is text.
func TestRoffIsEscaped(t *testing.T) {
	for text, want := range map[string]string{
		".SH x": `\&.SH x`, `a\fBb`: `a\efBb`, "--x": `\-\-x`, "'p99 < 1ms'": `\(aqp99 < 1ms\(aq`,
	} {
		if got := escapeRoff(text); got != want {
			t.Errorf("escapeRoff(%q) = %q, want %q", text, got, want)
		}
	}
}
