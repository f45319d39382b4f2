package capacity

import (
	"fmt"
	"maps"
	"slices"

	"bench/reports/page"
	"bench/reports/plot"
	"bench/results"
)

// nearest is the longest valid trial of the topology that serves most, at the highest rate that it is shown to
// serve; nil if there is none.
func (r *Report) nearest(cells []*results.Cell) (best *results.Cell) {
	for _, c := range cells {
		if c.Topology != r.Topology || c.Mode != results.OpenLoop || c.Grade == results.Invalid || c.Rate > r.Capacity.Value {
			continue
		}
		if best == nil || c.Rate > best.Rate || c.Rate == best.Rate && c.Duration > best.Duration {
			best = c
		}
	}
	return best
}

// courseFigures show how the trial closest to the capacity went: its response times, and what each tier used.
func (r *Report) courseFigures() (figures []plot.Figure) {
	c := r.trial
	if c == nil {
		return nil
	}
	of := fmt.Sprintf("%s at %s requests per second", c.Topology, page.Number(c.Rate))
	if columns, width := page.HeatColumns(c.Intervals); len(columns) > 0 {
		f := plot.Heat("latency-heat", "Response times close to the capacity: "+of, "seconds since the start of the trial",
			0, width, columns)
		f.Rules = page.Rules(c, 0)
		figures = append(figures, f)
	}
	tiers := map[string]bool{}
	for _, u := range c.Usage {
		tiers[u.Tier] = true
	}
	use := page.NewUse(slices.Sorted(maps.Keys(tiers)))
	use.Add(0, c.Usage)
	for _, f := range use.Figures(of) {
		f.X.Label = "seconds since the start of the trial"
		figures = append(figures, f)
	}
	return figures
}
