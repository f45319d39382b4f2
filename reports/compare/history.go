package compare

import "bench/results"

// Entries are the run's lines in the history, one for each topology. The first holds what comes from
// the manifest.
func (r *Report) Entries(first results.Entry) (all []results.Entry) {
	for _, t := range r.Topologies {
		e := first
		e.Topology, e.Grade, e.Metrics = t.Ref, string(r.Grade), map[string]float64{}
		for name, v := range map[string]float64{
			"max_throughput": t.MaxThroughput.Value, "cpu_ms_per_request": t.CPUTotal.Value,
			"pss_bytes": float64(t.PSS), "boot_ms": t.BootMS,
		} {
			if v > 0 {
				e.Metrics[name] = v
			}
		}
		all = append(all, e)
	}
	return all
}
