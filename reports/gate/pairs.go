package gate

import (
	"maps"
	"slices"

	"bench/results"
)

// pair is one pair's cells, by arm.
type pair struct {
	number int
	arms   [2]measured
}

// pairsOf sorts cells into pairs. A pair in which either arm was measured badly is void: the
// rule looks at both arms alike, and never at their difference. A head that does not answer
// where base does is no bad measurement, but a finding of its own.
func pairsOf(cells []*results.Cell) (pairs []pair, void, headFailed int) {
	byBlock := map[int]*pair{}
	bad, silent := map[int]bool{}, map[int]*[2]bool{}
	for _, c := range cells {
		p := byBlock[c.Block]
		if p == nil {
			p = &pair{number: c.Block}
			byBlock[c.Block], silent[c.Block] = p, new([2]bool)
		}
		arm := 0
		if c.Topology == results.Head {
			arm = 1
		}
		answered := c.Counts.OK
		if c.Load == results.Alternate {
			p.arms[arm].alternate = c
		} else {
			p.arms[arm].bursts = append(p.arms[arm].bursts, c)
			answered = c.Answered
		}
		bad[c.Block] = bad[c.Block] || c.Grade == results.Invalid || answered == 0
		silent[c.Block][arm] = silent[c.Block][arm] || answered == 0 || slices.ContainsFunc(c.Causes, results.Cause.FromServer)
	}
	for _, number := range slices.Sorted(maps.Keys(byBlock)) {
		p := byBlock[number]
		switch {
		case silent[number][1] && !silent[number][0]:
			headFailed++
		case bad[number]:
			void++
		case p.arms[0].alternate != nil && p.arms[1].alternate != nil:
			pairs = append(pairs, *p)
		}
	}
	return pairs, void, headFailed
}
