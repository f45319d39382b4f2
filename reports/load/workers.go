package load

import (
	"fmt"
	"time"

	"bench/reports/page"
	"bench/reports/plot"
	"bench/results"
)

// mostDrawn is how many workers a figure can tell apart.
const mostDrawn = 32

// generators is what each of several workers sent, and how far its clock and its part can be trusted.
func (r *Report) generators() page.Section {
	s := page.Section{ID: "workers", Title: "Workers that sent the load", Short: "Workers"}
	t := page.Table{
		Columns: page.Columns("worker", "host", "#clock ahead by", "#±", "#started late by", "#requests", "#successful",
			"#p50", "#p99", "#CPU", "grade"),
		Note: "Each sent its own share of the plan, all from one instant on. A clock's bound is half of the shortest " +
			"round trip to it; durations are those of one clock, and so free of it. Totals are sums of histograms: no " +
			"percentile is a mean of these.",
	}
	for _, w := range r.Workers {
		grade := string(w.Grade)
		if w.Lost != "" {
			grade = "LOST: " + w.Lost
		}
		t.Rows = append(t.Rows, []string{
			w.Name, w.Host, rounded(w.ClockOffset), rounded(w.ClockBound), rounded(w.StartLate),
			fmt.Sprint(w.Counts.Intended), fmt.Sprint(w.Counts.OK), page.Micros(w.Response.P50), page.Micros(w.Response.P99),
			fmt.Sprintf("%.2f s", w.CPU), grade,
		})
	}
	s.Tables = []page.Table{t}
	if f, several := spread(r.Workers); several {
		s.Figures = []plot.Figure{f}
	}
	return s
}

func rounded(d time.Duration) string { return d.Round(time.Microsecond).String() }

// spread sets the workers' response times side by side.
func spread(workers []results.Worker) (plot.Figure, bool) {
	if len(workers) < 2 || len(workers) > mostDrawn {
		return plot.Figure{}, false
	}
	var rows []string
	series := plot.Series{Name: "response time"}
	for _, w := range workers {
		if w.Response.Count == 0 {
			continue
		}
		series.Points = append(series.Points, plot.Point{
			X: float64(w.Response.P50), Y: float64(len(rows)), Low: float64(w.Response.Min), High: float64(w.Response.P99),
		})
		rows = append(rows, w.Name)
	}
	f := plot.Intervals("workers", "Response times by worker", "response time", rows, []plot.Series{series})
	f.X.Unit = "µs"
	f.Reads = "Dot: the median. Bar: from the fastest request to the 99th percentile. Workers that see the same server " +
		"over the same network are alike; one that stands apart has another network, or a busy machine."
	return f, len(rows) > 1
}
