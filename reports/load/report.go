// Package load lays out a run of bench load: one load on one URL. What it says comes from the run's cell,
// and from its findings, which are the result that bench load --json prints.
package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bench/reports/page"
	"bench/reports/plot"
	"bench/results"
)

// Result is the part of bench.load/2 that the page shows.
type Result struct {
	Target string  `json:"target"`
	Mode   string  `json:"mode"`
	Pacer  string  `json:"pacer"`
	Length float64 `json:"duration_s"`
	Rate   struct {
		Offered  float64 `json:"offered"`
		Achieved float64 `json:"achieved"`
	} `json:"rate"`
	Counts   results.Counts    `json:"counts"`
	Statuses map[string]uint64 `json:"statuses"`
	Targets  map[string]struct {
		Counts   results.Counts  `json:"counts"`
		Response results.Summary `json:"response_us"`
		Service  results.Summary `json:"service_us"`
	} `json:"targets"`
	Response    results.Summary      `json:"response_us"`
	Service     results.Summary      `json:"service_us"`
	Lateness    results.Summary      `json:"lateness_us"`
	TTFB        results.Summary      `json:"ttfb_us"`
	Connect     results.Summary      `json:"connect_us"`
	SLO         []results.Judged     `json:"slo"`
	Grade       results.Grade        `json:"grade"`
	Status      string               `json:"status"`
	Workers     []results.Worker     `json:"workers"`
	Diagnostics []results.Diagnostic `json:"diagnostics"`
}

// Report is a load that was measured.
type Report struct {
	Result
	manifest results.Manifest
	cell     *results.Cell
	lead     lead
}

// lead are the times that the report is about: response times, or service times where another tool
// recorded only these.
type lead struct {
	kind    results.Kind
	name    string
	summary results.Summary
}

// Build reads a run of bench load. It is a pure function of the run.
func Build(run *results.Run) (*Report, error) {
	result, err := results.Decode[Result](run.Manifest, results.KindLoad)
	if err != nil {
		return nil, err
	}
	if len(run.Cells) == 0 {
		return nil, errors.New("building the report: the run has no cell")
	}
	r := &Report{*result, run.Manifest, run.Cells[0], lead{results.Response, "response time", result.Response}}
	if result.Response.Count == 0 && result.Service.Count > 0 {
		r.lead = lead{results.Service, "service time", result.Service}
	}
	return r, nil
}

// Document is the report for people.
func (r *Report) Document() page.Document {
	d := page.Document{
		Kind: results.KindLoad, Title: "How does " + r.Target + " respond?", Subject: page.Subject(r.manifest),
		Outcome: r.outcome(), Headline: r.answer(), Heading: r.heading(), Tiles: r.tiles(), Glance: r.glance(),
		Brief: []page.Table{r.times()}, Data: json.RawMessage(r.manifest.Findings),
	}
	times := results.Total(r.cell.Intervals, r.lead.kind)
	title := strings.ToUpper(r.lead.name[:1]) + r.lead.name[1:]
	one := func(points []plot.Point) []plot.Series { return []plot.Series{{Name: r.lead.name, Points: points}} }
	figures := []plot.Figure{r.overTime()}
	if columns, width := page.HeatColumns(r.cell.Intervals); len(columns) > 0 {
		heat := plot.Heat("latency-heat", "Heat map of response times", "seconds since the start of the load", 0, width,
			columns)
		heat.Rules = page.Rules(r.cell, 0)
		figures = append(figures, heat)
	}
	if curve := page.PercentileCurve(times); len(curve) > 1 {
		figures = append(figures, plot.Percentiles("latency-percentiles", title+" by percentile", one(curve)),
			plot.Histogram("latency-histogram", "Distribution of "+r.lead.name+"s", one(page.HistogramOutline(times))))
	}
	d.Sections = []page.Section{
		{ID: "latency", Title: title, Figures: figures, Tables: []page.Table{r.times()}},
		{ID: "targets", Title: title + " by target", Short: "Targets", Tables: []page.Table{r.targets()}},
		{ID: "outcomes", Title: "Requests by outcome", Short: "Outcomes", Tables: []page.Table{r.outcomes()}},
	}
	if len(r.Workers) > 0 {
		d.Sections = append(d.Sections, r.generators())
	}
	if timeline, has := page.Timeline([]*results.Cell{r.cell}); has {
		d.Sections = append(d.Sections, timeline)
	}
	if len(r.Diagnostics) > 0 {
		d.Sections = append(d.Sections, page.Diagnosed(r.Diagnostics))
	}
	return d
}

