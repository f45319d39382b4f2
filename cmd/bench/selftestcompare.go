package main

import (
	"os/exec"
	"time"

	"bench/experiments"
	"bench/experiments/compare"
	"bench/loadgen/native"
	"bench/servers"

	"github.com/spf13/cobra"
)

// checkOptions are the flags of bench selftest compare.
type checkOptions struct {
	sharedFlags
	spec   compare.Spec
	turns  int
	length time.Duration
	over   time.Duration
	engine engineOptions
}

func newCheckCommand(s *shell) *cobra.Command {
	var o checkOptions
	c := &cobra.Command{
		Use:   "compare",
		Short: "Check the closed-loop throughput of compare's cells against wrk",
		Long: `compare boots each topology and measures each scenario's closed loop in turns: by cells as bench
compare --thorough has them, and by wrk, which has to be installed. The two should differ by at most 5 %.
Each turn of wrk is held against the cells before and after it, so that a machine whose speed drifts
does not count as a difference. It takes two minutes for each topology and scenario.`,
		Example: "  bench selftest compare --topologies runserver,uwsgi --scenario cpu,io",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := exec.LookPath("wrk"); err != nil && !o.dryRun {
				return experiments.Misusef("wrk is not installed: apt-get install wrk")
			}
			return runCheck(s, c, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.spec.Topologies, "topologies", experiments.AllTopologies, "`LIST` of topologies, or all")
	f.StringSliceVar(&o.spec.Scenarios, "scenario", compare.Scenarios, "page, static, cpu, io, json or a .yaml `FILE`")
	f.IntVar(&o.turns, "turns", 4, "how often wrk runs for each topology and scenario")
	f.DurationVar(&o.length, "cell", 5*time.Second, "how long bench's cells are")
	f.DurationVar(&o.over, "over", 10*time.Second, "how long wrk counts each time, in whole seconds")
	f.StringVar(&o.spec.App, "app", "", appUsage)
	o.engine.flags(f, native.Sleep)
	o.add(c, "json", "dry-run")
	complete(c, "topologies", "scenario")
	return c
}

func runCheck(s *shell, c *cobra.Command, o checkOptions) error {
	o.spec.Profile, o.spec.Preset, o.spec.Seed = servers.Controlled, "default", 1
	o.spec.BootTimeout = 30 * time.Second
	if !c.Flags().Changed("scenario") {
		o.spec.Scenarios = nil // the mix of bench.yaml, else the built-in ones
	}
	engine, _, err := o.engine.choose()
	if err != nil {
		return err
	}
	env, err := s.experimentEnv(o.sharedFlags)
	if err != nil {
		return err
	}
	if o.dryRun {
		plan, err := o.spec.Plan()
		if err != nil {
			return err
		}
		return described{lines: plan.Experiment.Describe(), seed: o.spec.Seed}.print(s, env, o.json)
	}
	env.Engine = engine
	rows, err := compare.Check(c.Context(), env, o.spec, o.turns, o.length, o.over)
	return s.concludeRows(rows, err, o.json)
}
