package compare

import (
	"fmt"
	"slices"
	"strings"

	"bench/reports/page"
	"bench/results"
)

// latest leaves out the cells that were disturbed and measured again, whatever came of that, and returns
// them apart. A repetition takes the place of the cell that it repeats.
func latest(cells []*results.Cell) (kept, left []*results.Cell) {
	type place struct {
		topology, scenario, load string
		block                    int
	}
	at := map[place]int{}
	for _, c := range cells {
		here := place{c.Topology, c.Scenario, c.Load, c.Block}
		i, known := at[here]
		switch {
		case !known:
			at[here] = len(kept)
			kept = append(kept, c)
		case c.Again > kept[i].Again:
			left = append(left, kept[i])
			kept[i] = c
		default:
			left = append(left, c)
		}
	}
	return kept, left
}

// again says how many cells were measured again, and why the first of them was.
func (r *Report) again(left []*results.Cell) {
	if r.MeasuredAgain = len(left); len(left) == 0 {
		return
	}
	void := 0
	for _, c := range r.run.Cells {
		if c.Grade == results.Invalid && c.Again > 0 {
			void++
		}
	}
	message := page.Count(len(left), "cell") + " were disturbed, left out and measured again"
	if len(left) == 1 {
		message = "1 cell was disturbed, left out and measured again"
	}
	if void > 0 {
		message += fmt.Sprintf("; %d remained void", void)
	}
	outside := []string{results.BusyNeighbour, results.ProcessStopped}
	for _, d := range left[0].Diagnostics {
		if slices.Contains(outside, d.Code) || strings.HasPrefix(d.Code, "generator-") {
			message += fmt.Sprintf(". For example %s, %s %s, block %d: %s", left[0].Topology, left[0].Scenario, left[0].Load,
				left[0].Block, d.Message)
			break
		}
	}
	r.Diagnostics = append(r.Diagnostics, results.Diagnostic{Code: "measured-again", Message: message,
		Hint: "Stop other programs, or use a dedicated machine."})
}
