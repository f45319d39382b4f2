package compare

import (
	"fmt"
	"maps"
	"slices"

	"bench/reports/page"
	"bench/results"
)

// grade is the run's: that of the cells that are not a small minority.
func (r *Report) grade() {
	counts := map[results.Grade]int{}
	for _, c := range r.run.Cells {
		counts[c.Grade]++
	}
	total := len(r.run.Cells)
	r.Grade = results.Valid
	switch {
	case total == 0 || 4*counts[results.Invalid] > total || len(r.compared()) < 1:
		r.Grade = results.Invalid
	case counts[results.Invalid] > 0, 10*counts[results.Degraded] > total, r.Status != results.Complete:
		r.Grade = results.Degraded
	}
}

// diagnose adds what the run itself and its cells show to what is known of it already.
func (r *Report) diagnose() {
	if r.Diagnostics == nil {
		r.Diagnostics = []results.Diagnostic{}
	}
	if r.Status != results.Complete {
		r.Diagnostics = append(r.Diagnostics, results.Diagnostic{
			Code:    "partial",
			Message: fmt.Sprintf("the run did not finish: %s sealed before it ended", were(len(r.run.Cells))),
			Hint:    "Run it again for a complete comparison.",
		})
	}
	r.Diagnostics = append(r.Diagnostics, r.ofCells()...)
	if r.Blocks == 1 {
		r.Diagnostics = append(r.Diagnostics, results.Diagnostic{
			Code: "one-block", Message: "only one block was measured, so there are no confidence intervals",
			Hint: "Measure at least six blocks: --blocks 6.",
		})
	}
}

// ofCells are the diagnostics of the cells, each once, with the first example.
func (r *Report) ofCells() (list []results.Diagnostic) {
	count, example := map[string]int{}, map[string]results.Diagnostic{}
	for _, c := range r.run.Cells {
		for _, cause := range c.Diagnostics {
			if count[cause.Code]++; count[cause.Code] == 1 {
				cause.Message = fmt.Sprintf("%s, %s %s, block %d: %s", c.Topology, c.Scenario, c.Load, c.Block, cause.Message)
				example[cause.Code] = cause
			}
		}
	}
	for _, code := range slices.Sorted(maps.Keys(count)) {
		cause := example[code]
		cause.Message = fmt.Sprintf("%d of %s; the first: %s",
			count[code], page.Count(len(r.run.Cells), "cell"), cause.Message)
		list = append(list, cause)
	}
	return list
}

// were is a number of cells with its verb.
func were(cells int) string {
	if cells == 1 {
		return "1 cell was"
	}
	return page.Count(cells, "cell") + " were"
}
