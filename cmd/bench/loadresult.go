package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"bench/loadgen"
	"bench/results"
)

// loadResult is the JSON of bench load.
type loadResult struct {
	Schema      string          `json:"schema"`
	Target      string          `json:"target"`
	Engine      string          `json:"engine"`
	Mode        string          `json:"mode"`
	Pacer       string          `json:"pacer"`
	Seed        uint64          `json:"seed"`
	Duration    float64         `json:"duration_s"`
	Elapsed     float64         `json:"elapsed_s"`
	Counts      results.Counts  `json:"counts"`
	Rate        loadRate        `json:"rate"`
	Response    results.Summary `json:"response_us"`
	Service     results.Summary `json:"service_us"`
	Lateness    results.Summary `json:"lateness_us"`
	Connect     results.Summary `json:"connect_us"`
	TTFB        results.Summary `json:"ttfb_us"`
	Wakeup      results.Summary `json:"wakeup_us"` // the generator's own delay in reading an answer, of a sample
	Connections loadConnections `json:"connections"`
	Generator   loadGenerator   `json:"generator"`
	Slow        []results.Slow  `json:"slow_clients,omitempty"`
	SLO         []loadObjective `json:"slo,omitempty"`
	Grade       results.Grade   `json:"grade"`
	Causes      []results.Cause `json:"causes"`
}

type loadRate struct {
	Offered  float64 `json:"offered"` // 0 in a closed loop
	Achieved float64 `json:"achieved"`
}

type loadConnections struct {
	Opened  uint64  `json:"opened"`
	PerConn float64 `json:"requests_per_connection"`
}

type loadGenerator struct {
	CPUSeconds    float64 `json:"cpu_seconds"`
	CPUPerRequest float64 `json:"cpu_us_per_request"`
	MaxRSS        int64   `json:"max_rss_bytes"`
	Pacing        string  `json:"pacing,omitempty"`
	Threads       int     `json:"threads,omitempty"`
	Polling       float64 `json:"polling_s"`
	// Headroom is how many times the load's rate one thread could have sent.
	Headroom    float64              `json:"headroom,omitempty"`
	Calibration *results.Calibration `json:"calibration,omitempty"`
	Health      []results.Health     `json:"health,omitempty"`
}

type loadObjective struct {
	Objective string  `json:"objective"`
	Value     float64 `json:"value"`
	Met       bool    `json:"met"`
}

func newLoadResult(p loadgen.Plan, m loadgen.Measurement, calibration *results.Calibration, objectives []results.Objective) loadResult {
	response := results.Total(m.Intervals, results.Response)
	r := loadResult{
		Schema: "bench.load/1", Target: target(p), Engine: m.Generator.Engine, Mode: string(p.Mode), Seed: p.Seed,
		Duration: p.Duration.Seconds(), Elapsed: m.Elapsed.Seconds(), Counts: m.Counts,
		Response: results.Summarize(response),
		Service:  results.Summarize(results.Total(m.Intervals, results.Service)),
		Lateness: results.Summarize(results.Total(m.Intervals, results.Lateness)),
		Connect:  results.Summarize(results.Total(m.Intervals, results.Connect)),
		TTFB:     results.Summarize(results.Total(m.Intervals, results.TTFB)),
		Wakeup:   results.Summarize(results.Total(m.Intervals, results.Wakeup)),
		Generator: loadGenerator{
			CPUSeconds: m.Generator.CPUSeconds, MaxRSS: m.Generator.MaxRSS, Pacing: m.Generator.Pacing,
			Threads: m.Generator.Threads, Polling: m.Generator.Spun, Calibration: calibration, Health: m.Generator.Health,
		},
		Slow: m.Slow, Grade: m.Grade, Causes: m.Causes,
	}
	if r.Causes == nil {
		r.Causes = []results.Cause{}
	}
	// The wait for the last answers is no part of a rate; an interruption shortens it.
	took := min(m.Elapsed, p.Duration).Seconds()
	r.Rate.Achieved = float64(m.Within.OK) / took // right answers, and no others
	if p.Pacer != nil {
		r.Pacer = p.Pacer.String()
		r.Rate.Offered = float64(m.Counts.Intended) / p.Duration.Seconds()
	}
	r.Connections.Opened = m.Opened
	if m.Opened > 0 {
		r.Connections.PerConn = float64(m.Counts.Sent) / float64(m.Opened)
	}
	if m.Counts.Sent > 0 {
		r.Generator.CPUPerRequest = m.Generator.CPUSeconds * 1e6 / float64(m.Counts.Sent)
	}
	if calibration != nil {
		r.Generator.Headroom = calibration.Headroom(r.Rate.Achieved)
	}
	for _, o := range objectives {
		r.SLO = append(r.SLO, loadObjective{o.String(), o.Value(response, m.Counts), o.Met(response, m.Counts)})
	}
	return r
}

