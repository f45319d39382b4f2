package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"bench/loadgen"
	"bench/loadgen/native"
	"bench/results"
	"bench/targets"

	"github.com/spf13/cobra"
)

// loadOptions are the flags of bench load.
type loadOptions struct {
	rate        string
	pacer       string
	replay      string
	speed       float64
	arrivals    string
	duration    time.Duration
	connections int
	newConns    bool
	fixedConns  bool
	perConn     int
	sources     []string

	noCalibration bool

	timeout   time.Duration
	mix       string
	sessions  string
	feed      string
	slow      []string
	slowEvery time.Duration
	targets   string
	format    string
	slo       string
	hdr       string
	engine    engineOptions
	seed      uint64
	allow     []string
	json      bool
}

func (s *shell) loadCommand() *cobra.Command {
	var o loadOptions
	c := &cobra.Command{
		Use:   "load URL",
		Short: "Drive one URL with a load: the engine alone",
		Long: `load drives a URL on this machine (or a host named with --allow-host). With --rate it is an
open loop: requests are due when the clock says, whatever the server does, and the response
time counts from then. Without, it is a closed loop: each connection sends its next request
when the last one is answered.`,
		Example: `  bench load http://127.0.0.1:8000/ --rate 300/s --duration 10s
  bench load -c 32 -d 5s http://127.0.0.1:8000/
  bench load http://127.0.0.1:8000 --mix mix.yaml --rate 100 --slo 'p99<50ms,errors<0.1%'
  bench load http://127.0.0.1:8000 --targets targets.txt --pacer 'ramp 10/s 500/s over 30s'`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return s.load(c.Context(), args[0], o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.rate, "rate", "", "open loop at `N[/s]` requests per second")
	f.StringVar(&o.pacer, "pacer", "", "open loop by a pacer: constant, ramp, steps, sine, spike, bursty or poisson")
	f.StringVar(&o.replay, "replay", "", "open loop by the arrival times in `FILE`: an access log, or a time to a line")
	f.Float64Var(&o.speed, "replay-speed", 1, "replay so many times as fast")
	f.StringVar(&o.arrivals, "arrivals", "constant", "with --rate: constant or poisson")
	f.DurationVarP(&o.duration, "duration", "d", 10*time.Second, "how long requests are sent")
	f.IntVarP(&o.connections, "connections", "c", 32, "connections at most (open loop) or exactly (closed loop)")
	f.IntVarP(&o.engine.shards, "threads", "t", 0, "threads of the native engine; 0: one for every four cores")
	f.BoolVar(&o.newConns, "new-connections", false, "open a connection for each request")
	f.BoolVar(&o.fixedConns, "fixed-connections", false, "open loop: open all connections before the clock starts, rather than when they are needed")
	f.IntVar(&o.perConn, "requests-per-connection", 0, "close a connection after `N` requests; 0 keeps it")
	f.StringSliceVar(&o.sources, "source", nil, "local `ADDRESSES` to connect from in turn: each has ports of its own")
	f.BoolVar(&o.noCalibration, "no-calibration", false, "leave out the 0.3 s in which the engine is measured against a null server")
	f.DurationVar(&o.timeout, "timeout", 10*time.Second, "of one request")
	f.StringVar(&o.mix, "mix", "", "`FILE` with a mix in YAML")
	f.StringVar(&o.sessions, "sessions", "", "`FILE` with sessions in YAML: each arrival is a visit of several requests")
	f.StringVar(&o.feed, "feed", "", "CSV or JSON `FILE` whose columns stand for {{column}} in paths, headers and bodies")
	f.StringSliceVar(&o.slow, "slow", nil, "slow clients beside the load: `KIND:N` with headers, body, read or idle, such as headers:200")
	f.DurationVar(&o.slowEvery, "slow-every", time.Second, "how often a slow client sends or reads a byte")
	f.StringVar(&o.targets, "targets", "", "`FILE` with targets in one of vegeta's formats")
	f.StringVar(&o.format, "format", "http", "format of --targets: http or json")
	f.StringVar(&o.slo, "slo", "", "limits, such as 'p99<50ms,errors<0.1%'; exit 3 when one is missed")
	f.StringVar(&o.hdr, "hdr", "", "write the histograms to `FILE` as an HdrHistogram interval log")
	o.engine.flags(f, native.Auto)
	s.commonFlags(c, nil, &o.seed, &o.json, &o.allow)
	return c
}

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

func (s *shell) load(ctx context.Context, rawURL string, o loadOptions) error {
	plan, err := loadPlan(rawURL, o)
	if err != nil {
		return err
	}
	if err := plan.Guard.Check(plan.URL); err != nil {
		return err
	}
	if err := plan.Validate(); err != nil {
		return usageError{err}
	}
	var objectives []results.Objective
	if o.slo != "" {
		if objectives, err = results.ParseObjectives(o.slo); err != nil {
			return err
		}
	}
	engine, why, err := o.engine.choose(plan.URL)
	if err != nil {
		return err
	}
	if why != "" {
		fmt.Fprintf(s.errs, "bench: %s: this load is run by the engine %v\n", why, engine)
	}
	calibration, err := calibrate(ctx, engine, !o.noCalibration)
	if err != nil {
		return err
	}
	var watch loadgen.Watch
	progress := s.newProgress()
	if s.terminal {
		watch.Second = func(l loadgen.Live) { progress.text(liveText(plan, l)) }
	}
	m, err := loadgen.Measure(ctx, engine, plan, watch)
	progress.clear()
	if err != nil {
		return err
	}
	if o.hdr != "" {
		log, err := results.EncodeHlog(m.Intervals)
		if err != nil {
			return err
		}
		if err := results.WriteFile(o.hdr, log); err != nil {
			return err
		}
	}
	result := newLoadResult(plan, m, calibration, objectives)
	if err := s.printLoad(result, o.json); err != nil {
		return err
	}
	return loadVerdict(ctx, result)
}

func liveText(p loadgen.Plan, l loadgen.Live) string {
	return fmt.Sprintf("%v of %v: %d ok, %d failed, last second p50 %v, p99 %v",
		l.Elapsed.Round(time.Second), p.Duration, l.Counts.OK, l.Counts.Failed(), l.P50, l.P99)
}

func loadVerdict(ctx context.Context, r loadResult) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: the figures are those until then", context.Cause(ctx))
	}
	if r.Grade == results.Invalid {
		// The last cause is the most telling: judgement goes from the counts to what explains them.
		return codedError{exitInvalid, fmt.Errorf("the run is INVALID: %s", r.Causes[len(r.Causes)-1].Message)}
	}
	for _, o := range r.SLO {
		if !o.Met {
			return codedError{exitRegression, fmt.Errorf("objective %s missed", o.Objective)}
		}
	}
	return nil
}

