package gate

import "bench/results"

// Entries makes the gate's line of the history, from one that holds what its manifest says: the
// figures are head's.
func (r Report) Entries(e results.Entry) []results.Entry {
	e.Topology, e.Scenario, e.Base, e.Verdict = r.Gate.Topology, r.Gate.Scenario, r.Gate.BaseCommit, string(r.Verdict)
	e.Ratios = map[string]float64{}
	for _, m := range r.Metrics {
		if m.Ratio.Measured() {
			e.Metrics[m.Name], e.Ratios[m.Name] = m.Head, m.Ratio.Value
		}
	}
	return []results.Entry{e}
}
