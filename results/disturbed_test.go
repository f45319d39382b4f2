package results_test

import (
	"strings"
	"testing"

	"bench/results"
)

func TestSentAgainNamesTheTopologyAndItsShare(t *testing.T) {
	cell := func(topology string, sent, again uint64) *results.Cell {
		counts := results.Counts{Intended: sent, Sent: sent, OK: sent, StaleRetry: again}
		return &results.Cell{Topology: topology, Counts: counts}
	}
	got := results.SentAgain([]*results.Cell{
		cell("a", 900, 10), cell("b", 1000, 30), cell("a", 100, 0), cell("b", 1000, 10),
	})
	if len(got) != 1 || got[0].Code != results.StaleRetries || !strings.HasPrefix(got[0].Message, "b: 2.0 % of the req") {
		t.Errorf("SentAgain = %v; want b alone, with 40 of 2,000", got) // a: exactly 1 %
	}
}

func TestDisturbedCountsCells(t *testing.T) {
	busy := []results.Diagnostic{{Code: results.BusyNeighbour}}
	n, void := results.Disturbed([]*results.Cell{
		{Grade: results.Valid}, {Grade: results.Degraded, Diagnostics: busy}, {Grade: results.Invalid, Diagnostics: busy},
	}, results.BusyNeighbour)
	if n != 2 || void != 1 {
		t.Errorf("Disturbed = %d, %d; want 2 disturbed and 1 void", n, void)
	}
}
