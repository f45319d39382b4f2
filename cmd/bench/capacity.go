package main

import (
	"context"
	"time"

	"bench/experiments/capacity"
	"bench/loadgen/native"
	"bench/servers"

	"github.com/spf13/cobra"
)

// capacityOptions are the flags of bench capacity.
type capacityOptions struct {
	common
	spec capacity.Spec
}

func newCapacityCommand(s *shell) *cobra.Command {
	var o capacityOptions
	c := &cobra.Command{
		Use:   "capacity",
		Short: "Say how many workers and machines a load needs, with proof",
		Long: `capacity searches the greatest rate at which a topology keeps an objective, as an interval,
at one size or at several; measures what a request costs; and answers how many workers, and
how many machines, a target needs, from what was measured and a model that follows from it.
With --validate it predicts sizes before it measures them, and says how wrong it was.`,
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
	f.StringVar(&o.spec.Topology, "topology", servers.DefaultTopology, "what is deployed")
	f.StringVar(&o.spec.SLO, "slo", "p99<100ms,errors<0.1%", "objectives that a rate has to keep")
	f.StringVar(&o.spec.Target, "target", "", "`N[/s]` requests per second to plan for")
	f.StringVar(&o.spec.Scenario, "scenario", "", "what is asked (default: the mix of bench.yaml, else page)")
	f.StringVar(&o.spec.App, "app", "", appUsage)
	f.StringVar(&o.spec.Profile, "profile", "controlled", "controlled or as-documented")
	f.StringVar(&o.spec.Sweep, "sweep", "", "sizes to measure: `PARAMETER=V,V,V` of the topology, such as workers=1,2,4")
	f.StringVar(&o.spec.Machines, "machines", "",
		"measure so many `N,N,N` machines side by side: control groups with a CPU quota, behind one proxy")
	f.StringVar(&o.spec.Validate, "validate", "",
		"predict these `V,V` of the swept parameter, then measure them (without values: some between and beyond)")
	f.Lookup("validate").NoOptDefVal = capacity.Auto
	f.Float64Var(&o.spec.Price, "price", 0, "price per machine-hour, in any currency")
	f.StringVar(&o.spec.Headroom, "headroom", capacity.Auto,
		"auto (survive one machine's loss, and square-root staffing), none, or a share such as 30%")
	f.DurationVar(&o.spec.Budget, "budget", time.Minute, "time limit per configuration, of its trials")
	f.Float64Var(&o.spec.Width, "width", 0.05, "target interval width, relative")
	c.MarkFlagsMutuallyExclusive("machines", "sweep")
	o.add(c, "out", "seed", "json", "allow-host", "dry-run")
	complete(c, "topology", "scenario", "profile")
	return c
}

func runCapacity(ctx context.Context, s *shell, c *cobra.Command, o capacityOptions) error {
	env, err := s.world(o.common)
	if err != nil {
		return err
	}
	if o.dryRun {
		plan, err := o.spec.Plan()
		if err != nil {
			return err
		}
		for _, w := range plan.Diagnostics {
			env.Warn(w)
		}
		if o.json {
			return s.json(map[string]any{
				"schema": "bench.plan/1", "plan": plan.Lines(), "estimate_s": plan.Estimate().Seconds(), "seed": o.spec.Seed,
			})
		}
		printPlan(s, plan.Lines(), plan.Estimate(), o.spec.Seed)
		return nil
	}
	env.Engine, env.Config = native.Engine{}, flagValues(c)
	result, err := capacity.Run(ctx, env, o.spec)
	return s.conclude(result, err, o.json)
}
