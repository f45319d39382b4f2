package main

import (
	"context"
	"time"

	"bench/experiments/tune"
	"bench/results"
	"bench/servers"

	"github.com/spf13/cobra"
)

// tuneOptions are the flags of bench tune.
type tuneOptions struct {
	sharedFlags
	spec tune.Spec
}

func newTuneCommand(s *shell) *cobra.Command {
	var o tuneOptions
	c := &cobra.Command{
		Use:   "tune",
		Short: "Find the best setting of a topology for an app",
		Long: `tune finds the values of a topology's parameters with which it serves most requests under an SLO. All
settings race: each round boots those that are left and keeps a quarter. The last ones are measured against
each other and against the server's own rule of thumb, with confidence intervals.`,
		Example: `  bench tune --topology gunicorn --param workers=1..8 --param threads=1..8 --slo 'p99<200ms'
  bench tune --topology uwsgi:workers=2 --param threads=1,2,4,8,16 --scenario io
  bench tune --topology uwsgi --param workers=1..8 --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.spec.Seed = newSeed(o.seed)
			return runTune(c.Context(), s, c, o)
		},
	}
	o.flags(c)
	f := c.Flags()
	f.BoolVar(&o.spec.Exhaustive, "exhaustive", false, "eliminate nothing: measure every setting as often as a finalist")
	o.add(c, "fleet", "db", "dry-run", "json", "out", "seed", "allow-host", "shared-machine")
	return c
}

// flags are those that say what to tune, and how closely.
func (o *tuneOptions) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.spec.Topology, "topology", servers.DefaultTopology, "`TOPOLOGY` to tune (see bench topologies)")
	f.StringArrayVar(&o.spec.Params, "param", nil, "parameter to tune, `NAME=LOW..HIGH` or NAME=V,V,V; repeatable")
	f.StringVar(&o.spec.SLO, "slo", "p99<200ms,errors<0.1%", "`OBJECTIVES` that must all be met")
	f.StringVar(&o.spec.Scenario, "scenario", "", scenarioUsage)
	f.StringVar(&o.spec.App, "app", "", appUsage)
	f.StringVar(&o.spec.Profile, "profile", servers.Controlled, profileUsage)
	f.IntVar(&o.spec.Connections, "connections", 0,
		"`N` connections at most; 0: twice as many as the largest setting works on at once")
	f.DurationVar(&o.spec.Slice, "slice", 700*time.Millisecond,
		"length of a closed loop in the first round; later ones are longer")
	f.IntVar(&o.spec.Finals, "finals", 6, "`N` blocks of the last round")
	complete(c, "topology", "scenario", "profile")
}

// newTuneCheckCommand is bench selftest tune.
func newTuneCheckCommand(s *shell) *cobra.Command {
	var o tuneOptions
	c := &cobra.Command{
		Use:   "tune",
		Short: "Check what bench tune chooses, and how fast, against the whole grid",
		Long: `tune races settings as bench tune does, then measures all of them as often as it measures finalists. What
the race chose should serve 95 % of the grid's best or more, in a third of the time or less.`,
		Example: "  bench selftest tune --topology gunicorn --param workers=1..4 --param threads=1,2,4,8 --scenario io",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.spec.Seed = newSeed(o.seed)
			env, err := s.experimentEnv(o.sharedFlags)
			if err != nil {
				return err
			}
			if o.dryRun {
				plan, err := o.spec.Plan()
				if err != nil {
					return err
				}
				return o.foresee(c.Context(), s, env, plan, plan.Project.App, o.spec.Seed)
			}
			env.Engine, env.Config = fixedEngines[results.KindTune], flagValues(c)
			rows, err := tune.Check(c.Context(), env, o.spec)
			return s.concludeRows(rows, err, o.json)
		},
	}
	o.flags(c)
	o.add(c, "json", "out", "seed", "shared-machine", "dry-run")
	return c
}

func runTune(ctx context.Context, s *shell, c *cobra.Command, o tuneOptions) error {
	env, err := s.experimentEnv(o.sharedFlags)
	if err != nil {
		return err
	}
	if o.dryRun {
		plan, err := o.spec.Plan()
		if err != nil {
			return err
		}
		return o.foresee(ctx, s, env, plan, plan.Project.App, o.spec.Seed)
	}
	env.Engine, env.Config = fixedEngines[results.KindTune], flagValues(c)
	result, err := tune.Run(ctx, env, o.spec)
	return s.conclude(result, err, o.sharedFlags)
}
