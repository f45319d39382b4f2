package main

import (
	"context"

	"bench/experiments/claims"
	"bench/loadgen"
	"bench/results"

	"github.com/spf13/cobra"
)

// claimsOptions are the flags of bench claims.
type claimsOptions struct {
	sharedFlags
	spec claims.Spec
}

func newClaimsCommand(s *shell) *cobra.Command {
	var o claimsOptions
	c := &cobra.Command{
		Use:   "claims",
		Short: "Test claims about deployment by experiment, and say which are true here",
		Long: `claims tests what is said about ways to deploy a Django app, each by an experiment with predictions that
follow if the claim is true: confirmed, refuted, depends (and on what), or undecided. A refuted claim is a
result, and exits with 0; when no claim could be decided, the exit code is 4.

A claim is a YAML file, and --file tests your own: CONTRIBUTING.md, "Add a claim".`,
		Example: `  bench claims --quick
  bench claims --claim small-sites,many-cores
  bench claims --file my-claim.yaml --app ../mysite
  bench claims --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.spec.Seed, o.spec.Preset = newSeed(o.seed), o.preset()
			return runClaims(c.Context(), s, c, o)
		},
	}
	f := c.Flags()
	f.StringSliceVar(&o.spec.Claims, "claim", nil, "`NAMES` of claims to test, separated by commas (default: all)")
	f.StringArrayVar(&o.spec.Files, "file", nil, "test the claim in a YAML `FILE` (repeatable)")
	f.StringVar(&o.spec.App, "app", "", appUsage)
	f.IntVar(&o.spec.Blocks, "blocks", 0, "`N` blocks of each claim; 0: according to the preset")
	f.DurationVar(&o.spec.Budget, "budget", 0, "begin no claim after this time (default: --quick: 10m, else none)")
	o.add(c, "fleet", "quick", "thorough", "dry-run", "json", "verbose", "out", "seed", "allow-host", "shared-machine")
	c.Flags().Lookup("quick").Usage = "finish within ten minutes, with wider intervals"
	complete(c, "claim")
	return c
}

func runClaims(ctx context.Context, s *shell, c *cobra.Command, o claimsOptions) error {
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
	env.Engine, env.Config = fixedEngines[results.KindClaims], flagValues(c)
	env.Several = func(ctx context.Context, processes int) (loadgen.Measurer, func() error, error) {
		return several(ctx, s, processes)
	}
	result, err := claims.Run(ctx, env, o.spec)
	return s.conclude(result, err, o.sharedFlags)
}
