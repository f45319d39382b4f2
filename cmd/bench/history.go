package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"bench/reports/compare"
	"bench/reports/gate"
	"bench/reports/history"
	"bench/reports/plot"
	"bench/results"

	"github.com/spf13/cobra"
)

// remember adds a finished run to the history beside it: every run, the bad ones too.
func remember(dir string, m results.Manifest, fill func(results.Entry) []results.Entry) error {
	return results.AppendHistory(filepath.Dir(dir), fill(results.NewEntry(m, dir)))
}

func gateEntry(r gate.Report) func(results.Entry) []results.Entry {
	return func(e results.Entry) []results.Entry {
		e.Topology, e.Scenario, e.Base, e.Verdict = r.Duel.Topology, r.Duel.Scenario, r.Duel.BaseCommit, string(r.Verdict)
		e.Ratios = map[string]float64{}
		for _, m := range r.Metrics {
			if m.Pairs > 0 {
				e.Metrics[m.Name], e.Ratios[m.Name] = m.Head, m.Ratio
			}
		}
		return []results.Entry{e}
	}
}

func compareEntries(r *compare.Report) func(results.Entry) []results.Entry {
	return func(first results.Entry) (all []results.Entry) {
		for _, t := range r.Topologies {
			e := first
			e.Topology, e.Grade, e.Metrics = t.Ref, string(r.Grade), map[string]float64{}
			for name, v := range map[string]float64{"max_rate": t.MaxThroughput.Value, "cpu_ms_per_request": t.CPUTotal.Value, "pss_bytes": float64(t.PSS), "boot_ms": t.BootMS} {
				if v > 0 {
					e.Metrics[name] = v
				}
			}
			all = append(all, e)
		}
		return all
	}
}

func (s *shell) historyCommand() *cobra.Command {
	var out string
	var asJSON bool
	c := &cobra.Command{
		Use:     "history",
		Short:   "List the gate and compare runs of a folder",
		Example: "  bench history --out bench-runs",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			entries, err := s.readHistory(out)
			if err != nil {
				return err
			}
			if asJSON {
				return s.json(map[string]any{"schema": "bench.history-list/1", "entries": entries})
			}
			w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "when\tcommand\tapp\tcommit\ttopology\tscenario\tverdict\tCPU of a request\tenvironment")
			for _, e := range entries {
				cpu := "-"
				if v, has := e.Metrics["cpu_ms_per_request"]; has {
					cpu = fmt.Sprintf("%.3f ms", v)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.At.Format("2006-01-02 15:04"), e.Command, e.App, e.Commit, e.Topology, e.Scenario, e.Verdict+e.Grade, cpu, e.Fingerprint)
			}
			return w.Flush()
		},
	}
	c.Flags().StringVar(&out, "out", "bench-runs", "`DIR` that holds the run directories")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (s *shell) trendCommand() *cobra.Command {
	var out, app, topology, metric, release, figure string
	var asJSON bool
	c := &cobra.Command{
		Use:   "trend",
		Short: "Show how a figure went over the runs of a folder, and where its level changed",
		Long: `trend reads the history and shows one figure for each environment, with the points at which
its level changed (ED-PELT). Runs on different machines, kernels or versions are never mixed.`,
		Example: "  bench trend --metric cpu_ms_per_request --topology uwsgi --release 1a2b3c4",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			entries, err := s.readHistory(out)
			if err != nil {
				return err
			}
			series := history.Trend(entries, app, topology, metric, release)
			if len(series) == 0 {
				return usagef("the history holds no %s of that app and topology", metric)
			}
			if release != "" && !slices.ContainsFunc(series, func(t history.Series) bool { return t.Drift != nil }) {
				return usagef("--release %s: no run of the history has a commit that begins so; bench history lists them", release)
			}
			if figure != "" {
				if err := writeTrend(figure, series[len(series)-1]); err != nil {
					return err
				}
			}
			if asJSON {
				return s.json(map[string]any{"schema": "bench.trend/1", "series": series})
			}
			_, err = fmt.Fprint(s.out, history.Text(series))
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&out, "out", "bench-runs", "`DIR` that holds the run directories")
	f.StringVar(&app, "name", "", "of this app alone")
	f.StringVar(&topology, "topology", "", "on this topology alone")
	f.StringVar(&metric, "metric", "cpu_ms_per_request", "the figure")
	f.StringVar(&release, "release", "", "`COMMIT` to tell the drift from")
	f.StringVar(&figure, "plot", "", "draw the last series into `FILE` (.svg or .png)")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (s *shell) readHistory(root string) ([]results.Entry, error) {
	entries, bad, err := results.ReadHistory(root)
	if errors.Is(err, os.ErrNotExist) {
		return nil, usagef("%s has no history yet: gate and compare write it (%s)", root, results.HistoryFile)
	}
	if bad > 0 {
		fmt.Fprintf(s.errs, "bench: %d lines of the history cannot be read and are left out\n", bad)
	}
	return entries, err
}

func (s *shell) json(v any) error {
	out := json.NewEncoder(s.out)
	out.SetIndent("", "  ")
	return out.Encode(v)
}

func writeTrend(file string, series history.Series) error {
	figure, err := series.Figure()
	if err != nil {
		return err
	}
	draw := plot.SVG
	switch filepath.Ext(file) {
	case ".svg":
	case ".png":
		draw = plot.PNG
	default:
		return usagef("--plot %s: want a name that ends in .svg or .png", file)
	}
	data, err := draw(figure)
	if err != nil {
		return err
	}
	return results.WriteFile(file, data)
}
