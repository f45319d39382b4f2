package gate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"bench/reports/page"
	"bench/reports/plot"
)

// What the first screen shows beside the verdict.

// says are the names of metrics in words.
var says = map[string]string{
	"cpu_ms_per_request": "CPU time per request", "p50_ms": "median response time", "slow_share": "slow responses",
	maxThroughput: "maximum throughput",
}

// Title is the name of the metric in words.
func (r Result) Title() string { return cmp.Or(says[r.Name], r.Name) }

// known are the metrics that were measured.
func (r Report) known() []Result {
	return slices.DeleteFunc(slices.Clone(r.Metrics), func(m Result) bool { return !m.Ratio.Measured() })
}

// tiles are the changes, each with the values of both versions.
func (r Report) tiles() (tiles []page.Tile) {
	for _, m := range r.known() {
		note := string(m.Verdict)
		if rows := m.rows(); len(rows) > 1 {
			note += ", corrected for CPU speed from " + page.Change(m.Uncorrected.Value)
		}
		tiles = append(tiles, page.Tile{
			Name: "cost: " + m.Title(), Value: page.Change(m.Ratio.Value), Note: note, Rows: []page.TileRow{
				{Name: "base", Group: 0, Value: m.value(m.Base)}, {Name: "head", Group: 1, Value: m.value(m.Head)},
			},
		})
	}
	return tiles
}

// glance is the change of each metric with its interval.
func (r Report) glance() plot.Figure {
	var rows []string
	var series []plot.Series
	limit := 0.0
	percent := func(ratio float64) float64 { return (ratio - 1) * 100 }
	for i, m := range r.known() {
		at := plot.Point{X: percent(m.Ratio.Value), Y: float64(i)}
		if m.Ratio.Known() {
			at.Low, at.High = percent(m.Ratio.Low), percent(m.Ratio.High)
		}
		rows = append(rows, m.Name)
		series = append(series, plot.Series{Name: m.Name, Group: i, Points: []plot.Point{at}})
		if i == 0 {
			limit = m.Effect * 100
		}
	}
	if len(rows) == 0 {
		return plot.Figure{}
	}
	title := "Change in cost from base to head, with 95 % confidence interval"
	return plot.Effects("glance", title, "change in cost, %: above zero, head is slower", rows, series, limit)
}

// brief is the table of a terminal.
func (r Report) brief() []page.Table {
	t := page.Table{Columns: page.Columns("metric", "#base", "#head", "#cost", "#95 % CI", "verdict")}
	for _, m := range r.Metrics {
		for _, row := range m.rows() {
			t.Rows = append(t.Rows, row[:6])
		}
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return []page.Table{t}
}

// question is what the gate decides.
func (r Report) question() string {
	return fmt.Sprintf("Did this change make %s slower?", cmp.Or(r.manifest.App.Name, "the app"))
}

// replies begin the answer to the question.
var replies = map[Verdict]string{
	Pass: "No", Small: "Hardly", Regression: "Yes", Likely: "Probably", Inconclusive: "Not decided",
	Unfit: "It could not be measured",
}

// reply answers the question, with the metrics in words.
func (r Report) reply() string {
	answer := r.answer()
	for name, title := range says {
		answer = strings.ReplaceAll(answer, name, title)
	}
	return replies[r.Verdict] + ": " + answer
}
