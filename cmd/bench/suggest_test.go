package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

func TestMisspeltFlagsAndImpossibleValuesAreRefused(t *testing.T) {
	for line, want := range map[string]string{
		"compare --topologys all":      "did you mean --topologies?",
		"load --durration 3s http://x": "did you mean --duration?",
		"compare --topolog all":        "did you mean --topologies?",
		"compare --xyzzyplugh":         "`bench compare --help` lists the flags",
		"compare --blocks 0 --dry-run": "--blocks 0: want 1 to 1000",
	} {
		var out bytes.Buffer
		s := &shell{out: &out, errs: &out, env: map[string]string{"HOME": t.TempDir()}}
		if code := s.run(context.Background(), strings.Fields(line)); code != 2 || !strings.Contains(out.String(), want) {
			t.Errorf("%s: code %d, %s; want code 2 and %q", line, code, out.String(), want)
		}
	}
}