// outcome is that of the objectives, where the measurement is valid.
func (r *Report) outcome() page.Outcome {
	o := page.Outcome{Verdict: page.Passed, Label: string(r.Grade)}
	for _, judged := range r.SLO {
		switch {
		case judged.Verdict == results.Missed:
			o.Verdict, o.Reason = page.Regressed, "an objective was missed"
		case judged.Verdict == results.Undecided && o.Verdict == page.Passed:
			o.Verdict, o.Reason = page.Inconclusive, "an objective is undecided"
		}
	}
	switch {
	case r.Grade == results.Invalid:
		o.Verdict, o.Reason = page.Invalid, "the run is INVALID; see the diagnostics"
	case r.Grade == results.Degraded && o.Verdict == page.Passed:
		o.Verdict = page.Degraded
	}
	return o
}

// answer is what happened in one sentence.
func (r *Report) answer() string {
	load := fmt.Sprintf("%s requests per second were answered successfully", page.Number(r.Rate.Achieved))
	if r.Rate.Offered > 0 {
		load = fmt.Sprintf("Of %s requests per second offered, %s were answered successfully",
			page.Number(r.Rate.Offered), page.Number(r.Rate.Achieved))
	}
	if r.lead.summary.Count > 0 {
		load += fmt.Sprintf(", half of them within %s and 99 %% within %s", page.Micros(r.lead.summary.P50),
			page.Micros(r.lead.summary.P99))
	}
	for _, o := range r.SLO {
		load += fmt.Sprintf("; %s %s (%s)", o.Objective, o.Verdict, page.Judged(o))
	}
	return load + "."
}

func (r *Report) heading() string {
	load := fmt.Sprintf("closed loop over %s", page.Count(r.cell.Connections, "connection"))
	switch {
	case r.cell.Mode == results.UnknownLoop:
		load = "recorded by another tool"
	case r.Pacer != "":
		load = "open loop, " + r.Pacer
	}
	parts := []string{
		load, fmt.Sprintf("%.3g s", r.Length), page.Count(r.Counts.Intended, "request"), "engine " + r.manifest.Engine,
	}
	if r.Status == results.Partial {
		parts = append(parts, results.Partial)
	}
	return strings.Join(parts, " · ")
}

func (r *Report) tiles() []page.Tile {
	tail := page.Tile{Name: "p99 of the " + r.lead.name, Value: page.Unknown}
	if t := r.lead.summary; t.Count > 0 {
		tail.Value, tail.Note = page.Micros(t.P99), fmt.Sprintf("p50 %s, max %s", page.Micros(t.P50), page.Micros(t.Max))
	}
	rate := page.Tile{Name: "successful responses per second", Value: page.Number(r.Rate.Achieved)}
	if r.Rate.Offered > 0 {
		rate.Note = "of " + page.Number(r.Rate.Offered) + " offered"
	}
	failed := page.Tile{
		Name: "without a successful response", Value: "0 %", Note: page.Count(r.Counts.Failed(), "request"),
	}
	if r.Counts.Intended > 0 {
		failed.Value = page.Percent(float64(r.Counts.Failed()) / float64(r.Counts.Intended))
	}
	return []page.Tile{tail, rate, failed}
}