// String is the generator's own part in a line.
func (g loadGenerator) String() string {
	text := fmt.Sprintf("generator: %.1f µs of CPU per request", g.CPUPerRequest)
	if g.Pacing != "" {
		text += fmt.Sprintf(", %d threads, pacing %s", g.Threads, g.Pacing)
	}
	if g.Headroom > 0 {
		text += fmt.Sprintf(", headroom %.1f× of a thread's ceiling of %.0f requests per second", g.Headroom, g.Calibration.Ceiling)
	}
	return text
}

// target is what was asked: the URL, or the server where a mix says the paths.
func target(p loadgen.Plan) string {
	if len(p.Mix.Targets) == 1 {
		return p.URL + p.Mix.Targets[0].Path
	}
	return p.URL
}

func printLoad(s *shell, r loadResult, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(s.out)
		out.SetIndent("", "  ")
		return out.Encode(r)
	}
	var out strings.Builder
	load := "closed loop"
	if r.Pacer != "" {
		load = "open loop, " + r.Pacer
	}
	fmt.Fprintf(&out, "%s: %.1f requests per second (%s, %s engine, grade %s)\n", r.Target, r.Rate.Achieved, load, r.Engine, r.Grade)
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tcount\tmin\tmean\tp50\tp90\tp99\tp99.9\tmax\t")
	for _, row := range []struct {
		name string
		s    results.Summary
	}{{"response", r.Response}, {"service", r.Service}, {"lateness", r.Lateness}, {"first byte", r.TTFB}, {"connect", r.Connect}, {"wake-up", r.Wakeup}} {
		us := func(v int64) time.Duration { return time.Duration(v) * time.Microsecond }
		fmt.Fprintf(w, "%s\t%d\t%v\t%v\t%v\t%v\t%v\t%v\t%v\t\n", row.name, row.s.Count, us(row.s.Min), us(int64(row.s.Mean)), us(row.s.P50), us(row.s.P90), us(row.s.P99), us(row.s.P999), us(row.s.Max))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	c := r.Counts
	fmt.Fprintf(&out, "intended %d = ok %d + http_error %d + bad_body %d + connect_error %d + reset %d + timeout %d + unsent %d + in_flight %d\n",
		c.Intended, c.OK, c.HTTPError, c.BadBody, c.ConnectError, c.Reset, c.Timeout, c.Unsent, c.InFlight)
	fmt.Fprintf(&out, "connections %d, requests per connection %.1f, stale retries %d\n", r.Connections.Opened, r.Connections.PerConn, c.StaleRetry)
	fmt.Fprintln(&out, r.Generator)
	for _, slow := range r.Slow {
		fmt.Fprintln(&out, slow)
	}
	for _, o := range r.SLO {
		mark := "met"
		if !o.Met {
			mark = "MISSED"
		}
		fmt.Fprintf(&out, "%s: %s (%g)\n", o.Objective, mark, o.Value)
	}
	for _, cause := range r.Causes {
		fmt.Fprintf(&out, "%s: %s\n", cause.Code, strings.TrimSpace(cause.Message+" "+cause.Remedy))
	}
	_, err := fmt.Fprint(s.out, out.String())
	return errors.Join(err)
}
