package reports

import (
	"fmt"
	"maps"
	"slices"

	"bench/reports/plot"
	"bench/results"
)

// Figures draws the report's plots.
func (r *Report) Figures() ([]*plot.Figure, error) {
	if len(r.compared()) == 0 {
		return nil, nil
	}
	var figures []*plot.Figure
	for _, draw := range []func() (*plot.Figure, error){
		r.rateFigure, r.histogramFigure, r.percentileFigure, r.loadFigure, r.cpuFigure, r.memoryFigure, r.timeFigure,
	} {
		figure, err := draw()
		if err != nil {
			return nil, err
		}
		if figure != nil {
			figures = append(figures, figure)
		}
	}
	return figures, nil
}

func (r *Report) rateFigure() (*plot.Figure, error) {
	var rows []plot.Interval
	for _, s := range r.Scenarios {
		for i, t := range r.compared() {
			l := t.load(s.Name, "burst")
			if l == nil || l.Rate.N == 0 {
				continue
			}
			rows = append(rows, plot.Interval{
				Row: s.Name + ": " + t.Name, Group: i, Value: l.Rate.Value, Low: l.Rate.Low, High: l.Rate.High, LowerBound: l.Rate.LowerBound,
			})
		}
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return plot.Intervals("max-rate", fmt.Sprintf("Rate over %d connections, closed loop", r.connections()), "right answers per second", rows)
}

// percentileFigure shows the greatest open-loop rate that all keep up with, or, where there
// is none, the least rate.
func (r *Report) percentileFigure() (*plot.Figure, error) {
	load := r.commonRate()
	if load == nil {
		return nil, nil
	}
	return plot.Percentiles("latency-percentiles", fmt.Sprintf("Response time by percentile: %s at %s requests per second", load.Scenario, number(load.Offered)), r.distributions(load))
}

// histogramFigure shows the same load as percentileFigure.
func (r *Report) histogramFigure() (*plot.Figure, error) {
	load := r.commonRate()
	if load == nil {
		return nil, nil
	}
	return plot.Histogram("latency-histogram", fmt.Sprintf("Response times: %s at %s requests per second", load.Scenario, number(load.Offered)), r.distributions(load))
}

func (r *Report) distributions(load *Load) []plot.Distribution {
	var list []plot.Distribution
	for _, t := range r.compared() {
		list = append(list, plot.Distribution{Name: t.Name, Hist: results.Total(r.intervals(t.Name, load.Scenario, load.Load), results.Response)})
	}
	return list
}

func (r *Report) commonRate() *Load {
	main, compared := r.main(), r.compared()
	if len(compared) == 0 {
		return nil
	}
	var best *Load
	for _, l := range compared[0].Loads {
		if l.Scenario != main || l.Mode != results.OpenLoop {
			continue
		}
		if best == nil || r.allSustain(l.Load) && l.Offered > best.Offered {
			best = &l
		}
	}
	return best
}

func (r *Report) intervals(topology, scenario, load string) []results.Interval {
	var all []results.Interval
	for _, c := range valid(r.run.Cells) {
		if c.Topology == topology && c.Scenario == scenario && c.Load == load {
			all = append(all, c.Intervals...)
		}
	}
	return all
}

func (r *Report) loadFigure() (*plot.Figure, error) {
	main := r.main()
	var curves []plot.Curve
	any := false
	for i, t := range r.compared() {
		p99 := plot.Curve{Name: t.Name + ", p99", Colour: i}
		p50 := plot.Curve{Name: t.Name + ", p50", Colour: i, Dashed: true}
		for _, l := range t.Loads {
			if l.Scenario == main && l.Mode == results.OpenLoop && l.Response.Count > 0 {
				p99.Points = append(p99.Points, plot.Point{X: l.Offered, Y: float64(l.Response.P99)})
				p50.Points = append(p50.Points, plot.Point{X: l.Offered, Y: float64(l.Response.P50)})
				any = true
			}
		}
		curves = append(curves, p99, p50)
	}
	if !any {
		return nil, nil
	}
	return plot.LatencyByRate("latency-by-rate", "Response time against offered rate: "+main, curves)
}

func (r *Report) cpuFigure() (*plot.Figure, error) {
	var stacks []plot.Stack
	roles := results.Roles{}
	for _, t := range r.compared() {
		stack := plot.Stack{Name: t.Name}
		for _, tier := range slices.Sorted(maps.Keys(t.CPU)) {
			stack.Parts = append(stack.Parts, plot.Part{Name: tier, Value: t.CPU[tier]})
			roles[tier] = t.Roles[tier]
		}
		stacks = append(stacks, stack)
	}
	return plot.Stacks("cpu-per-request", "CPU time of a request: "+r.main(), "milliseconds", stacks, appFirst(roles))
}

func (r *Report) memoryFigure() (*plot.Figure, error) {
	var stacks []plot.Stack
	roles := results.Roles{}
	for _, t := range r.compared() {
		stack := plot.Stack{Name: t.Name}
		for _, tier := range slices.Sorted(maps.Keys(t.PSSByTier)) {
			stack.Parts = append(stack.Parts, plot.Part{Name: tier, Value: float64(t.PSSByTier[tier]) / (1 << 20)})
			roles[tier] = t.Roles[tier]
		}
		stacks = append(stacks, stack)
	}
	return plot.Stacks("memory", "Memory under load (PSS): "+r.main(), "MiB", stacks, appFirst(roles))
}

// appFirst sorts tiers with the app's first, at the foot of every bar: it is in all of them.
func appFirst(roles results.Roles) []string {
	names := slices.Sorted(maps.Keys(roles))
	slices.SortStableFunc(names, func(a, b string) int {
		switch {
		case roles[a] == roles[b] || roles[a] != results.AppRole && roles[b] != results.AppRole:
			return 0
		case roles[a] == results.AppRole:
			return -1
		}
		return 1
	})
	return names
}

func (r *Report) timeFigure() (*plot.Figure, error) {
	load := r.commonRate()
	if load == nil {
		return nil, nil
	}
	var curves []plot.Curve
	for i, t := range r.compared() {
		half, most := plot.Curve{Name: t.Name + ", p50", Colour: i, Dashed: true}, plot.Curve{Name: t.Name + ", p99", Colour: i}
		for _, c := range valid(r.run.Cells) {
			if c.Topology != t.Name || c.Scenario != load.Scenario || c.Load != load.Load {
				continue
			}
			for _, iv := range c.Intervals {
				h := results.Total([]results.Interval{iv}, results.Response)
				if h.TotalCount() < 10 {
					continue // the rest of a second in which the last answers came
				}
				at := c.Started.Sub(r.Started).Seconds() + iv.Start.Seconds()
				half.Points = append(half.Points, plot.Point{X: at, Y: float64(h.ValueAtPercentile(50))})
				most.Points = append(most.Points, plot.Point{X: at, Y: float64(h.ValueAtPercentile(99))})
			}
		}
		curves = append(curves, most, half)
	}
	return plot.OverTime("latency-over-time", fmt.Sprintf("Response time over the run: %s at %s requests per second", load.Scenario, number(load.Offered)), curves)
}
