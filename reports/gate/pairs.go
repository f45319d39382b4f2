package gate

import (
	"cmp"
	"maps"
	"slices"

	"bench/results"
)

// pair is one pair's cells, by arm.
type pair struct {
	number int
	arms   [2]measured
}

// try is how a pair went, whether or not it could be measured: what failed of what was asked,
// and who answered nothing.
type try struct {
	failed, asked [2]uint64
	silent        [2]bool // no right answer, or its processes died
	bad           bool    // either arm was measured badly
}

// pairsOf sorts cells into pairs, and says how all of them went. A pair in which either arm was
// measured badly is void: the rule looks at both arms alike, and never at their difference.
// What a version fails to answer where the other one does is weighed by failuresOf.
func pairsOf(cells []*results.Cell) (pairs []pair, tries []try, void int) {
	byBlock, went := map[int]*pair{}, map[int]*try{}
	for _, c := range cells {
		p, t := byBlock[c.Block], went[c.Block]
		if p == nil {
			p, t = &pair{number: c.Block}, new(try)
			byBlock[c.Block], went[c.Block] = p, t
		}
		arm := 0
		if c.Topology == results.Head {
			arm = 1
		}
		answered := c.Counts.OK
		if c.Load == results.Interleaved {
			p.arms[arm].alternate = c
		} else {
			p.arms[arm].closedRuns = append(p.arms[arm].closedRuns, c)
			answered = c.Successful
		}
		t.failed[arm], t.asked[arm] = t.failed[arm]+failed(c), t.asked[arm]+c.Counts.Sent
		t.silent[arm] = t.silent[arm] || answered == 0 || slices.ContainsFunc(c.Diagnostics, results.Diagnostic.FromServer)
		t.bad = t.bad || t.silent[arm] || c.Grade == results.Invalid
	}
	for _, number := range slices.Sorted(maps.Keys(byBlock)) {
		p, t := byBlock[number], went[number]
		if p.arms[0].alternate == nil || p.arms[1].alternate == nil {
			continue // ended early
		}
		tries = append(tries, *t)
		if t.bad {
			void++
		} else {
			pairs = append(pairs, *p)
		}
	}
	return pairs, tries, void
}

// voided is what most often kept cells from being measured, in words.
func voided(cells []*results.Cell) string {
	count := map[string]int{}
	for _, c := range cells {
		if c.Grade != results.Invalid {
			continue
		}
		for _, cause := range c.Diagnostics {
			count[cause.Message]++
		}
	}
	if len(count) == 0 {
		return "in a closed loop, no request was answered in time"
	}
	return slices.MaxFunc(slices.Sorted(maps.Keys(count)), func(a, b string) int {
		return cmp.Compare(count[a], count[b])
	})
}
