package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bench/experiments"
	"bench/experiments/load"
	"bench/loadgen"
	"bench/reports/page"
	"bench/results"

	"github.com/spf13/cobra"
)

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
  bench load http://127.0.0.1:8000/api -H 'Authorization: Bearer TOKEN' -m POST -b @order.json -n 1000
  bench load http://127.0.0.1:8000 --targets targets.txt --pacer 'ramp 10/s 500/s over 30s'`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.wholePacer, o.config = !c.Flags().Changed("duration"), flagValues(c)
			if o.requests == 0 && c.Flags().Changed("requests") {
				return usagef("--requests 0: want at least one; without the flag, as many as the duration takes")
			}
			return runLoad(c.Context(), s, args[0], o)
		},
	}
	o.flags(c)
	return c
}

func runLoad(ctx context.Context, s *shell, rawURL string, o loadOptions) error {
	plan, objectives, notes, err := o.requested(rawURL)
	if err != nil {
		return err
	}
	for _, note := range notes {
		fmt.Fprintf(s.errs, "bench: %s\n", note)
	}
	if o.engine.secure, err = o.tls.config(plan); err != nil {
		return err
	}
	o.engine.http1 = o.tls.http1
	engine, why, err := o.engine.chooseFor(plan)
	if err != nil {
		return err
	}
	if why != "" {
		fmt.Fprintf(s.errs, "bench: %s: this load uses the engine %v\n", why, engine)
	}
	if o.dryRun {
		return o.foresee(s, plan, engine)
	}
	calibration, err := calibrate(ctx, engine, !o.noCalibration && o.workers.where == "")
	if err != nil {
		return err
	}
	measurer, end, err := o.measurer(ctx, s, plan, engine)
	if err != nil {
		return err
	}
	started := time.Now()
	watch := loadgen.Watch{Second: load.Follow(plan, progress(s).Show)}
	m, err := measurer.Measure(ctx, plan, watch)
	endProgress(s)
	if err := end(); err != nil {
		fmt.Fprintf(s.errs, "bench: %v\n", err) // it takes nothing from what was measured
	}
	if err == nil {
		err = o.writeHistograms(m)
	}
	if err != nil {
		return err
	}
	result := newLoadResult(plan, m, ctx.Err() != nil || m.Hopeless != "")
	result.calibrated(calibration)
	result.judge(m, objectives)
	timeline, err := o.timeline()
	if err != nil {
		return err
	}
	result.Impact = load.Impact(plan, m, timeline)
	err = printLoad(s, result, o.json)
	if err == nil {
		err = keepLoad(ctx, s, o, plan, m, engine, objectives, result, started, timeline)
	}
	if err != nil {
		return err
	}
	return loadVerdict(ctx, m, result)
}

// requested is the plan and the objectives that the flags describe, with what there is to say about
// how they were understood.
func (o loadOptions) requested(rawURL string) (
	plan loadgen.Plan, objectives []results.Objective, notes []string, err error) {
	if plan, notes, err = o.plan(rawURL); err != nil {
		return plan, nil, nil, err
	}
	if err := plan.Validate(); err != nil {
		return plan, nil, nil, experiments.Misuse(err)
	}
	if err := o.guard().Check(plan.URL); err != nil {
		return plan, nil, nil, err
	}
	if o.slo != "" {
		objectives, err = results.ParseObjectives(o.slo)
	}
	return plan, objectives, notes, err
}

func loadVerdict(ctx context.Context, m loadgen.Measurement, r loadResult) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: the figures cover the load so far", context.Cause(ctx))
	}
	if r.Grade == results.Invalid {
		return experiments.Invalidf("the run is INVALID: %s", m.Fault)
	}
	for _, bad := range []struct {
		objective string
		load      page.Verdict
	}{{results.Missed, page.Regressed}, {results.Undecided, page.Inconclusive}} {
		at := slices.IndexFunc(r.SLO, func(o results.Judged) bool { return o.Verdict == bad.objective })
		if at >= 0 {
			return &experiments.Error{Verdict: bad.load, Err: fmt.Errorf("objective %s", objectiveLine(r.SLO[at]))}
		}
	}
	return nil
}
