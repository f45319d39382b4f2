package main

import (
	"context"
	"fmt"
	"time"

	"bench/experiments"
	"bench/experiments/gate"
	"bench/results"
	"bench/servers"

	"github.com/spf13/cobra"
)

// gateOptions are the flags of bench gate.
type gateOptions struct {
	sharedFlags
	spec     gate.Spec
	selfTest bool
	pairs    int
}

func newGateCommand(s *shell) *cobra.Command {
	var o gateOptions
	c := &cobra.Command{
		Use:   "gate",
		Short: "Decide whether a change made the app slower",
		Long: `gate compares two versions of an app in pairs: each pair boots both afresh and sends both the
same requests at once, slightly staggered in random order. It stops as soon as there is proof.

Exit code 0: not slower by the slowdown that matters (5 %); 3: slower; 4: inconclusive within the
budget; 5: no valid measurement (noisy machine or broken base). On equal versions, the metrics
raise a false alarm in fewer than 1 % of runs.`,
		Example: `  bench gate                                  # the work tree against where it left the main branch
  bench gate --base v1.4 --head HEAD --budget 4m
  bench gate --base ../site-before --head ../site-after --topology uwsgi
  bench gate --objective 'p99<250ms'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.spec.Seed = newSeed(o.seed)
			return runGate(c.Context(), s, c, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.spec.Base, "base", "", "`REF` or folder to compare with (default: where head left the main branch)")
	f.StringVar(&o.spec.Head, "head", "",
		"`REF` or folder to judge (default: the work tree, including uncommitted changes)")
	f.StringVar(&o.spec.App, "app", "",
		"`DIR` of the app within the checkout, with its bench.yaml (default: this folder)")
	f.StringVar(&o.spec.Topology, "topology", servers.DefaultTopology, "`TOPOLOGY` to deploy both versions with")
	f.StringVar(&o.spec.Scenario, "scenario", "", scenarioUsage)
	f.StringVar(&o.spec.Profile, "profile", servers.Controlled, profileUsage)
	f.DurationVar(&o.spec.Budget, "budget", 4*time.Minute, "time limit")
	f.StringSliceVar(&o.spec.Objectives, "objective", nil,
		"`LIMITS` that head must also meet, such as 'p99<250ms' (default: those of bench.yaml)")
	f.StringSliceVar(&o.spec.Metrics, "metrics", nil,
		"gate only on these `METRICS`, exact counters and objectives: cpu_ms_per_request, p50_ms, slow_share,\n"+
			"max_throughput, each with the slowdown that matters, as in p50_ms=10% (default: all, 5%; slow_share 20%)")
	f.BoolVar(&o.spec.FixedOrder, "fixed-order", false, "base first in every pair: shows why the order is random")
	f.StringSliceVar(&o.spec.HeadEnv, "head-env", nil,
		"`VARIABLES` for head alone, such as SHOP_BURN_US=100, for trying out the gate")
	f.BoolVar(&o.selfTest, "self-test", false,
		"measure false alarms, and the smallest slowdown this machine can detect")
	f.IntVar(&o.pairs, "pairs", 30, "with --self-test: `N` pairs of equal versions")
	_ = f.MarkHidden("fixed-order")
	o.add(c, "fleet", "db", "dry-run", "json", "verbose", "out", "seed", "allow-host", "shared-machine")
	complete(c, "topology", "scenario", "profile")
	return c
}

func runGate(ctx context.Context, s *shell, c *cobra.Command, o gateOptions) error {
	env, err := s.experimentEnv(o.sharedFlags)
	if err != nil {
		return err
	}
	if o.dryRun {
		return describeGate(s, env, o)
	}
	env.Engine, env.Config = fixedEngines[results.KindGate], flagValues(c)
	if o.selfTest {
		return runGateSelfTest(ctx, s, env, o)
	}
	result, err := gate.Run(ctx, env, o.spec)
	return s.conclude(result, err, o.sharedFlags)
}

func runGateSelfTest(ctx context.Context, s *shell, env experiments.Env, o gateOptions) error {
	ability, err := gate.SelfTest(ctx, env, o.spec, o.pairs)
	if err != nil {
		return err
	}
	if o.json {
		err = s.json(ability)
	} else {
		err = ability.Text(s.out)
	}
	fmt.Fprintf(s.errs, "\nbench: the pairs are in %s\n", ability.Path)
	return err
}

// describeGate is --dry-run: the plan.
func describeGate(s *shell, env experiments.Env, o gateOptions) error {
	if err := o.spec.Validate(); err != nil {
		return err
	}
	placed, err := o.fleet.read()
	if err != nil {
		return err
	}
	p := described{lines: o.spec.Lines(), estimate: o.spec.Budget, seed: o.spec.Seed, fleet: placed}
	return p.print(s, env, o.json)
}
