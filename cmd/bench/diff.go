package main

import (
	"bytes"
	"errors"
	"path/filepath"

	"bench/experiments"
	"bench/reports/diff"
	"bench/reports/page"
	"bench/results"

	"github.com/spf13/cobra"
)

func newDiffCommand(s *shell) *cobra.Command {
	var o sharedFlags
	var file string
	c := &cobra.Command{
		Use:   "diff BASE HEAD",
		Short: "Show what changed between two stored runs of any kind",
		Long: `diff compares two stored runs by the loads that both measured, with confidence intervals. The runs were
not measured side by side: what the machine did in between is part of every change, so use bench gate to
decide whether a change made an app slower. Runs of different machines, versions or requests are marked
UNLIKE, with exit code 4.`,
		Example: `  bench diff bench-runs/20260101T030405Z-compare-1a2b3c4d bench-runs/20260102T030405Z-compare-5e6f7a8b
  bench diff OLD NEW --html diff.html`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			return withRuns(s, args, func(dirs []string) error {
				d, err := compared(dirs)
				if err != nil {
					return experiments.Misuse(err)
				}
				return errors.Join(outcomeError(d.Outcome), writePage(file, d), printDocument(s, d, o))
			})
		},
	}
	c.Flags().StringVar(&file, "html", "", "write the page to `FILE`, too")
	o.add(c, "json", "verbose")
	return c
}

// compared is the comparison of two run directories.
func compared(dirs []string) (page.Document, error) {
	var runs [2]*results.Run
	for i, dir := range dirs {
		run, err := results.Load(dir)
		if err != nil {
			return page.Document{}, err
		}
		runs[i] = run
	}
	name := func(i int) string { return filepath.Base(filepath.Clean(dirs[i])) }
	return diff.Build(name(0), runs[0], name(1), runs[1]).Document(), nil
}

// writePage writes the page of a document, if a file is given.
func writePage(file string, d page.Document) error {
	if file == "" {
		return nil
	}
	var out bytes.Buffer
	if err := page.HTML(&out, d); err != nil {
		return err
	}
	return results.WriteFile(file, out.Bytes())
}
