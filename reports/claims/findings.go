package claims

import "bench/reports/page"

// Findings are the figures that the predictions are judged by.
func (r *Report) Findings() (list []page.Finding) {
	for _, c := range r.Claims {
		for _, p := range c.Predictions {
			if p.Effect.Known() {
				list = append(list, page.Finding{Name: c.Name + ": " + p.Says, Interval: p.Effect, Format: page.Number})
			}
		}
	}
	return list
}
