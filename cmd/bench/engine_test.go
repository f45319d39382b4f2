package main

import (
	"testing"

	"bench/internal/secret"
	"bench/loadgen/native"
	"bench/results"
)

// A run is carried out again with its engine: bound to the same cores, as far as this machine has them.
func TestStoredEngine(t *testing.T) {
	beyond := "1000" // no machine of ours has as many
	for stored, want := range map[string][]int{
		"[0]": {0}, "[]": nil, secret.Redacted: nil, "[0," + beyond + "]": {0}, "[" + beyond + "]": {},
	} {
		config := map[string]string{"engine": "native", "timer": "hybrid", "threads": "2", "pin": stored}
		e, err := storedEngine(results.Manifest{Kind: results.KindLoad, Config: config}, []string{"http://127.0.0.1:1"})
		n, is := e.(native.Engine)
		if err != nil || !is || n.Shards != 2 || n.Timer != native.Hybrid || len(n.Pin) != len(want) {
			t.Errorf("pin %s: %+v, %v; want cores %v", stored, e, err, want)
		}
	}
}
