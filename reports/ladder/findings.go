package ladder

import "bench/reports/page"

// Findings are what the steps bring.
func (r *Report) Findings() (list []page.Finding) {
	for _, rung := range r.Rungs {
		if s := rung.Step; s != nil && s.Bound == "" {
			list = append(list, page.Finding{
				Name: "step from " + s.From + " to " + s.To, Interval: s.Interval, Format: page.Factor,
			})
		}
	}
	return list
}
