package tune

import "bench/reports/page"

// Findings are the ratios of the settings of the last round to the baseline.
func (r *Report) Findings() (list []page.Finding) {
	for _, s := range r.Settings {
		if s.ToBaseline != nil {
			list = append(list, page.Finding{
				Name: "throughput of " + s.Name + " to " + r.Baseline, Interval: *s.ToBaseline, Format: page.Factor,
			})
		}
	}
	return list
}
