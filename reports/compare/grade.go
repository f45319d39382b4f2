package compare

import (
	"fmt"
	"maps"
	"slices"

	"bench/reports/page"
	"bench/results"
)

// grade grades the run by its cells: a few bad ones do not decide.
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

// noDrift is a rise of the throughput within a cell that does not matter.
const noDrift = 1.02

// diagnose adds the diagnostics of the run itself and of its cells to those in the manifest.
func (r *Report) diagnose() {
	if r.Status != results.Complete {
		r.Diagnostics = append(r.Diagnostics, results.Diagnostic{
			Code:    "partial",
			Message: fmt.Sprintf("the run did not finish: it ended after %s", page.Count(len(r.run.Cells), "cell")),
			Hint:    "Run it again for a complete comparison.", Severity: results.Warning,
		})
	}
	r.Diagnostics = append(r.Diagnostics, r.ofCells()...)
	for _, t := range r.compared() {
		if d := t.Drift; d.Known() && d.Low > noDrift {
			r.Diagnostics = append(r.Diagnostics, results.Diagnostic{
				Code: "drift",
				Message: fmt.Sprintf("%s: the throughput rose by %.0f %% [%.0f, %.0f] from the middle to the last third of the "+
					"first closed-loop run after a boot: the server was still warming up", t.Name, 100*(d.Value-1),
					100*(d.Low-1), 100*(d.High-1)),
				Hint: "Use --thorough, which warms up and measures longer.", Severity: results.Warning,
			})
		}
	}
	if r.Blocks == 1 {
		r.Diagnostics = append(r.Diagnostics, results.Diagnostic{
			Code: "one-block", Message: "only one block was measured, so there are no confidence intervals",
			Hint: "Measure at least six blocks: --blocks 6.", Severity: results.Warning,
		})
	}
	r.Diagnostics = results.Weighed(r.Diagnostics)
}

// saidElsewhere reports whether the report says of itself what a cell's diagnostic says: that a load was not
// sustained, that a throughput is a lower bound, or, in a note, that a listen queue overflowed. Such findings
// speak about the servers, not against the measurement, and some stand in every run: its last load step is
// meant to be too much.
func saidElsewhere(c *results.Cell, code string) bool {
	switch code {
	case "connections-busy", "listen-overflow", "generator-bound":
		return true
	case "in-flight": // the rest of an overload, or connections that wait in a full listen queue
		return fellBehind(c) || hasDiagnostic(c, "listen-overflow")
	}
	return false
}

// ofCells are the diagnostics of the cells, each code once, with the first of the worst examples. None is more
// severe than what the cells make of the run.
func (r *Report) ofCells() (list []results.Diagnostic) {
	count, example := map[string]int{}, map[string]results.Diagnostic{}
	for _, c := range r.run.Cells {
		for _, d := range c.Diagnostics {
			if saidElsewhere(c, d.Code) {
				continue
			}
			count[d.Code]++
			if worst, known := example[d.Code]; !known || d.Severity != worst.Severity.Milder(d.Severity) {
				d.Message = fmt.Sprintf("%s, %s %s, block %d: %s", c.Topology, c.Scenario, c.Load, c.Block, d.Message)
				example[d.Code] = d
			}
		}
	}
	for _, code := range slices.Sorted(maps.Keys(count)) {
		d := example[code]
		d.Severity = d.Severity.Milder(results.SeverityOf(r.Grade))
		d.Message = fmt.Sprintf("%d of %s, for example %s",
			count[code], page.Count(len(r.run.Cells), "cell"), d.Message)
		list = append(list, d)
	}
	return list
}
