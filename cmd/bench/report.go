package main

import (
	"errors"
	"fmt"
	"os"

	"bench/experiments"
	"bench/reports/page"

	"github.com/spf13/cobra"
)

func newReportCommand(s *shell) *cobra.Command {
	var o sharedFlags
	c := &cobra.Command{
		Use:   "report RUN",
		Short: "Make a run's report again from its run directory alone",
		Example: `  bench report bench-runs/20260102T030405Z-compare-1a2b3c4d
  bench report --json RUN`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeRuns,
		RunE: func(_ *cobra.Command, args []string) error {
			if _, err := os.Stat(args[0]); err != nil {
				return experiments.Misuse(fmt.Errorf("reading run: %w", err))
			}
			d, err := experiments.Report(args[0])
			if err != nil {
				return err
			}
			shown := s.show(args[0], d, o.json)
			if d.Outcome.Verdict != page.Invalid {
				return shown // a report is not a gate
			}
			return errors.Join(shown, outcomeError(d.Outcome))
		},
	}
	o.add(c, "json")
	return c
}
