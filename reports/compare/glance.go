package compare

import (
	"fmt"
	"slices"
	"strings"

	"bench/reports/page"
	"bench/reports/plot"
)

// What the first screen shows beside the answer: the topologies by the measures that decide.

// ranked are the compared topologies, in the order of the main scenario.
func (r *Report) ranked() (list []Topology) {
	if len(r.Scenarios) == 0 {
		return nil
	}
	for _, p := range r.Scenarios[0].Order {
		if t := r.topology(p.Topology); t != nil && t.Excluded == "" {
			list = append(list, *t)
		}
	}
	return list
}

// group is the number of a topology's colour.
func (r *Report) group(name string) int {
	return max(0, slices.IndexFunc(r.compared(), func(t Topology) bool { return t.Name == name }))
}

// measure is one thing that topologies are compared by at a glance.
type measure struct {
	name  string
	value func(Topology) string
}

func (r *Report) measures() []measure {
	list := []measure{{
		name: "maximum req/s, " + r.main(),
		value: func(t Topology) string {
			return known(t.MaxThroughput.Measured(), page.Number(t.MaxThroughput.Value))
		},
	}}
	if common := r.commonRate(); common != nil && r.allSustain(common.Load) {
		list = append(list, measure{
			name: "p99 at " + page.Number(common.Offered) + " req/s",
			value: func(t Topology) string {
				l := t.load(common.Scenario, common.Load)
				return known(l != nil && l.Response.Count > 0, page.Micros(l.Response.P99))
			},
		})
	}
	return append(list,
		measure{name: "CPU per request", value: func(t Topology) string {
			return known(t.CPUTotal.Measured(), page.Millis(t.CPUTotal.Value))
		}},
		measure{name: "memory under load", value: func(t Topology) string { return known(t.PSS > 0, page.MiB(t.PSS)) }})
}

func known(measured bool, text string) string {
	if !measured {
		return page.Unknown
	}
	return text
}

// tiles are the measures, each with all topologies, the first of which the answer speaks of.
func (r *Report) tiles() (tiles []page.Tile) {
	ranked := r.ranked()
	for _, m := range r.measures() {
		if len(ranked) == 0 {
			break
		}
		tile := page.Tile{Name: m.name, Value: m.value(ranked[0])}
		for _, t := range ranked[:min(len(ranked), mostTiled)] {
			tile.Rows = append(tile.Rows, page.TileRow{Name: t.Name, Group: r.group(t.Name), Value: m.value(t)})
		}
		tiles = append(tiles, tile)
	}
	return tiles
}

// mostTiled is the number of topologies that fit on the first screen.
const mostTiled = 5

// glance is the throughput on the main scenario.
func (r *Report) glance() plot.Figure {
	var rows []string
	var series []plot.Series
	ranked := r.ranked()
	for _, t := range ranked[:min(len(ranked), mostTiled)] {
		rate := t.MaxThroughput
		series = append(series, plot.Series{Name: t.Name, Group: r.group(t.Name), Points: []plot.Point{{
			X: rate.Value, Y: float64(len(rows)), Low: rate.Low, High: rate.High, AtLeast: rate.LowerBound,
		}}})
		rows = append(rows, t.Name)
	}
	if len(rows) == 0 {
		return plot.Figure{}
	}
	title := fmt.Sprintf("Requests per second on %s, with 95 %% confidence interval", r.main())
	return plot.Intervals("glance", title, "successful responses per second", rows, series)
}

// brief is the table of a terminal.
func (r *Report) brief() []page.Table {
	ranked, measures := r.ranked(), r.measures()
	if len(ranked) == 0 {
		return nil
	}
	t := page.Table{Columns: page.Columns(fmt.Sprintf("%s, %s", r.main(), page.Count(r.connections(), "connection")), "",
		"#req/s", "#95 % CI")}
	for _, m := range measures[1:] {
		t.Columns = append(t.Columns, page.Columns("#"+strings.TrimSuffix(m.name, " under load"))...)
	}
	highest := ranked[0].MaxThroughput.Value
	for _, top := range ranked {
		rate := top.MaxThroughput
		row := []string{
			top.Name, page.Bar(rate.Value/highest, 16), page.Number(rate.Value), page.Range(rate.Interval, page.Number),
		}
		for _, m := range measures[1:] {
			row = append(row, m.value(top))
		}
		t.Rows = append(t.Rows, row)
	}
	return []page.Table{t}
}
