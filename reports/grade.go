package reports

import (
	"fmt"
	"maps"
	"slices"

	"bench/results"
)

// grade is the run's: that of the cells that are not a small minority.
func (r *Report) grade() {
	counts := map[results.Grade]int{}
	byCode := map[string]int{}
	example := map[string]results.Cause{}
	for _, c := range r.run.Cells {
		counts[c.Grade]++
		for _, cause := range c.Causes {
			byCode[cause.Code]++
			if _, known := example[cause.Code]; !known {
				cause.Message = fmt.Sprintf("%s, %s %s, block %d: %s", c.Topology, c.Scenario, c.Load, c.Block, cause.Message)
				example[cause.Code] = cause
			}
		}
	}
	total := len(r.run.Cells)
	r.Grade = results.Valid
	switch {
	case total == 0 || 4*counts[results.Invalid] > total || len(r.compared()) < 1:
		r.Grade = results.Invalid
	case counts[results.Invalid] > 0, 10*counts[results.Degraded] > total, r.Status != results.Complete:
		r.Grade = results.Degraded
	}
	if r.Status != results.Complete {
		r.Warnings = append(r.Warnings, results.Cause{Code: "partial", Message: fmt.Sprintf("the run did not finish: %d cells were sealed before it ended", total), Remedy: "Run it again for the whole comparison."})
	}
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		cause := example[code]
		cause.Message = fmt.Sprintf("%d of %d cells; the first: %s", byCode[code], total, cause.Message)
		r.Warnings = append(r.Warnings, cause)
	}
	if r.Warnings == nil {
		r.Warnings = []results.Cause{}
	}
	if r.Blocks == 1 {
		r.Warnings = append(r.Warnings, results.Cause{Code: "one-block", Message: "there is one block only, so no interval can be given", Remedy: "Measure six blocks or more: --blocks 6."})
	}
}
