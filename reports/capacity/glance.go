package capacity

import (
	"fmt"

	"bench/reports/page"
	"bench/reports/plot"
)

// What the first screen shows beside the answer.

// question is what the run answers.
func (r *Report) question() string {
	if r.Target > 0 {
		return fmt.Sprintf("What does it take to serve %.6g requests per second?", r.Target)
	}
	return fmt.Sprintf("How many requests per second does %s serve?", r.Topology)
}

// tiles are the capacity, what it takes for the target, and the bottleneck.
func (r *Report) tiles() (tiles []page.Tile) {
	if len(r.Configurations) == 0 {
		return nil
	}
	capacity := page.Tile{Name: "capacity, requests per second", Value: page.Unknown, Note: r.SLO}
	if r.Capacity.Low > 0 {
		capacity.Value = page.Number(r.Capacity.Value)
		if r.Capacity.High == 0 {
			capacity.Value = "≥ " + page.Number(r.Capacity.Low)
		}
	}
	for i, s := range r.Configurations[:min(len(r.Configurations), mostTiled)] {
		capacity.Rows = append(capacity.Rows, page.TileRow{Name: r.label(s), Group: i, Value: s.rate(s.Capacity)})
	}
	tiles = append(tiles, capacity)
	if rec := r.Recommendation; rec != nil && rec.Refused == "" {
		tiles = append(tiles, page.Tile{
			Name: fmt.Sprintf("machines for %.6g req/s", rec.Target), Value: fmt.Sprint(rec.Machines),
			Note: rec.reserve(),
		})
	}
	best := r.Configurations[0]
	for _, s := range r.Configurations {
		if s.Capacity.Value > best.Capacity.Value {
			best = s
		}
	}
	tiles = append(tiles, page.Tile{Name: "cores busy near the capacity", Value: fmt.Sprintf("%.0f %%", best.Busy*100)})
	if r.Bottleneck != "" {
		tiles = append(tiles, page.Tile{Name: "bottleneck", Value: r.Bottleneck})
	}
	return tiles
}

// mostTiled is the number of configurations that fit on the first screen.
const mostTiled = 5

// glance is the capacity of each configuration with its interval.
func (r *Report) glance() plot.Figure {
	var rows []string
	var series []plot.Series
	for i, s := range r.Configurations {
		if s.Capacity.Low == 0 || len(rows) == mostTiled {
			continue
		}
		at := plot.Point{X: s.Capacity.Value, Y: float64(len(rows)), Low: s.Capacity.Low, High: s.Capacity.High}
		if at.High == 0 {
			at.High, at.AtLeast = at.Low, true
		}
		rows = append(rows, r.label(s))
		series = append(series, plot.Series{Name: s.Topology, Group: i, Points: []plot.Point{at}})
	}
	if len(rows) == 0 {
		return plot.Figure{}
	}
	return plot.Intervals("glance", "Capacity: the highest rate that meets "+r.SLO, "requests per second", rows, series)
}

// brief is the table of a terminal.
func (r *Report) brief() []page.Table {
	t := page.Table{Columns: page.Columns("configuration", "", "#capacity, req/s", "#interval", "#boots", "#cores busy")}
	highest := 0.0
	for _, s := range r.Configurations {
		highest = max(highest, s.Capacity.Value)
	}
	for _, s := range r.Configurations {
		value, ends, bar := page.Unknown, page.Unknown, ""
		if s.Capacity.Low > 0 {
			value, ends = page.Number(s.Capacity.Value), page.Number(s.Capacity.Low)+" or more"
			bar = page.Bar(s.Capacity.Value/highest, 16)
		}
		if s.Capacity.High > 0 {
			ends = page.Number(s.Capacity.Low) + " – " + page.Number(s.Capacity.High)
		}
		t.Rows = append(t.Rows, []string{
			r.label(s), bar, value, ends, fmt.Sprint(s.Goals[0].Rate.N), fmt.Sprintf("%.0f %%", s.Busy*100),
		})
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return []page.Table{t}
}