// glance shows within what time most requests were answered.
func (r *Report) glance() plot.Figure {
	var rows []string
	series := plot.Series{Name: r.Target}
	for _, kind := range []struct {
		name string
		s    results.Summary
	}{{"response time", r.Response}, {"service time", r.Service}, {"first byte", r.TTFB}} {
		if kind.s.Count == 0 {
			continue
		}
		series.Points = append(series.Points, plot.Point{
			X: float64(kind.s.P50), Y: float64(len(rows)), Low: float64(kind.s.Min), High: float64(kind.s.P99),
		})
		rows = append(rows, kind.name)
	}
	if len(rows) == 0 {
		return plot.Figure{}
	}
	f := plot.Intervals("glance", "From the fastest to p99", "time", rows, []plot.Series{series})
	f.X.Unit = "µs"
	f.Reads = "Dot: the median. Bar: from the fastest request to the 99th percentile. The response time counts from " +
		"when a request was due, the service time from when it was sent: where they differ, requests waited to be sent."
	return f
}

// overTime are the percentiles of each second.
func (r *Report) overTime() plot.Figure {
	most := plot.Series{Name: r.lead.name + ", p99"}
	half := plot.Series{Name: r.lead.name + ", p50", Dashed: true}
	for _, iv := range r.cell.Intervals {
		h := results.Total([]results.Interval{iv}, r.lead.kind)
		if h.TotalCount() < page.FewestSamples {
			continue
		}
		at := iv.Start.Seconds()
		most.Points = append(most.Points, plot.Point{X: at, Y: float64(results.Percentile(h, 99))})
		half.Points = append(half.Points, plot.Point{X: at, Y: float64(results.Percentile(h, 50))})
	}
	title := strings.ToUpper(r.lead.name[:1]) + r.lead.name[1:] + " by second"
	f := plot.OverTime("latency-over-time", title, []plot.Series{most, half})
	f.Rules = page.Rules(r.cell, 0)
	f.X.Label, f.Reads = "seconds since the start of the load", "Each point is one second of the load: filled the 99th "+
		"percentile, hollow the median. A slope is a queue that grows; a lone high second is a stop, of the server or of "+
		"the machine."
	f.Rules = page.Rules(r.cell, 0)
	return f
}

func (r *Report) times() page.Table {
	t := page.Table{Columns: page.Columns("time", "#requests", "#min", "#p50", "#p90", "#p99", "#p99.9", "#max")}
	for _, row := range []struct {
		name string
		s    results.Summary
	}{
		{"response", r.Response}, {"service", r.Service}, {"first byte", r.TTFB}, {"connect", r.Connect},
		{"lateness of the generator", r.Lateness},
	} {
		if row.s.Count > 0 {
			t.Rows = append(t.Rows, summary(row.name, row.s))
		}
	}
	return t
}

func summary(name string, s results.Summary) []string {
	return []string{
		name, page.Whole(s.Count), page.Micros(s.Min), page.Micros(s.P50), page.Micros(s.P90), page.Micros(s.P99),
		page.Micros(s.P999), page.Micros(s.Max),
	}
}

func (r *Report) targets() page.Table {
	t := page.Table{Columns: page.Columns("target", "#requests", "#min", "#p50", "#p90", "#p99", "#p99.9", "#max",
		"#failed")}
	if len(r.Targets) < 2 {
		return t // it is the load itself
	}
	for _, name := range slices.Sorted(maps.Keys(r.Targets)) {
		target := r.Targets[name]
		times := target.Response
		if r.lead.kind == results.Service {
			times = target.Service
		}
		t.Rows = append(t.Rows, append(summary(name, times), page.Whole(target.Counts.Failed())))
	}
	return t
}

func (r *Report) outcomes() page.Table {
	t := page.Table{Columns: page.Columns("outcome", "#requests")}
	c := r.Counts
	for _, row := range []struct {
		name string
		n    uint64
	}{
		{"successful", c.OK}, {"HTTP error", c.HTTPError}, {"unexpected body", c.BadBody},
		{"connection refused or failed", c.ConnectError}, {"connection reset", c.Reset}, {"timed out", c.Timeout},
		{"dropped: due, and never sent", c.Dropped}, {"still under way at the end", c.InFlight},
	} {
		if row.n > 0 || row.name == "successful" {
			t.Rows = append(t.Rows, []string{row.name, page.Whole(row.n)})
		}
	}
	for _, code := range slices.Sorted(maps.Keys(r.Statuses)) {
		t.Rows = append(t.Rows, []string{"status " + code, page.Whole(r.Statuses[code])})
	}
	return t
}
