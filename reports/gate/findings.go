package gate

import "bench/reports/page"

// Findings are the changes in cost from base to head.
func (r Report) Findings() (list []page.Finding) {
	for _, m := range r.known() {
		list = append(list, page.Finding{Name: "change of " + m.Title(), Interval: m.Ratio, Format: page.Change})
	}
	return list
}
