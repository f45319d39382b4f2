package diff

import (
	"fmt"
	"slices"
	"strings"

	"bench/reports/page"
	"bench/reports/plot"
	"bench/results"
	"bench/stats"
)

// Named is a stored run and what it is called.
type Named struct {
	Name string
	Run  *results.Run
}

// Most is how many runs are laid over one another: beyond that no colour is left.
var Most = len(plot.Arms)

// Figures are the names of what runs can be compared by.
func Figures() (names []string) {
	for _, m := range metrics {
		names = append(names, m.name)
	}
	return names
}

// Overlay lays one figure of several runs of any kind over one another, for each load that at least one of
// them measured. It judges nothing: the runs were not measured side by side.
func Overlay(runs []Named, figure string) (page.Document, error) {
	at := slices.Index(Figures(), figure)
	if at < 0 {
		return page.Document{}, fmt.Errorf("%q is not a figure of a run: want one of %s", figure,
			strings.Join(Figures(), ", "))
	}
	if len(runs) == 0 || len(runs) > Most {
		return page.Document{}, fmt.Errorf("%d runs: choose between 1 and %d", len(runs), Most)
	}
	m := metrics[at]
	d := page.Document{
		Kind: "overlay", Title: "How do these runs compare in " + figure + "?",
		Headline: fmt.Sprintf("%s of %s, by load.", strings.ToUpper(figure[:1])+figure[1:], page.Count(len(runs), "run")),
		Heading:  "stored runs, not measured side by side: the machine may have changed between them",
		Outcome:  page.Outcome{Verdict: page.Passed, Label: "OVERLAY"}, Data: map[string]string{"figure": figure},
	}
	cells, order := byLoad(runs)
	table := page.Table{Columns: page.Columns("topology", "scenario", "load")}
	for _, r := range runs {
		table.Columns = append(table.Columns, page.Column{Name: r.Name, Numeric: true})
	}
	var figures []plot.Figure
	for i, key := range order {
		row := []string{key.topology, key.scenario, key.load}
		var names []string
		var series []plot.Series
		for group, r := range runs {
			known := estimate(cells[key][group], m.of)
			row = append(row, page.Interval(known, m.format))
			if known.Value > 0 {
				p := plot.Point{X: known.Value, Y: float64(len(names)), Low: known.Low, High: known.High}
				names = append(names, r.Name)
				series = append(series, plot.Series{Name: r.Name, Group: group, Points: []plot.Point{p}})
			}
		}
		table.Rows = append(table.Rows, row)
		if len(names) > 1 {
			f := plot.Intervals(fmt.Sprintf("overlay-%d", i+1), key.String(), figure, names, series)
			f.X.Unit = m.unit
			figures = append(figures, f)
		}
	}
	d.Sections = []page.Section{
		{ID: "figures", Title: "By load", Figures: figures[:min(len(figures), mostFigures)]},
		{ID: "latency", Title: "Response time by percentile", Figures: curves(runs, cells, order)},
		{ID: "table", Title: "All loads", Tables: []page.Table{table}},
	}
	return d, nil
}

// mostFigures is how many loads get a figure; the table has all.
const mostFigures = 12

// byLoad are the valid cells of each run by load, and the loads in their order.
func byLoad(runs []Named) (cells map[load][][]*results.Cell, order []load) {
	cells = map[load][][]*results.Cell{}
	for i, r := range runs {
		own, keys := measured(r.Run)
		for _, key := range keys {
			if cells[key] == nil {
				cells[key] = make([][]*results.Cell, len(runs))
				order = append(order, key)
			}
			cells[key][i] = own[key]
		}
	}
	return cells, order
}

// estimate is the mean of a figure over cells, with its interval.
func estimate(cells []*results.Cell, of func(*results.Cell) float64) stats.Interval {
	values := map[int]float64{}
	for i, c := range cells {
		if v := of(c); v > 0 {
			values[i] = v
		}
	}
	return stats.Estimate(values)
}

// mostCurves is how many loads get a figure of their percentiles: those that most runs share come first.
const mostCurves = 4

// curves are the response times by percentile, a curve for each run.
func curves(runs []Named, cells map[load][][]*results.Cell, order []load) (figures []plot.Figure) {
	for i, key := range order {
		var series []plot.Series
		for group, list := range cells[key] {
			all := results.NewHistogram()
			for _, c := range list {
				all.Merge(results.Total(c.Counted(), results.Response))
			}
			if points := page.PercentileCurve(all); len(points) > 1 {
				series = append(series, plot.Series{Name: runs[group].Name, Group: group, Points: points})
			}
		}
		if len(series) > 1 && len(figures) < mostCurves {
			figures = append(figures, plot.Percentiles(fmt.Sprintf("percentiles-%d", i+1), key.String(), series))
		}
	}
	return figures
}
