package ladder

import (
	"context"
	"path/filepath"
	"time"

	"bench/experiments"
	"bench/results"
	"bench/targets"
)

// Run climbs a ladder.
func Run(ctx context.Context, env experiments.Env, spec Spec) (experiments.Result, error) {
	started := time.Now()
	plan, err := spec.Plan()
	if err != nil {
		return experiments.Result{}, err
	}
	lacks, err := env.Unbootable(ctx, plan.Project.App, plan.Topologies())
	if err != nil {
		return experiments.Result{}, err
	}
	if plan, err = plan.Without(lacks); err != nil {
		return experiments.Result{}, err
	}
	stack, err := env.Open(ctx, plan.Project, plan.Topologies(), spec.BootTimeout)
	if err != nil {
		return experiments.Result{}, err
	}
	defer stack.Close()
	e := plan.Experiment
	m := env.Manifest(ctx, stack)
	m.Kind, m.Profile, m.Plan = results.KindLadder, spec.Profile, plan.Lines()
	m.Seed, m.Blocks, m.Baseline = e.Seed, e.Preset.Blocks, e.Arms[0].Name
	m.Scenarios = []results.ScenarioRecord{e.Scenarios[0].Record()}
	for _, skipped := range plan.Skipped {
		d := results.Diagnostic{
			Code: "rung-skipped", Message: skipped.Name + " was skipped: " + skipped.Reason, Hint: skipped.Hint,
			Severity: results.Warning,
		}
		env.Warn(d)
		m.Diagnostics = append(m.Diagnostics, d)
	}
	observed := !stack.Bundled // which says by itself how long it worked on a response
	if observed && env.Fleet != nil {
		observed = false
		m.Diagnostics = append(m.Diagnostics, results.Diagnostic{Code: "app-time-unknown",
			Message: "how long the app worked on a response is not measured on the hosts of a fleet"})
	}
	if m.Topologies, err = stack.Arms(e.Arms); err != nil {
		return experiments.Result{}, err
	}
	return experiments.Conduct(ctx, env, experiments.Task{
		Manifest: m, Spec: plan.Record(), Request: spec, Started: started, Estimate: e.Estimate(),
		Measure: func(ctx context.Context, run *experiments.Run) error {
			runner := run.Runner(stack)
			runner.LeaveOut = true
			var err error
			if observed {
				runner.App, err = targets.Observed(runner.App, targets.Duration, filepath.Join(stack.Site.Scratch, "observing"))
			}
			if err == nil {
				_, err = runner.Run(ctx, e)
			}
			run.Beside(stack.Close())
			return err
		},
	})
}
