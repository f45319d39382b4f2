package capacity

import (
	"fmt"
	"slices"

	"bench/reports/page"
	"bench/reports/plot"
)

// rateFigures show the capacity: the trials that led to it, and the capacity by configuration.
func (r *Report) rateFigures() []plot.Figure {
	figures := []plot.Figure{r.searches()}
	if r.Sweep != "" && len(r.Configurations) > 1 {
		figures = append(figures, r.bySize())
	}
	return figures
}

// useFigures show what the capacity costs: CPU time, and money if a price was given.
func (r *Report) useFigures() []plot.Figure {
	figures := []plot.Figure{r.utilization()}
	if r.Configurations[0].PerMillion > 0 {
		figures = append(figures, r.prices())
	}
	return figures
}

// searches draws the p99 of the trials, whichever percentile the SLO limits: p99 is what is recorded.
// The limit is drawn if the SLO has one on p99.
func (r *Report) searches() plot.Figure {
	var all []plot.Series
	for _, s := range r.Configurations {
		one := plot.Series{Name: s.Topology}
		if s.Capacity.Low > 0 && s.Capacity.High > 0 {
			one.Span = &plot.Span{Low: s.Capacity.Low, High: s.Capacity.High}
		}
		for _, t := range s.Trials {
			one.Points = append(one.Points, plot.Point{X: t.Rate, Y: t.P99 * 1e3})
		}
		all = append(all, one)
	}
	limit := 0.0
	if r.Model != nil {
		for _, o := range r.Model.objectives {
			if o.Metric == "p99" {
				limit = o.Limit
			}
		}
	}
	return plot.Searches("latency-by-rate", "Trials: p99 by rate", "p99 of the response time", all, limit)
}

func (r *Report) bySize() plot.Figure {
	var seen, heldOut, model []plot.Point
	for _, s := range r.Configurations {
		if s.Capacity.Low == 0 {
			continue // it has no capacity to draw
		}
		at := plot.Point{
			X: float64(s.Value), Y: s.Capacity.Value, Low: s.Capacity.Low, High: max(s.Capacity.Low, s.Capacity.High),
		}
		if s.HeldOut {
			heldOut = append(heldOut, at)
		} else {
			seen = append(seen, at)
		}
		if s.Model != nil {
			p := s.Model.Capacity
			model = append(model, plot.Point{X: float64(s.Value), Y: p.Value, Low: p.Low, High: p.High})
		}
	}
	slices.SortFunc(model, func(a, b plot.Point) int { return int(a.X - b.X) })
	return plot.BySize("capacity", "Capacity by configuration", r.unit(), "requests per second", seen, heldOut, model)
}

func (r *Report) utilization() plot.Figure {
	var stacks []plot.Stack
	var tiers []string
	for _, s := range r.Configurations {
		stack := plot.Stack{Name: r.label(s)}
		for tier, v := range s.Utilization {
			stack.Parts = append(stack.Parts, plot.Part{Name: tier, Value: v * 100})
			if !slices.Contains(tiers, tier) {
				tiers = append(tiers, tier)
			}
		}
		stacks = append(stacks, stack)
	}
	slices.Sort(tiers)
	return plot.Stacks("utilization", "CPU use near the capacity", "share of all cores, %", "%", stacks, tiers)
}

// label is a short name of a configuration.
func (r *Report) label(s Configuration) string {
	if r.Sweep == "" || s.Value == 0 {
		return s.Topology
	}
	if r.fleet() {
		return page.Count(s.Value, "machine")
	}
	return fmt.Sprintf("%s=%d", r.Sweep, s.Value)
}

func (r *Report) prices() plot.Figure {
	part := "one machine"
	if r.fleet() {
		part = "the machines"
	}
	var stacks []plot.Stack
	for _, s := range r.Configurations {
		stacks = append(stacks, plot.Stack{Name: r.label(s), Parts: []plot.Part{{Name: part, Value: s.PerMillion}}})
	}
	const title = "Price of a million requests at the capacity"
	return plot.Stacks("price", title, "price, in the currency of --price", "", stacks, []string{part})
}
