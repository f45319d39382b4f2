package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"time"

	"bench/experiments"
	"bench/experiments/load"
	"bench/experiments/replay"
	"bench/loadgen"
	"bench/results"

	"github.com/spf13/cobra"
)

// replayFlags are the flags of bench replay.
type replayFlags struct {
	sharedFlags
	app  string
	page string
}

func newReplayCommand(s *shell) *cobra.Command {
	var o replayFlags
	c := &cobra.Command{
		Use:   "replay RUN",
		Short: "Carry out a stored run again, and say whether this machine agrees",
		Long: `replay carries out again what a stored run was asked for, and sets what it finds beside the stored
findings, with confidence intervals. A finding disagrees where the two intervals have no value in common.

Exit code 0: this machine agrees; 3: it disagrees in a finding; 4: nothing can be told. A gate of commits
needs them in the repository here; a load goes to whatever now answers at its URL. RUN may be a bundle.`,
		Example: `  bench replay bench-runs/20260102T030405Z-compare-1a2b3c4d
  bench replay 20260102T030405Z-compare-1a2b3c4d.bench.tar.gz --app ../mysite
  bench replay bench-runs/20260102T030405Z-capacity-1a2b3c4d --dry-run`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeRuns,
		RunE: func(c *cobra.Command, args []string) error {
			return withRuns(s, args, func(dirs []string) error { return runReplay(c.Context(), s, dirs[0], o) })
		},
	}
	c.Flags().StringVar(&o.app, "app", "", "`DIR` of the app on this machine (default: as the stored run named it)")
	c.Flags().StringVar(&o.page, "html", "", "write the page of the comparison to `FILE`, too")
	o.add(c, "fleet", "dry-run", "json", "verbose", "out", "allow-host", "shared-machine")
	return c
}

func runReplay(ctx context.Context, s *shell, dir string, o replayFlags) error {
	plan, err := replay.Open(dir, replay.Options{App: o.app, Load: sendAgain})
	if err != nil {
		return err
	}
	if err := plan.Check(o.guard()); err != nil {
		return err
	}
	env, err := s.experimentEnv(o.sharedFlags)
	if err != nil {
		return err
	}
	if o.dryRun {
		p := described{lines: plan.Lines, estimate: plan.Estimate, seed: plan.Stored.Manifest.Seed}
		return p.print(s, env, o.json)
	}
	m := plan.Stored.Manifest
	if env.Engine, err = storedEngine(m, plan.URLs); err != nil {
		return fmt.Errorf("replaying %s: %w", plan.Name, err)
	}
	if env.Config = maps.Clone(m.Config); env.Config == nil {
		env.Config = map[string]string{}
	}
	env.Config["replay"] = plan.Name
	d, report, err := plan.Run(ctx, env)
	endProgress(s)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.errs, "bench: the report of this run is %s\n", filepath.Join(report, "report.html"))
	return errors.Join(outcomeError(d.Outcome), writePage(o.page, d), printDocument(s, d, o.sharedFlags))
}

// sendAgain sends a load and keeps it with the record that bench load prints.
func sendAgain(
	ctx context.Context, env experiments.Env, p loadgen.Plan, objectives []results.Objective,
) (experiments.Result, error) {
	calibration, err := calibrate(ctx, env.Engine, true)
	if err != nil {
		return experiments.Result{}, err
	}
	l := load.Load{Plan: p, Started: time.Now(), Calibration: calibration}
	for _, o := range objectives {
		l.Objectives = append(l.Objectives, o.String())
	}
	watch := loadgen.Watch{Second: load.Follow(p, env.Emit)}
	l.Measurement, err = loadgen.Local{Engine: env.Engine, Guard: env.Guard}.Measure(ctx, p, watch)
	if err != nil {
		return experiments.Result{}, err
	}
	r := newLoadResult(p, l.Measurement, ctx.Err() != nil || l.Measurement.Hopeless != "")
	r.calibrated(calibration)
	r.judge(l.Measurement, objectives)
	l.Result = r
	return load.Keep(ctx, env, l)
}
