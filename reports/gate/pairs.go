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

// try is how a pair went, whether or not it could be measured: how many requests each arm got and
// failed, and which arm sent no successful response.
type try struct {
	failed, asked [2]uint64
	silent        [2]bool // no successful response, or its processes died
	notBooted     [2]bool // which is why it is silent
	bad           bool    // an arm has a cell that is not a valid measurement
	why           string  // head did not boot, or responded as it should not
}

// pairsOf sorts cells into pairs, and returns how all of them went. A pair is void if either arm has an
// invalid cell: the rule treats both arms alike, and never looks at their difference. Failures of one
// arm alone are weighed by failuresOf.
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
		successful := float64(c.Counts.OK)
		if c.Load == results.Interleaved {
			p.arms[arm].interleaved = c
		} else {
			p.arms[arm].closedRuns = append(p.arms[arm].closedRuns, c)
			successful, _ = c.Served()
		}
		t.failed[arm], t.asked[arm] = t.failed[arm]+failed(c), t.asked[arm]+c.Counts.Sent
		t.silent[arm] = t.silent[arm] || successful == 0 || slices.ContainsFunc(c.Diagnostics, results.Diagnostic.FromServer)
		t.bad = t.bad || t.silent[arm] || c.Grade == results.Invalid
	}
	for _, number := range slices.Sorted(maps.Keys(byBlock)) {
		p, t := byBlock[number], went[number]
		if p.arms[0].interleaved == nil || p.arms[1].interleaved == nil {
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

// voided is the most frequent reason for void pairs, in words.
func voided(cells []*results.Cell, checks []results.GateCheck) string {
	count := map[string]int{}
	for _, c := range checks {
		for name, arm := range map[string]results.CheckedArm{results.Base: c.Base, results.Head: c.Head} {
			if c.Pair > 0 && arm.NotBooted != "" {
				count[name+" did not boot: "+firstLine(arm.NotBooted)]++
			}
		}
	}
	for _, c := range cells {
		if c.Grade != results.Invalid {
			continue
		}
		for _, d := range c.Diagnostics {
			count[d.Message]++
		}
	}
	if len(count) == 0 {
		return "a closed-loop run got no successful response in time"
	}
	return slices.MaxFunc(slices.Sorted(maps.Keys(count)), func(a, b string) int {
		return cmp.Compare(count[a], count[b])
	})
}