// loadPlan turns the URL and the flags into a plan.
func loadPlan(rawURL string, o loadOptions) (loadgen.Plan, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return loadgen.Plan{}, usagef("%q: want http://HOST:PORT/PATH or https://, without a user name", rawURL)
	}
	p := loadgen.Plan{
		URL: u.Scheme + "://" + u.Host, Mode: loadgen.Closed, Duration: o.duration,
		Conns: loadgen.Conns{Max: o.connections, New: o.newConns, Fixed: o.fixedConns, Requests: o.perConn}, Timeout: o.timeout,
		Seed: newSeed(o.seed), Guard: loadgen.Guard{Hosts: o.allow},
	}
	for _, text := range o.sources {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return p, usageError{fmt.Errorf("--source: %w", err)}
		}
		p.Conns.Sources = append(p.Conns.Sources, addr)
	}
	if p.Slow, err = loadgen.ParseSlow(o.slow, o.slowEvery); err != nil {
		return p, usageError{fmt.Errorf("--slow: %w", err)}
	}
	if p.Mix, err = loadMix(u, &p, o); err != nil {
		return p, err
	}
	p.Mix = p.Mix.WithSeed(p.Seed)
	if p.Pacer, err = loadPacer(o, p.Seed); err != nil {
		return p, err
	}
	if p.Pacer != nil {
		p.Mode = loadgen.Open
	}
	return p, nil
}

