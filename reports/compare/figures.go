package compare

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"bench/reports/page"
	"bench/reports/plot"
	"bench/results"
)

// Figures are the report's figures, as far as the run has data for them.
func (r *Report) Figures() []plot.Figure {
	if len(r.compared()) == 0 {
		return nil
	}
	figures := []plot.Figure{}
	for _, figure := range []func() (plot.Figure, bool){
		r.rateFigure, r.histogramFigure, r.percentileFigure, r.byRateFigure, r.cpuFigure, r.memoryFigure, r.timeFigure,
	} {
		if f, any := figure(); any {
			figures = append(figures, f)
		}
	}
	return append(figures, r.usageFigures()...)
}

func (r *Report) rateFigure() (plot.Figure, bool) {
	var rows []string
	compared := r.compared()
	series := make([]plot.Series, len(compared))
	for _, s := range r.Scenarios {
		for i, t := range compared {
			l := t.load(s.Name, "closed")
			if l == nil || !l.Rate.Measured() {
				continue
			}
			series[i].Name, series[i].Group = t.Name, i
			series[i].Points = append(series[i].Points, plot.Point{
				X: l.Rate.Value, Y: float64(len(rows)), Low: l.Rate.Low, High: l.Rate.High, AtLeast: l.Rate.LowerBound,
			})
			rows = append(rows, s.Name+": "+t.Name)
		}
	}
	series = slices.DeleteFunc(series, func(s plot.Series) bool { return len(s.Points) == 0 })
	title := "Throughput in a closed loop with " + r.onConnections()
	return plot.Intervals("max-throughput", title, "successful responses per second", rows, series), len(rows) > 0
}

// onConnections is the number of connections of all closed loops: "64 connections", "14 to 64 connections".
func (r *Report) onConnections() string {
	least, most := r.connections(), r.connections()
	for _, s := range r.Scenarios {
		if n := r.connectionsOf(s.Name); n > 0 {
			least, most = min(least, n), max(most, n)
		}
	}
	if least < most {
		return fmt.Sprintf("%d to %s", least, page.Count(most, "connection"))
	}
	return page.Count(most, "connection")
}

// percentileFigure shows the highest open-loop rate that all topologies sustain, or the lowest rate
// if there is none.
func (r *Report) percentileFigure() (plot.Figure, bool) {
	load := r.commonRate()
	if load == nil {
		return plot.Figure{}, false
	}
	title := fmt.Sprintf("Response time by percentile: %s at %s requests per second",
		load.Scenario, page.Number(load.Offered))
	return plot.Percentiles("latency-percentiles", title, r.curves(load, page.PercentileCurve)), true
}

// histogramFigure shows the same load as percentileFigure.
func (r *Report) histogramFigure() (plot.Figure, bool) {
	load := r.commonRate()
	if load == nil {
		return plot.Figure{}, false
	}
	title := fmt.Sprintf("Distribution of response times: %s at %s requests per second",
		load.Scenario, page.Number(load.Offered))
	return plot.Histogram("latency-histogram", title, r.curves(load, page.HistogramOutline)), true
}

// curves are the response times of every topology under a load, as series of a figure.
func (r *Report) curves(load *Load, points func(*results.Histogram) []plot.Point) (curves []plot.Series) {
	for _, t := range r.compared() {
		h := results.Total(r.intervals(t.Name, load.Scenario, load.Load), results.Response)
		curves = append(curves, plot.Series{Name: t.Name, Points: points(h)})
	}
	return curves
}

