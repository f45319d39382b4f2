package gate

import (
	"math/rand/v2"
	"testing"

	"bench/results"
)

// An objective that head meets narrowly in most pairs, and misses by far in the others, is called
// missed in fewer than one in a hundred gates; one that it misses in most pairs is called missed.
func TestObjectivesAreMissedInMostPairs(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	o, err := results.ParseObjective("errors < 1%")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		says        string
		misses      float64 // share of the pairs
		least, most float64 // of the gates that call it missed
	}{
		{"none", 0, 0, 0},
		{"two fifths", 0.4, 0, 0.01},
		{"half", 0.5, 0, 0.01},
		{"nearly all", 0.95, 0.95, 1},
	} {
		const gates = 2000
		missed := 0
		for range gates {
			var pairs []pair
			for range 30 {
				counts := results.Counts{Intended: 1000, HTTPError: 9, OK: 991}
				if random.Float64() < row.misses {
					counts.HTTPError, counts.OK = 500, 500
				}
				var p pair
				p.arms[1].interleaved = &results.Cell{Intervals: []results.Interval{{Counts: counts}}}
				pairs = append(pairs, p)
			}
			var k Kept
			k.weigh(o, pairs, 1/objectivesAlpha)
			if k.Verdict == Regression {
				missed++
			}
		}
		if share := float64(missed) / gates; share < row.least || share > row.most {
			t.Errorf("missed in %s of the pairs: %.2f %% of gates say so; want %.0f to %.0f %%",
				row.says, share*100, row.least*100, row.most*100)
		}
	}
}

// An objective about which the pairs hold too few requests is not met, however fast they were.
func TestTooFewRequestsMeetNoObjective(t *testing.T) {
	for _, row := range []struct {
		requests uint64 // in each of five pairs
		want     Verdict
		says     string
	}{
		{59, Inconclusive, "objective p99 < 50ms undecided: 571 µs; 295 requests, where it takes 300 to tell"},
		{60, Pass, "objective p99 < 50ms met: 571 µs over all requests"},
	} {
		var pairs []pair
		for range 5 {
			h := results.NewHistogram()
			_ = h.RecordValues(571, int64(row.requests))
			counts := results.Counts{Intended: row.requests, Sent: row.requests, OK: row.requests}
			var p pair
			p.arms[1].interleaved = &results.Cell{Counts: counts, Intervals: []results.Interval{{
				Counts: counts,
				Hists:  map[results.Series]*results.Packed{{Kind: results.Response}: results.Pack(h)},
			}}}
			pairs = append(pairs, p)
		}
		k := objectives([]string{"p99 < 50ms"}, pairs, 0)[0]
		if k.Verdict != row.want || k.String() != row.says {
			t.Errorf("%d requests a pair: %s, %q; want %s, %q", row.requests, k.Verdict, k, row.want, row.says)
		}
	}
}

// What the planned pairs cannot decide, and what base does not keep either, is left out; a head that
// misses an objective which base meets is not.
func TestUndecidableObjectivesAreLeftOut(t *testing.T) {
	arm := func(requests, failed uint64) measured {
		h := results.NewHistogram()
		_ = h.RecordValues(571, int64(requests-failed))
		counts := results.Counts{Intended: requests, Sent: requests, OK: requests - failed, HTTPError: failed}
		return measured{interleaved: &results.Cell{Counts: counts, Intervals: []results.Interval{{
			Counts: counts,
			Hists:  map[results.Series]*results.Packed{{Kind: results.Response}: results.Pack(h)},
		}}}}
	}
	for _, row := range []struct {
		says      string
		objective string
		planned   int
		arms      [][2]measured
		want      string
	}{
		{"ten planned pairs hold a hundred requests of 3,000", "errors < 0.1%", 10,
			[][2]measured{{arm(10, 0), arm(10, 0)}, {arm(10, 0), arm(10, 0)}},
			"objective errors < 0.1% is left out: it takes 3,000 requests, and the pairs planned hold about 100"},
		{"ten planned pairs hold enough", "errors < 0.1%", 10,
			[][2]measured{{arm(400, 0), arm(400, 0)}, {arm(400, 0), arm(400, 0)}}, ""},
		{"how many pairs are planned is not known yet", "errors < 0.1%", 0,
			[][2]measured{{arm(10, 0), arm(10, 0)}}, ""},
		{"both versions are at the limit", "p99 < 50ms", 10,
			[][2]measured{{arm(1000, 9), arm(1000, 14)}, {arm(1000, 14), arm(1000, 9)}},
			"objective p99 < 50ms is left out: base misses it in 1 of 2 pairs and head in 1"},
		{"head misses it more often", "p99 < 50ms", 10, [][2]measured{{arm(1000, 14), arm(1000, 14)},
			{arm(1000, 9), arm(1000, 14)}, {arm(1000, 9), arm(1000, 14)}, {arm(1000, 9), arm(1000, 9)}}, ""},
		{"base never misses it", "p99 < 50ms", 10,
			[][2]measured{{arm(1000, 0), arm(1000, 0)}, {arm(1000, 0), arm(1000, 40)}}, ""},
	} {
		var pairs []pair
		for _, arms := range row.arms {
			pairs = append(pairs, pair{arms: arms})
		}
		k := objectives([]string{row.objective}, pairs, row.planned)[0]
		if got := k.String(); (k.LeftOut != "") != (row.want != "") || row.want != "" && got != row.want {
			t.Errorf("%s: %q, left out %q; want %q", row.says, got, k.LeftOut, row.want)
		}
		if k.Verdict != Inconclusive {
			t.Errorf("%s: %s; want it open", row.says, k.Verdict)
		}
	}
}