func loadMix(u *url.URL, p *loadgen.Plan, o loadOptions) (targets.Mix, error) {
	feed, err := loadFeed(o.feed)
	if err != nil {
		return targets.Mix{}, err
	}
	switch {
	case strings.Count(fmt.Sprint(o.mix != "", o.targets != "", o.sessions != ""), "true") > 1:
		return targets.Mix{}, usagef("--mix, --sessions and --targets exclude each other")
	case o.mix != "" || o.sessions != "":
		name, file := "--mix", o.mix
		if o.sessions != "" {
			name, file = "--sessions", o.sessions
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return targets.Mix{}, usageError{fmt.Errorf("%s: %w", name, err)}
		}
		var mix targets.Mix
		if o.sessions != "" {
			mix, err = targets.ParseSessions(data, feed)
		} else {
			mix, err = targets.ParseMix(data)
			mix.Feed = feed
		}
		if err = errors.Join(err, mix.Validate()); err != nil {
			return mix, usageError{fmt.Errorf("%s %s: %w", name, file, err)}
		}
		return mix, nil
	case o.targets != "":
		f, err := os.Open(o.targets)
		if err != nil {
			return targets.Mix{}, usageError{fmt.Errorf("--targets: %w", err)}
		}
		defer f.Close()
		mix, base, err := targets.ParseVegeta(o.format, f)
		if err != nil {
			return mix, usageError{fmt.Errorf("--targets %s: %w", o.targets, err)}
		}
		if base != p.URL {
			return mix, usagef("--targets %s asks %s, the command line %s", o.targets, base, p.URL)
		}
		return mix, nil
	}
	path := u.RequestURI()
	if feed != nil {
		// {{column}} in a URL arrives escaped.
		path = strings.NewReplacer("%7B", "{", "%7D", "}", "%7b", "{", "%7d", "}").Replace(path)
	}
	return targets.Mix{Targets: []targets.Target{{Name: "url", Method: "GET", Path: path}}, Feed: feed}, nil
}

func loadFeed(file string) (*targets.Feed, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, usageError{fmt.Errorf("--feed: %w", err)}
	}
	feed, err := targets.ParseFeed(file, data)
	if err != nil {
		return nil, usageError{err}
	}
	return feed, nil
}

func loadPacer(o loadOptions, seed uint64) (loadgen.Pacer, error) {
	if given := strings.Count(fmt.Sprint(o.rate != "", o.pacer != "", o.replay != ""), "true"); given > 1 {
		return nil, usagef("--rate, --pacer and --replay exclude each other")
	}
	if o.replay != "" {
		f, err := os.Open(o.replay)
		if err != nil {
			return nil, usageError{fmt.Errorf("--replay: %w", err)}
		}
		defer f.Close()
		times, err := loadgen.ParseArrivals(f)
		if err != nil {
			return nil, usageError{fmt.Errorf("--replay %s: %w", o.replay, err)}
		}
		return loadgen.Replay{Times: times, Speed: o.speed}, nil
	}
	if o.pacer != "" {
		p, err := loadgen.ParsePacer(o.pacer)
		if err != nil {
			return nil, usageError{fmt.Errorf("--pacer: %w", err)}
		}
		return p, nil
	}
	if o.arrivals != "constant" && o.arrivals != "poisson" {
		return nil, usagef("--arrivals %q: want constant or poisson", o.arrivals)
	}
	if o.rate == "" {
		return nil, nil
	}
	rate, err := loadgen.ParseRate(o.rate)
	if err != nil {
		return nil, usageError{fmt.Errorf("--rate: %w", err)}
	}
	if o.arrivals == "poisson" {
		return loadgen.NewPoisson(loadgen.Constant{PerSecond: rate}, seed)
	}
	return loadgen.Constant{PerSecond: rate}, nil
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
	r.Rate.Achieved = float64(m.Within.OK+m.Within.HTTPError+m.Within.BadBody) / took
	if p.Pacer != nil {
		r.Pacer = p.Pacer.String()
		r.Rate.Offered = float64(m.Counts.Intended) / p.Duration.Seconds()
		r.Rate.Achieved = float64(m.Counts.Sent-m.Counts.ConnectError) / took
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

func (s *shell) printLoad(r loadResult, asJSON bool) error {
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
