package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"bench/experiments"
	"bench/loadgen"
	"bench/loadgen/native"
	"bench/loadgen/pacing"
	"bench/reports/page"
	"bench/results"
	"bench/targets"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// loadOptions are the flags of bench load.
type loadOptions struct {
	sharedFlags
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
	// wholePacer means that no duration was given: a pacer that ends is run to its end.
	wholePacer bool
}

func newLoadCommand(s *shell) *cobra.Command {
	var o loadOptions
	c := &cobra.Command{
		Use:   "load URL",
		Short: "Generate load on one URL",
		Long: `load generates load on a URL on this machine, or on a host named with --allow-host. With --rate,
--pacer or --replay it is an open loop: requests are due at fixed times, whatever the server does,
and response times count from then. Otherwise it is a closed loop: each connection sends its next
request when the previous response has arrived.`,
		Example: `  bench load http://127.0.0.1:8000/ --rate 300/s --duration 10s
  bench load -c 32 -d 5s http://127.0.0.1:8000/
  bench load http://127.0.0.1:8000 --mix mix.yaml --rate 100 --slo 'p99<50ms,errors<0.1%'
  bench load http://127.0.0.1:8000 --targets targets.txt --pacer 'ramp 10/s 500/s over 30s'`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.wholePacer = !c.Flags().Changed("duration")
			return runLoad(c.Context(), s, args[0], o)
		},
	}
	o.flags(c.Flags())
	o.add(c, "json", "seed", "allow-host")
	c.MarkFlagsMutuallyExclusive("rate", "pacer", "replay")
	c.MarkFlagsMutuallyExclusive("mix", "sessions", "targets")
	return c
}

func (o *loadOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.rate, "rate", "", "open loop at `N[/s]` requests per second")
	f.DurationVarP(&o.duration, "duration", "d", 10*time.Second,
		"how long to send requests; unless given, a pacer or recording that ends is run to its end")
	f.IntVarP(&o.connections, "connections", "c", 32, "`N` connections: at most (open loop), or exactly (closed loop)")
	f.IntVarP(&o.engine.shards, "threads", "t", 0, "`N` threads of the native engine; 0: one for every four cores")
	f.DurationVar(&o.timeout, "timeout", 10*time.Second, "time limit for one request")
	f.StringVar(&o.slo, "slo", "",
		"`OBJECTIVES` such as 'p99<50ms,errors<0.1%'; exit code 3 if one is missed,\n4 if there are too few requests")

	f.StringVar(&o.arrivals, "arrivals", "constant", "with --rate: constant or poisson")
	f.StringVar(&o.pacer, "pacer", "", "open loop by a `PACER`: "+strings.Join(pacing.Names(), ", "))
	f.StringVar(&o.replay, "replay", "", "open loop with the arrival times in `FILE`: an access log, or one time per line")
	f.Float64Var(&o.speed, "replay-speed", 1, "replay `N` times as fast")

	f.StringVar(&o.mix, "mix", "", "`FILE` with a mix of targets in YAML")
	f.StringVar(&o.sessions, "sessions", "", "`FILE` with sessions in YAML: each arrival is a visit of several requests")
	f.StringVar(&o.targets, "targets", "", "`FILE` with targets in vegeta's formats, or a browser's HAR file")
	f.StringVar(&o.format, "format", "",
		"`FORMAT` of --targets: "+strings.Join(targets.ListFormats(), ", ")+"; unless given, the file shows it")
	f.StringVar(&o.feed, "feed", "", "CSV or JSON `FILE` whose columns replace {{column}} in paths, headers and bodies")
	f.StringSliceVar(&o.slow, "slow", nil,
		"N slow clients in addition to the load: `KIND:N`, where KIND is headers, body, read or idle")
	f.DurationVar(&o.slowEvery, "slow-every", time.Second, "how often a slow client sends or reads a byte")

	f.BoolVar(&o.newConns, "new-connections", false, "open a connection for each request")
	f.BoolVar(&o.fixedConns, "fixed-connections", false,
		"open loop: open all connections before the load starts, rather than when needed")
	f.IntVar(&o.perConn, "requests-per-connection", 0, "close a connection after `N` requests; 0: never")
	f.StringSliceVar(&o.sources, "source", nil,
		"local `ADDRESSES` to connect from in turn: each has its own range of ports")

	f.StringVar(&o.hdr, "hdr", "", "write the histograms to `FILE` as an HdrHistogram interval log")
	f.BoolVar(&o.noCalibration, "no-calibration", false,
		"skip the generator calibration: 0.3 s against a null server")
	o.engine.flags(f, native.Auto)
}

func runLoad(ctx context.Context, s *shell, rawURL string, o loadOptions) error {
	plan, objectives, err := o.requested(rawURL)
	if err != nil {
		return err
	}
	engine, why, err := o.engine.chooseFor(plan)
	if err != nil {
		return err
	}
	if why != "" {
		fmt.Fprintf(s.errs, "bench: %s: this load uses the engine %v\n", why, engine)
	}
	calibration, err := calibrate(ctx, engine, !o.noCalibration)
	if err != nil {
		return err
	}
	var watch loadgen.Watch
	progress := newProgress(s)
	if s.terminal {
		watch.Second = func(l loadgen.Live) { progress.text(liveText(plan, l)) }
	}
	m, err := loadgen.Local{Engine: engine, Guard: o.guard()}.Measure(ctx, plan, watch)
	progress.clear()
	if err == nil {
		err = o.writeHistograms(m)
	}
	if err != nil {
		return err
	}
	result := newLoadResult(plan, m, ctx.Err() != nil)
	result.calibrated(calibration)
	result.judge(m, objectives)
	if err := printLoad(s, result, o.json); err != nil {
		return err
	}
	return loadVerdict(ctx, result)
}

// requested is the plan and the objectives that the flags describe.
func (o loadOptions) requested(rawURL string) (plan loadgen.Plan, objectives []results.Objective, err error) {
	if plan, err = o.plan(rawURL); err != nil {
		return plan, nil, err
	}
	if err := plan.Validate(); err != nil {
		return plan, nil, experiments.Misuse(err)
	}
	if err := o.guard().Check(plan.URL); err != nil {
		return plan, nil, err
	}
	if o.hdr != "" {
		if err := results.CheckOutput(o.hdr); err != nil { // before the load, rather than after it
			return plan, nil, usagef("--hdr %w", err)
		}
	}
	if o.slo != "" {
		objectives, err = results.ParseObjectives(o.slo)
	}
	return plan, objectives, err
}

func loadVerdict(ctx context.Context, r loadResult) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: the figures cover the load so far", context.Cause(ctx))
	}
	if r.Grade == results.Invalid {
		// The last diagnostic says the most: judgement goes from the counts to what explains them.
		return experiments.Invalidf("the run is INVALID: %s", r.Diagnostics[len(r.Diagnostics)-1].Message)
	}
	for _, bad := range []struct {
		objective string
		load      page.Verdict
	}{{results.Missed, page.Regressed}, {results.Undecided, page.Inconclusive}} {
		at := slices.IndexFunc(r.SLO, func(o results.Judged) bool { return o.Verdict == bad.objective })
		if at >= 0 {
			o := r.SLO[at]
			return &experiments.Error{Verdict: bad.load,
				Err: fmt.Errorf("objective %s %s (%s)", o.Objective, o.Verdict, page.Judged(o))}
		}
	}
	return nil
}
