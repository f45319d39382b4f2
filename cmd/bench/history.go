package main

import (
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"bench/results"

	"github.com/spf13/cobra"
)

func newHistoryCommand(s *shell) *cobra.Command {
	var o sharedFlags
	c := &cobra.Command{
		Use:     "history",
		Short:   "List the gate and compare runs of a folder",
		Example: "  bench history --out bench-runs",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			entries, err := readHistory(s, o.out)
			if err != nil {
				return err
			}
			if o.json {
				return s.json(map[string]any{"schema": "bench.history-list/1", "entries": entries})
			}
			w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "when\tcommand\tapp\tcommit\ttopology\tscenario\tverdict\tCPU per request\tenvironment")
			for _, e := range entries {
				cpu := "-"
				if v, has := e.Metrics["cpu_ms_per_request"]; has {
					cpu = fmt.Sprintf("%.3f ms", v)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.At.Format("2006-01-02 15:04"), e.Command, e.App,
					e.Commit, e.Topology, e.Scenario, e.Verdict+e.Grade, cpu, e.Fingerprint)
			}
			return w.Flush()
		},
	}
	o.add(c, "out", "json")
	return c
}

func readHistory(s *shell, root string) ([]results.Entry, error) {
	entries, bad, err := results.ReadHistory(root)
	if errors.Is(err, os.ErrNotExist) {
		return nil, usagef("%s has no history yet: gate and compare write it, in %s", root, results.HistoryFile)
	}
	if bad > 0 {
		fmt.Fprintf(s.errs, "bench: left out unreadable lines of the history: %d\n", bad)
	}
	return entries, err
}
