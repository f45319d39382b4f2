package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"bench/experiments"
	"bench/loadgen/accuracy"
	"bench/loadgen/native"
	"bench/reports/page"
	"bench/scenarios"

	"github.com/spf13/cobra"
)

// selftestOptions are the flags of bench selftest.
type selftestOptions struct {
	sharedFlags
	only   []string
	full   bool
	peers  bool
	rounds int
	each   time.Duration
	floor  string
}

func newSelftestCommand(s *shell) *cobra.Command {
	c := &cobra.Command{
		Use: "selftest", Short: "Check the figures of bench, and of other load generators, on this machine",
	}
	c.AddCommand(newAccuracyCommand(s), newPeersCommand(s), newSoakCommand(s), newCheckCommand(s), newTuneCheckCommand(s))
	return c
}

func newAccuracyCommand(s *shell) *cobra.Command {
	var o selftestOptions
	c := &cobra.Command{
		Use:   "accuracy",
		Short: "Check what the engines report against independently known figures",
		Long: `accuracy checks the engines, and any other load generators installed (wrk, wrk2, vegeta, oha,
h2load, hey, k6), against the schedule as calculated, the kernel's timestamps, a stalled server,
queues with known response times, and faults of the generator itself. The table shows each target
next to what was measured. It takes about ten minutes, or an hour with --full.`,
		Example: "  bench selftest accuracy --only lateness,freeze",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			for _, name := range o.only {
				if !slices.Contains(accuracy.Tests, name) {
					return usagef("--only %q: want some of %s", name, strings.Join(accuracy.Tests, ", "))
				}
			}
			would := "check " + page.List(o.only) + " against null servers on loopback, in about ten minutes; --full: an hour"
			return runSelftest(s, o, would, func(suite *accuracy.Suite) ([]accuracy.Row, error) {
				return suite.Run(c.Context(), o.only)
			})
		},
	}
	c.Flags().StringSliceVar(&o.only, "only", accuracy.Tests, "run only these `TESTS`")
	c.Flags().BoolVar(&o.full, "full", false, "more repeats, and 1e8 requests in the memory test")
	c.Flags().BoolVar(&o.peers, "peers", true, "also run other load generators that are installed")
	o.add(c, "json", "dry-run")
	return c
}

func newPeersCommand(s *shell) *cobra.Command {
	o := selftestOptions{peers: true}
	c := &cobra.Command{
		Use:     "peers",
		Short:   "Compare the engines with other load generators: throughput and CPU time per request",
		Example: "  bench selftest peers --rounds 5",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.rounds < 1 || o.each < time.Second {
				return usagef("--rounds %d --each %v: want at least one round of a second", o.rounds, o.each)
			}
			would := fmt.Sprintf("run each load generator that is installed %s for %v against a null server on loopback",
				page.Count(o.rounds, "time"), o.each)
			return runSelftest(s, o, would, func(suite *accuracy.Suite) ([]accuracy.Row, error) {
				return suite.SideBySide(c.Context(), o.rounds, o.each)
			})
		},
	}
	c.Flags().IntVar(&o.rounds, "rounds", 5, "run each tool `N` times")
	c.Flags().DurationVar(&o.each, "each", 3*time.Second, "how long each run takes, in whole seconds")
	c.Flags().StringVar(&o.floor, "floor", "bin/floor", "path of the floor `PROGRAM` built by make bench-peers")
	o.add(c, "json", "dry-run")
	return c
}

// runSelftest runs a self-test; with --dry-run, only what it would do is printed.
func runSelftest(s *shell, o selftestOptions, would string, run func(*accuracy.Suite) ([]accuracy.Row, error)) error {
	if o.dryRun {
		_, err := fmt.Fprintln(s.out, "would "+would)
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the program's own path: %w", err)
	}
	say := func(text string) { progress(s).Show(scenarios.Doing{Text: text}) }
	suite := &accuracy.Suite{Bench: self, Floor: o.floor, Peers: o.peers, Full: o.full, Say: say}
	if runtime.NumCPU() > 1 {
		suite.ToolCores, suite.ServerCores = "0", "1"
	}
	rows, err := run(suite)
	endProgress(s)
	return s.concludeRows(rows, err, o.json)
}

// concludeRows prints the rows of a self-test, and fails if a figure was missed.
func (s *shell) concludeRows(rows []accuracy.Row, err error, asJSON bool) error {
	if len(rows) > 0 {
		if printErr := printRows(s, rows, asJSON); err == nil {
			err = printErr
		}
	}
	if err != nil {
		return err
	}
	missed := 0
	for _, r := range rows {
		if r.Verdict == "MISSED" {
			missed++
		}
	}
	if missed > 0 {
		return experiments.Invalidf("%d of %d targets were missed on this machine", missed, len(rows))
	}
	return nil
}

func printRows(s *shell, rows []accuracy.Row, asJSON bool) error {
	if asJSON {
		return s.json(map[string]any{"schema": "bench.selftest/1", "rows": rows})
	}
	_, err := fmt.Fprint(s.out, accuracy.Markdown(rows))
	return err
}

// newNullServerCommand serves responses with known service times, in a process of its own: selftest
// measures against it.
func newNullServerCommand(s *shell) *cobra.Command {
	var service accuracy.Service
	var workers int
	c := &cobra.Command{
		Use: "null-server", Hidden: true, Args: cobra.NoArgs,
		Short: "Answer every request on a free loopback port, at once or after a queueing time",
		RunE: func(c *cobra.Command, _ []string) error {
			times, err := service.Times()
			if err != nil {
				return experiments.Misuse(err)
			}
			server := &native.Null{Service: times, Workers: workers}
			if err := server.Start(); err != nil {
				return err
			}
			fmt.Fprintln(s.out, server.URL())
			<-c.Context().Done()
			return server.Close()
		},
	}
	c.Flags().StringVar(&service.Law, "service", "none", "law of the service times: none, constant or exponential")
	c.Flags().DurationVar(&service.Mean, "mean", time.Millisecond, "mean service time")
	c.Flags().Uint64Var(&service.Seed, "service-seed", 1, "seed of the service times")
	c.Flags().IntVar(&workers, "workers", 1, "workers that serve the queue")
	return c
}
