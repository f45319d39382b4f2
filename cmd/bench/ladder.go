package main

import (
	"context"
	"strings"
	"time"

	"bench/experiments/ladder"
	"bench/loadgen/native"
	"bench/scenarios"
	"bench/servers"

	"github.com/spf13/cobra"
)

// ladderOptions are the flags of bench ladder.
type ladderOptions struct {
	sharedFlags
	spec   ladder.Spec
	engine engineOptions
}

func newLadderCommand(s *shell) *cobra.Command {
	var o ladderOptions
	c := &cobra.Command{
		Use:   "ladder",
		Short: "Measure what each step brings, from the development server to a cluster",
		Long: `ladder measures the same app at each rung of a ladder of deployments, and says what each step brings:
its ratio with a confidence interval, what the servers did, and whether it depends on the steps
before it. A step whose interval includes 1 has no measurable effect.`,
		Example: `  bench ladder                          # from runserver to a cluster behind nginx
  bench ladder --scenario io --quick
  bench ladder --ladder gunicorn --app ../mysite
  bench ladder --ladder ./mine.yaml --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.spec.Seed, o.spec.Preset = newSeed(o.seed), o.preset()
			return runLadder(c.Context(), s, c, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.spec.Ladder, "ladder", ladder.DefaultLadder,
		strings.Join(scenarios.Ladders(), ", ")+" or a .yaml `FILE`")
	f.StringVar(&o.spec.Scenario, "scenario", "", scenarioUsage)
	f.StringVar(&o.spec.App, "app", "", appUsage)
	f.BoolVar(&o.quick, "quick", false, "finish within four minutes, with wider intervals")
	o.add(c, "thorough")
	c.MarkFlagsMutuallyExclusive("quick", "thorough")
	f.StringVar(&o.spec.Profile, "profile", servers.Controlled, profileUsage)
	f.IntVar(&o.spec.Blocks, "blocks", 0, "repeat each rung `N` times (default: 6; --quick: 3, --thorough: 12)")
	f.Float64Var(&o.spec.Precision, "precision", 0,
		"end when the ratios to the lowest rung are known to ± `PERCENT` (default: 10; --thorough: 3)")
	f.DurationVar(&o.spec.Budget, "budget", 0, "time limit (default: 10m; --quick: 4m, --thorough: none)")
	f.DurationVar(&o.spec.BootTimeout, "boot-timeout", 30*time.Second, "time limit for a rung to become ready")
	o.engine.flags(f, native.Sleep)
	o.add(c, "fleet", "dry-run", "json", "verbose", "out", "seed", "allow-host", "shared-machine")
	complete(c, "ladder", "scenario", "profile")
	return c
}

func runLadder(ctx context.Context, s *shell, c *cobra.Command, o ladderOptions) error {
	plan, err := o.spec.Plan()
	if err != nil {
		return err
	}
	o.fleet.engine = o.engine
	env, err := s.experimentEnv(o.sharedFlags)
	if err != nil {
		return err
	}
	if o.dryRun {
		return o.foresee(ctx, s, env, plan, plan.Project.App, o.spec.Seed)
	}
	if env.Engine, _, err = o.engine.choose(); err != nil {
		return err
	}
	env.Config = flagValues(c)
	result, err := ladder.Run(ctx, env, o.spec)
	return s.conclude(result, err, o.sharedFlags)
}
