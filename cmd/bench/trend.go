package main

import (
	"fmt"
	"path/filepath"
	"slices"

	"bench/reports/history"
	"bench/reports/plot"
	"bench/results"

	"github.com/spf13/cobra"
)

func newTrendCommand(s *shell) *cobra.Command {
	var o sharedFlags
	var app, topology, metric, release, figure string
	c := &cobra.Command{
		Use:   "trend",
		Short: "Show how a figure developed over the runs of a folder, and where its level changed",
		Long: `trend reads the history and shows one figure for each environment, with the points at which
its level changed. A series without a change shows one in less than 1 % of cases, also where
neighbouring runs resemble each other. Runs on different machines, kernels or versions are never
mixed.`,
		Example: "  bench trend --metric cpu_ms_per_request --topology uwsgi --release 1a2b3c4",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			entries, err := readHistory(s, o.out)
			if err != nil {
				return err
			}
			series := history.Trend(entries, app, topology, metric, release)
			if len(series) == 0 {
				return usagef("the history has no %s for that app and topology", metric)
			}
			if release != "" && !slices.ContainsFunc(series, func(t history.Series) bool { return t.Drift != nil }) {
				return usagef("--release %s: no run in the history has a commit that starts with it (see bench history)", release)
			}
			if figure != "" {
				if err := writeTrend(figure, series[len(series)-1]); err != nil {
					return err
				}
			}
			if o.json {
				return s.json(map[string]any{"schema": "bench.trend/1", "series": series})
			}
			_, err = fmt.Fprint(s.out, history.Text(series))
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&app, "name", "", "only this app")
	f.StringVar(&topology, "topology", "", "only this topology")
	f.StringVar(&metric, "metric", "cpu_ms_per_request", "the figure to show")
	f.StringVar(&release, "release", "", "report change since `COMMIT`")
	f.StringVar(&figure, "plot", "", "draw the last series to `FILE` (.svg or .png)")
	o.add(c, "out", "json")
	return c
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
	if err := results.CheckOutput(file); err != nil {
		return usagef("--plot %w", err)
	}
	data, err := draw(figure)
	if err != nil {
		return err
	}
	return results.WriteFile(file, data)
}
