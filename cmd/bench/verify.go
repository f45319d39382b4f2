package main

import (
	"fmt"

	"bench/experiments"

	"github.com/spf13/cobra"
)

func newVerifyCommand(s *shell) *cobra.Command {
	var o sharedFlags
	c := &cobra.Command{
		Use:   "verify RUN",
		Short: "Check a run's hashes, and compute every number of its report again",
		Long: `verify checks the hash of every file of a run, computes its report again from the stored
histograms, and compares it to the report that is there, number by number. It changes nothing. The exit
code is 5 if anything differs. A report that another version of bench made may differ in its wording;
` + "`bench report RUN`" + ` makes it again. RUN may be a bundle.`,
		Example:           "  bench verify bench-runs/20260102T030405Z-compare-1a2b3c4d",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeRuns,
		RunE: func(_ *cobra.Command, args []string) error {
			return withRuns(s, args, func(dirs []string) error { return verify(s, dirs[0], o.json) })
		},
	}
	o.add(c, "json")
	return c
}

func verify(s *shell, dir string, asJSON bool) error {
	v, err := experiments.Verify(dir)
	if err != nil {
		return err
	}
	if asJSON {
		err = s.json(v)
	} else {
		printVerification(s, v)
	}
	if err != nil || v.Holds() {
		return err
	}
	return experiments.Invalidf("the report of %s is not what follows from its measurements", v.Run)
}

// mostDifferences is the number of differences that a terminal shows.
const mostDifferences = 10

func printVerification(s *shell, v experiments.Verification) {
	if v.Damage != "" {
		fmt.Fprintf(s.out, "damaged: %s\n", v.Damage)
		return
	}
	fmt.Fprintf(s.out, "hashes       the files of %d cells and the manifest match their checksums\n", v.Cells)
	fmt.Fprintf(s.out, "report.json  %d numbers computed again, %d values differ\n", v.Numbers, len(v.Differ))
	for _, d := range v.Differ[:min(len(v.Differ), mostDifferences)] {
		fmt.Fprintf(s.out, "  %s: stored %v, computed %v\n", d.Path, d.Stored, d.Computed)
	}
	if more := len(v.Differ) - mostDifferences; more > 0 {
		fmt.Fprintf(s.out, "  and %d more (--json lists them)\n", more)
	}
	for _, name := range v.Files {
		fmt.Fprintf(s.out, "same         %s, byte for byte\n", name)
	}
	for _, name := range v.Changed {
		fmt.Fprintf(s.out, "different    %s\n", name)
	}
	if v.Holds() {
		fmt.Fprintf(s.out, "VERIFIED: the report of %s follows from its measurements\n", v.Run)
	}
}
