package main

import (
	"bench/loadgen"
	"bench/results"
)

// loadSchema is the version of the JSON of bench load.
const loadSchema = "bench.load/2"

// loadResult is the JSON of bench load.
type loadResult struct {
	Schema      string                `json:"schema"`
	Status      string                `json:"status"` // COMPLETE, or PARTIAL: interrupted
	Target      string                `json:"target"`
	Engine      string                `json:"engine"`
	Mode        string                `json:"mode"`
	Pacer       string                `json:"pacer"`
	Seed        uint64                `json:"seed"`
	Duration    float64               `json:"duration_s"`
	Elapsed     float64               `json:"elapsed_s"`
	Counts      results.Counts        `json:"counts"`
	Statuses    map[int]uint64        `json:"statuses"` // complete responses by status code
	Reasons     []results.Reason      `json:"reasons"`  // why requests failed or were redirected
	Rate        loadRate              `json:"rate"`
	Response    results.Summary       `json:"response_us"`
	Service     results.Summary       `json:"service_us"`
	Lateness    results.Summary       `json:"lateness_us"`
	Connect     results.Summary       `json:"connect_us"`
	TTFB        results.Summary       `json:"ttfb_us"`
	Wakeup      results.Summary       `json:"wakeup_us"` // the generator's own delay in reading responses, sampled
	Targets     map[string]loadTarget `json:"targets"`
	Connections loadConnections       `json:"connections"`
	Generator   loadGenerator         `json:"generator"`
	Slow        []results.Slow        `json:"slow_clients,omitempty"`
	Workers     []results.Worker      `json:"workers,omitempty"` // the load generators, where there were several
	Impact      *results.Impact       `json:"impact,omitempty"`  // of the incidents
	SLO         []results.Judged      `json:"slo,omitempty"`
	Grade       results.Grade         `json:"grade"`
	Diagnostics []results.Diagnostic  `json:"diagnostics"`
}

// loadTarget is the outcome of the requests of one target.
type loadTarget struct {
	Counts   results.Counts  `json:"counts"`
	Statuses map[int]uint64  `json:"statuses"`
	Response results.Summary `json:"response_us"`
	Service  results.Summary `json:"service_us"`
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
	Timer         string  `json:"timer,omitempty"`
	Threads       int     `json:"threads,omitempty"`
	Polling       float64 `json:"polling_s"`
	// Margin is how many times the load's rate one thread could have sent.
	Margin      float64              `json:"margin,omitempty"`
	Calibration *results.Calibration `json:"calibration,omitempty"`
	Health      []results.Health     `json:"health,omitempty"`
}

// newLoadResult is the result of a plan. That of an interrupted one is partial: its figures cover the
// load so far.
func newLoadResult(p loadgen.Plan, m loadgen.Measurement, partial bool) loadResult {
	r := loadResult{
		Schema: loadSchema, Status: results.Complete, Target: target(p), Engine: m.Generator.Engine, Mode: string(p.Mode),
		Seed: p.Seed, Duration: p.Duration.Seconds(), Elapsed: m.Elapsed.Seconds(), Counts: m.Counts,
		Response: summary(m, results.Response), Service: summary(m, results.Service),
		Lateness: summary(m, results.Lateness), Connect: summary(m, results.Connect),
		TTFB: summary(m, results.TTFB), Wakeup: summary(m, results.Wakeup),
		Generator: loadGenerator{
			CPUSeconds: m.Generator.CPUSeconds, MaxRSS: m.Generator.MaxRSS, Timer: m.Generator.Timer,
			Threads: m.Generator.Threads, Polling: m.Generator.Spun, Health: m.Generator.Health,
		},
		Slow: m.Slow, Workers: m.Workers, Grade: m.Grade, Diagnostics: results.Weighed(m.Diagnostics),
	}
	if partial {
		r.Status = results.Partial
	}
	if r.Reasons = m.Reasons; r.Reasons == nil {
		r.Reasons = []results.Reason{}
	}
	r.addTargets(m)
	// The last request of an open loop is due before its duration is over: when its response arrives
	// does not affect the rate.
	r.Rate.Achieved = m.Throughput(p)
	took := p.Duration
	if partial || p.Mode == loadgen.Closed && p.Requests > 0 { // it was shorter than it might have been
		took = min(m.Elapsed, p.Duration)
		r.Rate.Achieved = float64(m.Within.OK) / took.Seconds()
	}
	if p.Mode == loadgen.Closed && p.Requests > 0 {
		r.Duration = took.Seconds()
	}
	if p.Pacer != nil {
		r.Pacer = p.Pacer.String()
		r.Rate.Offered = float64(m.Counts.Intended) / took.Seconds()
	}
	r.Connections.Opened = m.Opened
	if m.Opened > 0 {
		r.Connections.PerConn = float64(m.Counts.Sent) / float64(m.Opened)
	}
	if m.Counts.Sent > 0 {
		r.Generator.CPUPerRequest = m.Generator.CPUSeconds * 1e6 / float64(m.Counts.Sent)
	}
	return r
}

func summary(m loadgen.Measurement, kind results.Kind) results.Summary {
	return results.Summarize(results.Total(m.Intervals, kind))
}

func (r *loadResult) addTargets(m loadgen.Measurement) {
	r.Targets, r.Statuses = map[string]loadTarget{}, map[int]uint64{}
	response := results.TotalByTarget(m.Intervals, results.Response)
	service := results.TotalByTarget(m.Intervals, results.Service)
	of := func(h *results.Histogram) results.Summary {
		if h == nil {
			h = results.NewHistogram()
		}
		return results.Summarize(h)
	}
	for _, t := range m.Targets {
		r.Targets[t.Name] = loadTarget{t.Counts, t.Statuses, of(response[t.Name]), of(service[t.Name])}
		for code, n := range t.Statuses {
			r.Statuses[code] += n
		}
	}
}

// calibrated adds what the engine could have sent.
func (r *loadResult) calibrated(c *results.Calibration) {
	if r.Generator.Calibration = c; c != nil {
		r.Generator.Margin = c.Margin(r.Rate.Achieved)
	}
}

// judge tests the objectives on the measurement.
func (r *loadResult) judge(m loadgen.Measurement, objectives []results.Objective) {
	response := results.Total(m.Intervals, results.Response)
	for _, o := range objectives {
		r.SLO = append(r.SLO, o.Judge(response, m.Counts))
	}
}

// target is the URL under load, or the server if a mix gives the paths.
func target(p loadgen.Plan) string {
	if len(p.Mix.Targets) == 1 {
		return p.URL + p.Mix.Targets[0].Path
	}
	return p.URL
}
