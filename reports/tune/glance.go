package tune

import (
	"bench/reports/page"
	"bench/reports/plot"
	"bench/stats"
)

// What the first screen shows beside the answer.

// shown are the settings of the last round that meet the objectives, the best first, as many as fit.
func (r *Report) shown() (list []Setting) {
	const most = 5
	for _, s := range r.Settings {
		if s.Final && s.Throughput.Value > 0 && len(list) < most {
			list = append(list, s)
		}
	}
	return list
}

// tiles are the throughput, what it is worth against the baseline, and the memory.
func (r *Report) tiles() []page.Tile {
	best, found := r.setting(r.Best)
	if !found {
		return nil
	}
	rate := page.Tile{
		Name: "req/s under " + r.SLO, Value: page.Number(best.Throughput.Value),
		Note: page.Range(best.Throughput, page.Number),
	}
	against := page.Tile{Name: "to " + r.baselineText(), Value: page.Unknown, Note: "it is the baseline"}
	if to := best.ToBaseline; to != nil {
		against.Value, against.Note = page.Factor(to.Value), proof(*to)
	} else if best.Name != r.Baseline {
		against.Note = "the baseline was not measured under the objectives"
	}
	memory := page.Tile{Name: "memory under load", Value: page.MiB(best.PSS)}
	for i, s := range r.shown() {
		rate.Rows = append(rate.Rows, page.TileRow{Name: s.Name, Group: i, Value: page.Number(s.Throughput.Value)})
		memory.Rows = append(memory.Rows, page.TileRow{Name: s.Name, Group: i, Value: page.MiB(s.PSS)})
	}
	return []page.Tile{rate, against, memory}
}

// proof is the interval of a ratio, and whether it shows a difference.
func proof(to stats.Interval) string {
	text := page.Range(to, page.Factor)
	if to.Direction() == 0 {
		text += ", no difference shown"
	}
	return text
}

// glance is the throughput of the best settings.
func (r *Report) glance() plot.Figure {
	var rows []string
	var series []plot.Series
	for i, s := range r.shown() {
		series = append(series, plot.Series{Name: s.Name, Group: i, Points: []plot.Point{{
			X: s.Throughput.Value, Y: float64(i), Low: s.Throughput.Low, High: s.Throughput.High,
		}}})
		rows = append(rows, s.Name)
	}
	if len(rows) == 0 {
		return plot.Figure{}
	}
	return plot.Intervals("glance", "Requests per second under "+r.SLO+", with 95 % confidence interval",
		"successful responses per second", rows, series)
}
