package compare

import "bench/results"

// Entries makes a line of the history for each topology, from one that holds what the manifest
// says.
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
