package gate

import "bench/results"

// Entries is the gate's line in the history, made from one that holds what comes from the manifest. The
// figures are those of head.
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