func (r *Report) commonRate() *Load {
	main, compared := r.main(), r.compared()
	if len(compared) == 0 {
		return nil
	}
	var best *Load
	for _, l := range compared[0].Loads {
		if l.Scenario != main || !l.step() {
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

func (r *Report) byRateFigure() (plot.Figure, bool) {
	main := r.main()
	var curves []plot.Series
	any := false
	for i, t := range r.compared() {
		p99 := plot.Series{Name: t.Name + ", p99", Group: i}
		p50 := plot.Series{Name: t.Name + ", p50", Group: i, Dashed: true}
		for _, l := range t.Loads {
			if l.Scenario == main && l.step() && l.Response.Count > 0 {
				p99.Points = append(p99.Points, plot.Point{X: l.Offered, Y: float64(l.Response.P99)})
				p50.Points = append(p50.Points, plot.Point{X: l.Offered, Y: float64(l.Response.P50)})
				any = true
			}
		}
		curves = append(curves, p99, p50)
	}
	f := plot.ByRate("latency-by-rate", "Response time by offered rate: "+main, curves)
	f.Y.Limit = r.tailLimit()
	return f, any
}

// tailLimit is the limit of an objective on p99, in microseconds; 0: there is none.
func (r *Report) tailLimit() float64 {
	for _, text := range r.Objectives {
		if o, err := results.ParseObjective(text); err == nil && o.Metric == "p99" {
			return o.Limit
		}
	}
	return 0
}

func (r *Report) cpuFigure() (plot.Figure, bool) {
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
	title := "CPU time per request: " + r.main()
	return plot.Stacks("cpu-per-request", title, "milliseconds", "ms", stacks, appFirst(roles)), true
}

func (r *Report) memoryFigure() (plot.Figure, bool) {
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
	title := "Memory under load (PSS): " + r.main()
	return plot.Stacks("memory", title, "MiB", "MiB", stacks, appFirst(roles)), true
}

// appFirst sorts tiers, the app's first: every bar has it, at the bottom.
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

func (r *Report) timeFigure() (plot.Figure, bool) {
	load := r.commonRate()
	if load == nil {
		return plot.Figure{}, false
	}
	var curves []plot.Series
	for i, t := range r.compared() {
		half := plot.Series{Name: t.Name + ", p50", Group: i, Dashed: true}
		most := plot.Series{Name: t.Name + ", p99", Group: i}
		for _, c := range valid(r.run.Cells) {
			if c.Topology != t.Name || c.Scenario != load.Scenario || c.Load != load.Load {
				continue
			}
			for _, iv := range c.Intervals {
				h := results.Total([]results.Interval{iv}, results.Response)
				if h.TotalCount() < page.FewestSamples {
					continue // the fraction of a second in which the last responses arrived
				}
				at := c.Started.Sub(r.Started).Seconds() + iv.Start.Seconds()
				half.Points = append(half.Points, plot.Point{X: at, Y: float64(results.Percentile(h, 50))})
				most.Points = append(most.Points, plot.Point{X: at, Y: float64(results.Percentile(h, 99))})
			}
		}
		curves = append(curves, most, half)
	}
	title := fmt.Sprintf("Response time over the run: %s at %s requests per second",
		load.Scenario, page.Number(load.Offered))
	f := plot.OverTime("latency-over-time", title, curves)
	for _, c := range r.run.Cells {
		if c.Scenario == load.Scenario && c.Load == load.Load {
			f.Rules = append(f.Rules, page.Rules(c, c.Started.Sub(r.Started))...)
		}
	}
	return f, true
}

// heatFigures are heat maps of the response times at the common rate, of the topologies that serve most.
func (r *Report) heatFigures() (figures []plot.Figure) {
	load := r.commonRate()
	if load == nil {
		return nil
	}
	ranked := r.ranked()
	for _, t := range ranked[:min(len(ranked), mostHeated)] {
		columns, width := page.HeatColumns(r.intervals(t.Name, load.Scenario, load.Load))
		if len(columns) == 0 {
			continue
		}
		title := fmt.Sprintf("Response times of %s over time, at %s requests per second", t.Name, page.Number(load.Offered))
		name := "latency-heat-" + results.FileName(t.Name)
		f := plot.Heat(name, title, "seconds under this load, all blocks in a row", r.group(t.Name), width, columns)
		begins := time.Duration(0)
		for _, c := range valid(under(r.cells[t.Name], *load)) {
			f.Rules = append(f.Rules, page.Rules(c, begins)...)
			for _, iv := range c.Intervals {
				begins += iv.Length
			}
		}
		figures = append(figures, f)
	}
	return figures
}

// mostHeated is the number of topologies that get a heat map.
const mostHeated = 4
