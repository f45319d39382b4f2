package capacity

import "bench/reports/page"

// Findings are the capacities of the configurations.
func (r *Report) Findings() (list []page.Finding) {
	for _, s := range r.Configurations {
		list = append(list, page.Finding{Name: "capacity of " + r.label(s), Interval: s.Capacity, Format: page.Number})
	}
	return list
}
