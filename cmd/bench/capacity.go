package main

import (
	"context"
	"time"

	"bench/experiments/capacity"
	"bench/results"
	"bench/servers"

	"github.com/spf13/cobra"
)

// capacityOptions are the flags of bench capacity.
type capacityOptions struct {
	sharedFlags
	spec capacity.Spec
}

func newCapacityCommand(s *shell) *cobra.Command {
	var o capacityOptions
	c := &cobra.Command{
		Use:   "capacity",
		Short: "Find how many workers and machines a load needs",
		Long: `capacity finds the maximum throughput at which a topology meets an SLO, as an interval, for one
configuration or several. It also measures the cost of a request and, with a model built on that,
reports how many workers and machines a target needs. With --validate it predicts configurations
before it measures them, and reports the prediction error.`,
		Example: `  bench capacity --topology uwsgi --slo 'p99<100ms,errors<0.1%'
  bench capacity --topology uwsgi --slo 'p99<100ms' --scenario io --sweep workers=1,2,4 --target 150/s
  bench capacity --topology uwsgi --slo 'p99<100ms' --scenario io --sweep workers=1,2,4 --validate=3,6
  bench capacity --topology nginx-uwsgi:workers=1 --slo 'p99<100ms' --machines 1,2 --validate=3 --target 150/s`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.spec.Seed = newSeed(o.seed)
			return runCapacity(c.Context(), s, c, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.spec.Topology, "topology", servers.DefaultTopology, "`TOPOLOGY` to deploy (see bench topologies)")
	f.StringVar(&o.spec.SLO, "slo", "p99<100ms,errors<0.1%", "`OBJECTIVES` that must all be met")
	f.StringVar(&o.spec.Target, "target", "", "plan for a throughput of `N[/s]` requests per second")
	f.StringVar(&o.spec.Scenario, "scenario", "", scenarioUsage)
	f.StringVar(&o.spec.App, "app", "", appUsage)
	f.StringVar(&o.spec.Profile, "profile", servers.Controlled, profileUsage)
	f.StringVar(&o.spec.Sweep, "sweep", "", "measure a configuration per value: `PARAMETER=V,V,V`, such as workers=1,2,4")
	f.StringVar(&o.spec.Machines, "machines", "",
		"measure `N,N,N` machines behind one proxy: control groups with a CPU quota each, or with --fleet hosts")
	f.StringVar(&o.spec.Validate, "validate", "",
		"predict values `V,V` of the swept parameter before measuring them (no values: chosen by bench)")
	f.Lookup("validate").NoOptDefVal = capacity.Auto
	f.Float64Var(&o.spec.Price, "price", 0, "`PRICE` per machine-hour, in any currency")
	f.StringVar(&o.spec.Headroom, "headroom", capacity.Auto,
		"reserve: a `SHARE` such as 30%, none, or auto (for the loss of one machine, and square-root staffing)")
	f.DurationVar(&o.spec.Budget, "budget", time.Minute, "time limit for the trials of one configuration")
	f.DurationVar(&o.spec.Longest, "longest", 10*time.Minute,
		"time limit for them where service times vary so much that --budget is too short; 0: none")
	f.StringVar(&o.spec.Soak, "soak", capacity.Auto,
		"confirm the rate found by a load of this `DURATION`: auto (a minute, more where service times vary), or 0 for none")
	f.Float64Var(&o.spec.Width, "width", 0.05, "target width of the interval, relative")
	c.MarkFlagsMutuallyExclusive("machines", "sweep")
	o.add(c, "fleet", "db", "dry-run", "json", "verbose", "out", "seed", "allow-host", "shared-machine")
	complete(c, "topology", "scenario", "profile")
	return c
}

func runCapacity(ctx context.Context, s *shell, c *cobra.Command, o capacityOptions) error {
	env, err := s.experimentEnv(o.sharedFlags)
	if err != nil {
		return err
	}
	o.spec.Placement = env.Placement
	if o.dryRun {
		plan, err := o.spec.Plan()
		if err != nil {
			return err
		}
		for _, w := range plan.Diagnostics {
			env.Warn(w)
		}
		return o.foresee(ctx, s, env, plan, plan.Project.App, o.spec.Seed)
	}
	env.Engine, env.Config = fixedEngines[results.KindCapacity], flagValues(c)
	result, err := capacity.Run(ctx, env, o.spec)
	return s.conclude(result, err, o.sharedFlags)
}
