package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"text/tabwriter"

	"bench/experiments"
	"bench/servers/setup"

	"github.com/spf13/cobra"
)

func newDoctorCommand(s *shell) *cobra.Command {
	var o sharedFlags
	c := &cobra.Command{
		Use:     "doctor",
		Short:   "List what this machine lacks, and the command that fixes it",
		Example: "  bench doctor\n  bench doctor --json\n  bench doctor --fleet fleet.yaml",
		RunE: func(c *cobra.Command, _ []string) error {
			if o.fleet.file != "" {
				return o.fleet.onHosts(c.Context(), s, "doctor")
			}
			return runDoctor(c.Context(), s, o.json)
		},
	}
	o.add(c, "fleet", "json")
	c.MarkFlagsMutuallyExclusive("fleet", "json")
	return c
}

func runDoctor(ctx context.Context, s *shell, asJSON bool) error {
	cache, err := s.cacheDir()
	if err != nil {
		return err
	}
	out, err := filepath.Abs("bench-runs")
	if err != nil {
		return err
	}
	return printChecks(s, setup.Doctor(ctx, cache, s.env["PATH"], out), asJSON)
}

func printChecks(s *shell, checks []setup.Check, asJSON bool) error {
	counts := map[setup.Level]int{}
	for _, c := range checks {
		counts[c.Level]++
	}
	if asJSON {
		if err := s.json(map[string]any{"schema": "bench.doctor/1", "checks": checks}); err != nil {
			return err
		}
	} else {
		w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		for _, c := range checks {
			fmt.Fprintf(w, "%s\t%s\t%s\n", c.Level, c.Name, c.Found)
			if c.Hint != "" {
				fmt.Fprintf(w, "\t\t→ %s\n", c.Hint)
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%d checks: %d ok, %d warnings, %d missing\n",
			len(checks), counts[setup.Good], counts[setup.Caution], counts[setup.Missing])
	}
	if counts[setup.Missing] > 0 {
		missing := errors.New("something is missing; `bench setup` installs most of it")
		return &experiments.Error{Verdict: experiments.Refused, Err: missing}
	}
	return nil
}
