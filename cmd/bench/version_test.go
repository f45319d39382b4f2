package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersionNamesReleaseAndCommit(t *testing.T) {
	built := func(module string, settings ...debug.BuildSetting) func() (*debug.BuildInfo, bool) {
		return func() (*debug.BuildInfo, bool) {
			return &debug.BuildInfo{Main: debug.Module{Version: module}, Settings: settings}, true
		}
	}
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "1a2b3c4d5e6f708192a3b4c5d6e7f80912a3b4c5"}
	dirty := debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	for want, c := range map[string]struct {
		release string
		read    func() (*debug.BuildInfo, bool)
	}{
		"devel":                    {"", func() (*debug.BuildInfo, bool) { return nil, false }},
		"0.1.0":                    {"0.1.0", func() (*debug.BuildInfo, bool) { return nil, false }},
		"0.1.0+1a2b3c4d5e6f":       {"0.1.0", built("(devel)", commit)},
		"devel+1a2b3c4d5e6f.dirty": {"", built("v0.0.0-20260101000000-1a2b3c4d5e6f+dirty", commit, dirty)},
		"0.2.0":                    {"", built("v0.2.0")},
		"0.2.0+1a2b3c4d5e6f":       {"", built("v0.2.0+dirty", commit)},
		"0.3.0+1a2b3c4d5e6f":       {"0.3.0", built("v0.2.0", commit)},
	} {
		if got := versionOf(c.release, c.read); got != want {
			t.Errorf("versionOf(%q) = %q, want %q", c.release, got, want)
		}
	}
}

func TestVersionFlagPrintsTheVersion(t *testing.T) {
	var out strings.Builder
	for _, args := range [][]string{{"--version"}, {"version"}} {
		s := &shell{out: &out, errs: &out, env: map[string]string{}}
		if code := s.run(t.Context(), args); code != exitOK || out.String() != versionLine()+"\n" {
			t.Errorf("bench %s: exit code %d, %q; want %q", args[0], code, out.String(), versionLine())
		}
		out.Reset()
	}
}
