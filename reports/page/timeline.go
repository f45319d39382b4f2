package page

import (
	"fmt"
	"strings"
	"time"

	"bench/reports/plot"
	"bench/results"
)

// Rules are the incidents of a cell for a figure over time, in which the cell's load begins at a place.
func Rules(c *results.Cell, begins time.Duration) (rules []plot.Rule) {
	for _, i := range c.Incidents {
		rules = append(rules, plot.Rule{X: begins.Seconds() + i.At, Label: i.What()})
	}
	return rules
}

// Timeline is the section on the cells with incidents: what was done, and what became of the load. It
// reports whether there are any.
func Timeline(cells []*results.Cell) (Section, bool) {
	s := Section{ID: "timeline", Title: "What happened, and what it cost", Short: "Timeline", Text: []string{
		"Requests were due at regular times while these things were done. Lost: without a successful response. Longest " +
			"gap: the longest time between two successful responses. Recovered: how long it took until, for a second, " +
			"nearly all requests were again answered as before; requests that were due meanwhile and answered late " +
			"count against it.",
	}}
	t := Table{Columns: Columns("topology", "incident", "#at", "#lost", "#longest gap", "#recovered", "#p99 before",
		"#p99 meanwhile", "#p99 after")}
	var cellsOf []*results.Cell
	for _, c := range cells {
		impact := c.Impact()
		if impact == nil || c.Grade == results.Invalid {
			continue
		}
		cellsOf = append(cellsOf, c)
		t.Rows = append(t.Rows, timelineRows(c, impact)...)
	}
	s.Tables, s.Figures = []Table{t}, timelineFigures(cellsOf)
	return s, len(t.Rows) > 0
}

func timelineRows(c *results.Cell, impact *results.Impact) (rows [][]string) {
	for n, i := range impact.Incidents {
		row := []string{
			"", i.What(), fmt.Sprintf("%.2f s", i.At), lost(i.Lost, impact.Lost), Gap(i.Gap), Recovered(i.Recovery), "", "", "",
		}
		if n == 0 {
			row[0] = c.Topology
			row[6], row[7], row[8] = tail(impact.Before), tail(impact.During), tail(impact.After)
		}
		rows = append(rows, row)
	}
	return rows
}

// Gap writes the time between two responses, which is known to 10 ms.
func Gap(seconds float64) string { return fmt.Sprintf("%.2f s", seconds) }

// Recovered writes how long a recovery took, if there was one.
func Recovered(seconds *float64) string {
	if seconds == nil {
		return "not before the end"
	}
	return fmt.Sprintf("%.2f s", *seconds)
}

func tail(s results.Summary) string {
	if s.Count < FewestSamples {
		return Unknown
	}
	return Micros(s.P99)
}

// lost is the number of requests lost, with the classes of all that the load lost.
func lost(n uint64, all results.Counts) string {
	var classes []string
	for _, c := range all.Classes() {
		if c.Class != results.OK && c.Count > 0 {
			classes = append(classes, fmt.Sprintf("%s %d", c.Class, c.Count))
		}
	}
	if n == 0 || len(classes) == 0 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d (%s)", n, strings.Join(classes, ", "))
}

// stretch is the time that a point of a figure over a timeline stands for.
const stretch = 50 * time.Millisecond

// timelineFigures are one figure for each scenario: the first cell of each topology.
func timelineFigures(cells []*results.Cell) (figures []plot.Figure) {
	at, drawn := map[string]int{}, map[string]bool{}
	for _, c := range cells {
		if drawn[c.Scenario+"\x00"+c.Topology] {
			continue
		}
		drawn[c.Scenario+"\x00"+c.Topology] = true
		n, known := at[c.Scenario]
		if !known {
			n = len(figures)
			at[c.Scenario] = n
			f := plot.OverTime("timeline-"+results.FileName(c.Scenario), "Response time around what happened: "+c.Scenario, nil)
			f.X.Label = "seconds since the start of the load"
			f.Reads = "Each point is the slowest successful response among the requests that were due within 50 ms. " +
				"Where there is no point, none was answered. A dashed line is what was done there."
			f.Rules = Rules(c, 0)
			figures = append(figures, f)
		}
		f := &figures[n]
		f.Series = append(f.Series, plot.Series{Name: c.Topology, Group: len(f.Series), Points: slowest(c.Moments)})
	}
	return figures
}

// slowest are the slowest successful responses of each stretch of a load.
func slowest(moments []results.Moment) (points []plot.Point) {
	for _, m := range moments {
		if m.Due == m.Lost {
			continue
		}
		at := (m.At / stretch * stretch).Seconds()
		if n := len(points); n > 0 && points[n-1].X == at {
			points[n-1].Y = max(points[n-1].Y, float64(m.Worst.Microseconds()))
			continue
		}
		points = append(points, plot.Point{X: at, Y: max(1, float64(m.Worst.Microseconds()))})
	}
	return points
}
