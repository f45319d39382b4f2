package load

import (
	"bench/reports/page"
	"bench/results"
	"bench/stats"
)

// Findings are the rate of responses and the percentiles of their times, with intervals from second to second: a
// load is a single run, and its seconds are all that it is repeated by.
func (r *Report) Findings() []page.Finding {
	rate, median, tail := map[int]float64{}, map[int]float64{}, map[int]float64{}
	for i, second := range r.cell.Counted() {
		h := results.Total([]results.Interval{second}, r.lead.kind)
		if h.TotalCount() < page.FewestSamples {
			continue
		}
		median[i] = float64(results.Percentile(h, 50))
		tail[i] = float64(results.Percentile(h, 99))
		rate[i] = float64(h.TotalCount()) / second.Length.Seconds()
	}
	micros := func(us float64) string { return page.Micros(int64(us)) }
	list := []page.Finding{
		{Name: "median " + r.lead.name + " of a second", Interval: stats.Estimate(median), Format: micros},
		{Name: "p99 of the " + r.lead.name + " of a second", Interval: stats.Estimate(tail), Format: micros},
	}
	if r.cell.Mode == results.ClosedLoop { // in an open loop it is what was offered
		list = append(list, page.Finding{
			Name: "responses per second", Interval: stats.Estimate(rate), Format: page.Number,
		})
	}
	return list
}
