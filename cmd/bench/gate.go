package main

import (
	"context"
	"fmt"
	"time"

	"bench/experiments"
	"bench/experiments/gate"
	"bench/loadgen/native"
	"bench/servers"

	"github.com/spf13/cobra"
)

// gateOptions are the flags of bench gate.
type gateOptions struct {
	common
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
same requests at once, each in turn a little ahead of the other. It stops as soon as the answer is
proven. Exit code 0: not slower by as much as matters (5 %); 3: slower; 4: inconclusive within
the budget; 5: no valid measurement (noisy machine or broken base). On equal versions its metrics say
"slower" in less than 1 % of runs.`,
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
		"`REF` or folder that is judged (default: the work tree, with what is not committed)")
	f.StringVar(&o.spec.App, "app", "",
		"`DIR` of the app within the checkout; it holds a bench.yaml (default: this folder)")
	f.StringVar(&o.spec.Topology, "topology", servers.DefaultTopology, "how both are deployed")
	f.StringVar(&o.spec.Scenario, "scenario", "", "what is asked (default: the mix of bench.yaml, else page)")
	f.StringVar(&o.spec.Profile, "profile", "controlled", "controlled or as-documented")
	f.DurationVar(&o.spec.Budget, "budget", 4*time.Minute, "how long it may take")
	f.StringSliceVar(&o.spec.Objectives, "objective", nil,
		"limits that head has to keep beside the comparison, such as 'p99<250ms' (default: objectives of bench.yaml)")
	f.StringSliceVar(&o.spec.Metrics, "metrics", nil,
		"gate on these alone (beside exact counters and objectives), each with the slowdown that matters: "+
			"cpu_ms_per_request, p50_ms, slow_share, max_throughput=10% (default: all, 5%; slow_share 20%)")
	f.BoolVar(&o.spec.FixedOrder, "fixed-order", false, "base first in every pair: for showing what the coin is for")
	f.StringSliceVar(&o.spec.HeadEnv, "head-env", nil,
		"variables for head alone, such as SHOP_BURN_US=100: for trying the gate out")
	f.BoolVar(&o.selfTest, "self-test", false,
		"measure false alarms, and the smallest slowdown this machine can detect")
	f.IntVar(&o.pairs, "pairs", 30, "with --self-test: pairs of equal versions")
	_ = f.MarkHidden("fixed-order")
	o.add(c, "out", "seed", "json", "allow-host", "dry-run")
	complete(c, "topology", "scenario", "profile")
	return c
}

func runGate(ctx context.Context, s *shell, c *cobra.Command, o gateOptions) error {
	if o.dryRun {
		return describeGate(s, o)
	}
	env, err := s.world(o.common)
	if err != nil {
		return err
	}
	// The generator has to leave both versions' servers as much of the machine as it can.
	env.Engine, env.Config = native.Engine{Shards: 1, Timer: native.Sleep}, flagValues(c)
	if o.selfTest {
		return runGateSelfTest(ctx, s, env, o)
	}
	result, err := gate.Run(ctx, env, o.spec)
	return s.conclude(result, err, o.json)
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

// describeGate is --dry-run: the plan in words.
func describeGate(s *shell, o gateOptions) error {
	if err := o.spec.Validate(); err != nil {
		return err
	}
	if o.json {
		return s.json(map[string]any{
			"schema": "bench.plan/1", "plan": o.spec.Lines(), "estimate_s": o.spec.Budget.Seconds(), "seed": o.spec.Seed,
		})
	}
	printPlan(s, o.spec.Lines(), o.spec.Budget, o.spec.Seed)
	return nil
}
