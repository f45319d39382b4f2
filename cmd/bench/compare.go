package main

import (
	"context"
	"fmt"
	"time"

	"bench/experiments"
	"bench/experiments/compare"
	"bench/loadgen/native"
	"bench/servers"

	"github.com/spf13/cobra"
)

// compareOptions are the flags of bench compare.
type compareOptions struct {
	sharedFlags
	spec   compare.Spec
	engine engineOptions
}

func newCompareCommand(s *shell) *cobra.Command {
	var o compareOptions
	c := &cobra.Command{
		Use:   "compare",
		Short: "Boot topologies, drive each with the same load, and report which is better and why",
		Example: `  bench compare --topologies all
  bench compare --topologies all --quick
  bench compare --topologies runserver,uwsgi:workers=4 --scenario page
  bench compare --topologies uwsgi:workers=2,uwsgi:workers=4 --scenario io --baseline uwsgi-workers=2
  bench compare --app ../mysite --topologies all
  bench compare --topologies all --dry-run`,
		RunE: func(c *cobra.Command, _ []string) error {
			if !c.Flags().Changed("scenario") {
				o.spec.Scenarios = nil // the mix of bench.yaml takes precedence over the built-in scenarios
			}
			o.spec.Seed, o.spec.Preset = newSeed(o.seed), o.preset()
			return runCompare(c.Context(), s, c, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.spec.Topologies, "topologies", experiments.AllTopologies,
		"`LIST` of topologies by name, folder or [LABEL=]url:URL; or all or popular: those that can be booted")
	f.StringSliceVar(&o.spec.Scenarios, "scenario", compare.Scenarios,
		"page, static, cpu, io, json or a .yaml `FILE` (repeatable); the first also runs at fixed rates")
	f.StringVar(&o.spec.App, "app", "", appUsage)
	o.add(c, "quick", "thorough")
	f.StringVar(&o.spec.Baseline, "baseline", "", "`TOPOLOGY` that the others are compared with (default: the first)")
	f.StringVar(&o.spec.Profile, "profile", servers.Controlled, profileUsage)
	f.IntVar(&o.spec.Blocks, "blocks", 0, "repeat each topology `N` times (default: 6; --quick: 3, --thorough: 12)")
	f.Float64Var(&o.spec.Precision, "precision", 0,
		"end when the throughput ratios are known to ± `PERCENT` (default: 10; --thorough: 3)")
	f.DurationVar(&o.spec.Budget, "budget", 0, "time limit (default: 3m; --quick: 1m, --thorough: none)")
	f.IntVar(&o.spec.Apart, "apart", 0,
		"`N` more boots of each topology with servers and load generator on cores of their own (--thorough: 3)")
	f.DurationVar(&o.spec.BootTimeout, "boot-timeout", 30*time.Second, "time limit for a topology to become ready")
	f.StringArrayVar(&o.spec.Objectives, "objective", nil,
		"`LIMIT` to test at the open-loop rates, such as 'p99 < 250ms' (repeatable; default: those of bench.yaml)")
	// Sleeping is right here: the servers share the cores, and polling would occupy one.
	o.engine.flags(f, native.Sleep)
	o.add(c, "fleet", "db", "dry-run", "json", "verbose", "out", "seed", "allow-host", "shared-machine")
	complete(c, "topologies", "scenario", "profile")
	return c
}

// The help of flags that mean the same for several commands.
const (
	appUsage = "`DIR` of your Django project with its bench.yaml, or bundled " +
		"(default: this folder if it has one, else bundled)"
	scenarioUsage = "page, static, cpu, io, json or a .yaml `FILE` (default: the mix of bench.yaml, else page)"
	profileUsage  = "`PROFILE`: controlled (only the server differs) or as-documented"
)

func runCompare(ctx context.Context, s *shell, c *cobra.Command, o compareOptions) error {
	plan, err := o.spec.Plan()
	if err != nil {
		return err
	}
	engine, why, err := o.engine.choose(plan.URLs()...)
	if err != nil {
		return err
	}
	if why != "" {
		fmt.Fprintf(s.errs, "bench: %s: this comparison uses the engine %v\n", why, engine)
	}
	o.fleet.engine = o.engine
	env, err := s.experimentEnv(o.sharedFlags)
	if err != nil {
		return err
	}
	if o.dryRun {
		return o.describeCompare(ctx, s, env)
	}
	env.Engine, env.Config = engine, flagValues(c)
	result, err := compare.Run(ctx, env, o.spec)
	return s.conclude(result, err, o.sharedFlags)
}

// describeCompare is --dry-run: the plan, what is missing for it, and every file and command line.
func (o compareOptions) describeCompare(ctx context.Context, s *shell, env experiments.Env) error {
	placed, err := o.fleet.read()
	if err != nil {
		return err
	}
	plan, lacking, err := o.spec.Foresee(ctx, env)
	if err != nil {
		return err
	}
	var rendered []servers.Blueprint
	for _, t := range plan.Topologies() {
		b, err := env.Rendered(ctx, t, plan.Project.App)
		if err != nil {
			return err
		}
		rendered = append(rendered, b)
	}
	e := plan.Experiment
	p := described{
		lines: e.Describe(), estimate: e.Estimate(), seed: e.Seed, lacking: lacking, rendered: rendered, fleet: placed,
	}
	return p.print(s, env, o.json)
}
