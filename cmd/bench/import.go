package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bench/experiments"
	"bench/experiments/load"
	"bench/loadgen"
	"bench/results"
	"bench/results/foreign"
	"bench/targets"

	"github.com/spf13/cobra"
)

// importOptions are the flags of bench import.
type importOptions struct {
	sharedFlags
	format string
	unit   string
	foreign.Options
}

// units are those that a histogram's values can be in.
var units = map[string]time.Duration{
	"": 0, "ns": time.Nanosecond, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second,
}

func newImportCommand(s *shell) *cobra.Command {
	var o importOptions
	c := &cobra.Command{
		Use:   "import FILE…",
		Short: "Make a run with a report of what another load generator has stored",
		Long: `import reads the results of other load generators into runs, which have the same page as those of
bench load and can be compared with them by bench diff. What a format does not hold, such as the times
that requests were due, is said in the report and never filled in. Formats:

` + importHelp(),
		Example: `  vegeta attack -rate 100 -duration 10s -targets targets.txt > results.bin && bench import results.bin
  k6 run --out json=k6.json script.js && bench import k6.json
  bench import wrk2.txt
  bench import latency.hgrm --unit us --duration 30s`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			unit, known := units[o.unit]
			if !known {
				return usagef("--unit %q is not a unit of time: want ns, us, ms or s", o.unit)
			}
			if o.Unit = unit; o.Duration < 0 {
				return usagef("--duration %v is not the length of a load", o.Duration)
			}
			var all error
			for _, file := range args {
				all = errors.Join(all, importFile(c.Context(), s, o, file))
			}
			return all
		},
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", "", "`FORMAT` of the files (default: what they look like)")
	f.StringVar(&o.unit, "unit", "", "`UNIT` of a histogram's values, where the file does not say: ns, us, ms or s")
	f.DurationVar(&o.Duration, "duration", 0, "length of the load, where the file does not say")
	_ = c.RegisterFlagCompletionFunc("format", listOf(importNames))
	o.add(c, "json", "verbose", "out")
	return c
}

func importNames() (names []string) {
	for _, f := range foreign.Formats {
		names = append(names, f.Name)
	}
	return names
}

func importHelp() string {
	var out strings.Builder
	for _, f := range foreign.Formats {
		fmt.Fprintf(&out, "  %-12s %s\n", f.Name, f.Says)
	}
	return strings.TrimRight(out.String(), "\n")
}

// importFile makes a run of a file.
func importFile(ctx context.Context, s *shell, o importOptions, file string) error {
	in, err := os.Open(file)
	if err != nil {
		return experiments.Misuse(err)
	}
	read, err := foreign.Read(io.Reader(in), o.format, o.Options)
	if err = errors.Join(err, in.Close()); err != nil {
		return experiments.Misuse(fmt.Errorf("importing %s: %w", file, err))
	}
	if read.Duration < time.Millisecond {
		return usagef("importing %s: its requests do not say how long the load was: name it with --duration", file)
	}
	plan, m := imported(read)
	l := load.Load{
		Plan: plan, Measurement: m, Started: read.Started, Result: newLoadResult(plan, m, false),
		Host: &results.Host{OS: "unknown", CPU: "unknown: imported from " + read.Tool},
	}
	if l.Started.IsZero() {
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		l.Started = info.ModTime().Add(-read.Duration)
	}
	env := experiments.Env{
		Version: version, Results: o.out, Engine: importedEngine{Tool: read.Tool},
		Config: map[string]string{"import": filepath.Base(file), "format": o.format, "unit": o.unit},
	}
	kept, err := load.Keep(ctx, env, l)
	if err != nil {
		return err
	}
	return s.conclude(kept, nil, o.sharedFlags)
}

// importedEngine stands for the tool that measured.
type importedEngine struct {
	loadgen.Engine
	Tool string
}

func (e importedEngine) String() string { return e.Tool + " (imported)" }

// imported is what another tool measured, as a plan and its measurement.
func imported(r *foreign.Result) (loadgen.Plan, loadgen.Measurement) {
	p := loadgen.Plan{
		URL: r.URL, Mode: results.UnknownLoop, Duration: r.Duration, Conns: loadgen.Conns{Max: 1},
	}
	if p.URL == "" {
		p.URL = "unknown server"
	}
	m := loadgen.Measurement{
		Outcome: loadgen.Outcome{
			Intervals: r.Intervals, Counts: r.Counts, Within: r.Counts, Reasons: r.Reasons,
		},
		Generator: results.Generator{Engine: r.Tool}, Elapsed: r.Duration,
		Grade: results.Degraded, Diagnostics: slices.Clone(r.Missing),
	}
	for i := range m.Diagnostics {
		m.Diagnostics[i].Severity = results.Warning // what is missing is why it is DEGRADED
	}
	for _, t := range r.Targets {
		p.Mix.Targets = append(p.Mix.Targets, targets.Target{Name: t.Name, Method: t.Method, Weight: 1})
		m.Targets = append(m.Targets, loadgen.TargetOutcome{Name: t.Name, Counts: t.Counts, Statuses: t.Statuses})
	}
	return p, m
}
