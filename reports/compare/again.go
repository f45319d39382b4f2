package compare

import (
	"fmt"
	"slices"
	"strings"

	"bench/reports/page"
	"bench/results"
)

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
