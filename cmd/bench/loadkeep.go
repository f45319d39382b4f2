package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"bench/experiments"
	"bench/experiments/load"
	"bench/loadgen"
	"bench/results"
	"bench/scenarios"
)

// keepLoad writes a load and what was printed of it as a run with its page, unless --no-report says not to.
func keepLoad(
	ctx context.Context, s *shell, o loadOptions, plan loadgen.Plan, m loadgen.Measurement, engine loadgen.Engine,
	objectives []results.Objective, r loadResult, started time.Time, timeline scenarios.Timeline,
) error {
	if o.noReport {
		return nil
	}
	l := load.Load{
		Plan: plan, Measurement: m, Started: started, Calibration: r.Generator.Calibration, Result: r, Timeline: timeline,
	}
	for _, objective := range objectives {
		l.Objectives = append(l.Objectives, objective.String())
	}
	env := experiments.Env{Version: version, Results: o.out, Engine: engine, Guard: o.guard(), Config: o.config}
	kept, err := load.Keep(ctx, env, l)
	if kept.Dir != "" {
		fmt.Fprintf(s.errs, "bench: the report is %s\n", filepath.Join(kept.Dir, "report.html"))
	}
	if ctx.Err() != nil && kept.Dir != "" {
		return nil // that it was interrupted is said by the verdict
	}
	if err != nil {
		return fmt.Errorf("keeping the load in %s (--no-report does without): %w", o.out, err)
	}
	return nil
}
