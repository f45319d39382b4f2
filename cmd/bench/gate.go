package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"bench/reports/gate"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
	"bench/targets"

	"github.com/spf13/cobra"
)

// gateOptions are the flags of bench gate.
type gateOptions struct {
	base, head string
	app        string
	topology   string
	scenario   string
	profile    string
	budget     time.Duration
	objectives []string
	metrics    []string
	fixedOrder bool
	selfTest   bool
	pairs      int
	headEnv    []string
	out        string
	seed       uint64
	json       bool
	allow      []string
}

// How a pair is spent.
const (
	gateSlice  = 4 * time.Second
	gateBurst  = 300 * time.Millisecond
	gateWarmup = 600 * time.Millisecond
	// pairTime and setUpTime are rough, for telling a budget that is too small.
	pairTime  = 7 * time.Second
	setUpTime = 15 * time.Second
)

func (s *shell) gateCommand() *cobra.Command {
	var o gateOptions
	c := &cobra.Command{
		Use:   "gate",
		Short: "Decide whether a change made the app slower",
		Long: `gate compares two versions of an app in pairs: each pair boots both afresh and sends both the
same requests at once, each in turn a little ahead of the other. It stops as soon as the answer is
proven. Exit code 0: not slower by as much as matters (5 %); 3: slower; 4: not to be told in
the time given; 5: this machine or the base is no measure. On equal versions its metrics say
"slower" in less than 1 % of runs.`,
		Example: `  bench gate                                  # the work tree against where it left the main branch
  bench gate --base v1.4 --head HEAD --budget 4m
  bench gate --base ../site-before --head ../site-after --topology uwsgi
  bench gate --objective 'p99<250ms'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return s.gate(c.Context(), c, o) },
	}
	f := c.Flags()
	f.StringVar(&o.base, "base", "", "`REF` or folder to compare with (default: where head left the main branch)")
	f.StringVar(&o.head, "head", "", "`REF` or folder that is judged (default: the work tree, with what is not committed)")
	f.StringVar(&o.app, "app", "", "`DIR` of the app within the checkout; it holds a bench.yaml (default: this folder)")
	f.StringVar(&o.topology, "topology", servers.DefaultTopology, "how both are deployed")
	f.StringVar(&o.scenario, "scenario", "", "what is asked (default: the mix of bench.yaml, else page)")
	f.StringVar(&o.profile, "profile", "controlled", "controlled or as-documented")
	f.DurationVar(&o.budget, "budget", 4*time.Minute, "how long it may take")
	f.StringSliceVar(&o.objectives, "objective", nil, "limits that head has to keep beside the comparison, such as 'p99<250ms' (default: objectives of bench.yaml)")
	f.StringSliceVar(&o.metrics, "metrics", nil, "gate on these alone (beside exact counters and objectives), each with the slowdown that matters: cpu_ms_per_request, p50_ms, slow_share, max_rate=10% (default: all, 5%; slow_share 20%)")
	f.BoolVar(&o.fixedOrder, "fixed-order", false, "base first in every pair: for showing what the coin is for")
	f.StringSliceVar(&o.headEnv, "head-env", nil, "variables for head alone, such as SHOP_BURN_US=100: for trying the gate out")
	f.BoolVar(&o.selfTest, "self-test", false, "measure what this machine can tell: false alarms, and the least slowdown that is found")
	f.IntVar(&o.pairs, "pairs", 30, "with --self-test: pairs of equal versions")
	_ = f.MarkHidden("fixed-order")
	s.commonFlags(c, &o.out, &o.seed, &o.json, &o.allow)
	return c
}

func (s *shell) gate(ctx context.Context, c *cobra.Command, o gateOptions) error {
	if least := setUpTime + gate.FewestPairs*pairTime; o.budget < least && !o.selfTest {
		return usagef("--budget %v: no verdict needs less than %d pairs, about %v", o.budget, gate.FewestPairs, least)
	}
	// Those of the flags are refused before anything is taken from git.
	if _, err := chooseObjectives(o.objectives, targets.Project{}); err != nil {
		return err
	}
	var gated []results.Gated
	if c.Flags().Changed("metrics") {
		var err error
		if gated, err = gate.ParseGated(o.metrics); err != nil {
			return usagef("--metrics %w", err)
		}
	}
	topologies, err := parseTopologies(o.topology, o.profile)
	if err != nil {
		return err
	}
	if len(topologies) != 1 || !topologies[0].Boots() {
		return usagef("--topology %q: want one topology that can be booted", o.topology)
	}
	trees, err := os.MkdirTemp(s.env["TMPDIR"], "bench-gate-")
	if err == nil {
		trees, err = filepath.Abs(trees) // git is in another folder
	}
	if err != nil {
		return fmt.Errorf("making a folder for the two versions: %w", err)
	}
	defer os.RemoveAll(trees)
	versions, err := s.versions(ctx, o, trees)
	if err != nil {
		return err
	}
	started := time.Now() // an environment that has to be made does not count
	scenario, err := gateScenario(o.scenario, versions[1].project)
	if err != nil {
		return err
	}
	objectives, err := chooseObjectives(o.objectives, versions[1].project)
	if err != nil {
		return err
	}
	run := &gateRun{s: s, o: o, versions: versions, started: started, objectives: objectives, gated: gated}
	run.duel = scenarios.Duel{
		Topology: topologies[0], Scenario: scenario, Slice: gateSlice, Burst: gateBurst, Warmup: gateWarmup,
		Seed: newSeed(o.seed), FixedOrder: o.fixedOrder,
	}
	if o.selfTest {
		return s.gateSelfTest(ctx, c, run)
	}
	err = run.measure(ctx, c)
	if run.out == nil {
		return errors.Join(err, run.cleanup)
	}
	return run.finish(ctx, err)
}

func gateScenario(name string, project targets.Project) (scenarios.Scenario, error) {
	if name == "" && len(project.Mix.Targets) > 0 {
		return scenarios.Scenario{Name: results.MixScenario, Summary: "the mix of bench.yaml", Mix: project.Mix, Connections: 16, Timeout: 10 * time.Second}, nil
	}
	if name == "" {
		name = "page"
	}
	scenario, err := scenarios.Named(name)
	if err != nil {
		return scenario, usageError{err}
	}
	scenario.Connections = 16 // two versions share the machine
	return scenario, nil
}
