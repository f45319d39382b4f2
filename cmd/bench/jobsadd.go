package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"bench/fleet/jobs"
	"bench/results/bundle"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newJobsAddCommand(s *shell) *cobra.Command {
	var o jobsOptions
	c := &cobra.Command{
		Use:   "add -- COMMAND…",
		Short: "Put a measurement into the queue",
		Long: `add puts a command of bench that measures into the queue: compare, ladder, gate, capacity, tune, claims or
load, with its flags. It is checked here, and carried out by the next machine that is free, in the folder
where its bench worker --jobs was started. Which hosts it may load is decided there.`,
		Example: `  bench jobs add -- compare --topologies all --quick
  bench jobs add --token anna.json -- load http://127.0.0.1:8000/ --rate 300 --duration 30s`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkJob(s, args); err != nil {
				return err
			}
			client, err := o.connect(c.Context(), s)
			if err != nil {
				return err
			}
			defer client.Close()
			j, err := client.Add(c.Context(), args)
			if err != nil {
				return err
			}
			if o.json {
				return o.print(s, j)
			}
			fmt.Fprintln(s.out, j.ID)
			return nil
		},
	}
	o.flags(c)
	c.Flags().SetInterspersed(false) // what follows the command is the command's
	return c
}

// The machine decides where a job's files go and what it may load; and a job runs no programs of its author's.
var notOfJobs = []string{
	"out", "allow-host", "unix-socket", "dry-run", "hdr", "ssh", "kubectl", "workers", "fleet", "listen", "join-dir",
	showSecrets,
}

// checkJob refuses a command line that is not a measurement, before it waits for hours to fail.
func checkJob(s *shell, args []string) error {
	root := newRootCommand(&shell{env: s.env, out: s.out, errs: s.errs})
	c, rest, err := root.Find(args)
	if err != nil || c == root || c.GroupID != measuring.ID || c.Flags().Lookup("out") == nil {
		return usagef("%q is not a job: want one of %s", args[0], strings.Join(jobCommands(root), ", "))
	}
	if err := c.ParseFlags(rest); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return usagef("--help is not for jobs: bench %s --help prints it here", c.Name())
		}
		return c.FlagErrorFunc()(c, err)
	}
	for _, name := range notOfJobs {
		if f := c.Flags().Lookup(name); f != nil && f.Changed {
			return usagef("--%s is not for jobs: the machine that carries a job out decides that", name)
		}
	}
	return usageArgs(c.Args)(c, c.Flags().Args())
}

// jobCommands are the commands that make runs.
func jobCommands(root *cobra.Command) (names []string) {
	for _, c := range root.Commands() {
		if c.GroupID == measuring.ID && c.Flags().Lookup("out") != nil {
			names = append(names, c.Name())
		}
	}
	return names
}

func newJobsFetchCommand(s *shell) *cobra.Command {
	var o jobsOptions
	var wait bool
	c := &cobra.Command{
		Use:   "fetch JOB",
		Short: "Fetch the run that a job left, print what it said, and exit as it did",
		Long: `fetch writes the run of a job below --out, as if it had been measured here, prints what the job said, and
exits with the job's exit code. bench report, diff and verify take the run from there.`,
		Example: `  bench jobs fetch 20260102T030405Z-abc123 --wait`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			client, err := o.connect(c.Context(), s)
			if err != nil {
				return err
			}
			defer client.Close()
			j, err := client.Job(c.Context(), args[0])
			if err == nil && wait {
				j, err = client.Wait(c.Context(), args[0])
			}
			if err != nil {
				return err
			}
			scratch, err := os.MkdirTemp(s.env["TMPDIR"], "bench-job-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(scratch) // nothing depends on it
			files, err := client.Fetch(c.Context(), j, scratch)
			if err != nil {
				return err
			}
			return o.receive(s, j, files)
		},
	}
	c.Flags().BoolVar(&wait, "wait", false, "wait until the job is over")
	o.add(c, "out")
	o.flags(c)
	return c
}

// receive opens the run that a job left, and ends as the job did.
func (o jobsOptions) receive(s *shell, j jobs.Job, files []string) error {
	run := ""
	for _, file := range files {
		if bundle.Is(file) {
			dir, err := bundle.Open(file, o.out)
			if err != nil {
				return err
			}
			run = dir
		} else if !o.json {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			fmt.Fprintf(s.out, "%s", text)
		}
	}
	if o.json {
		if err := s.json(map[string]any{"schema": "bench.job/1", "job": j, "run": run}); err != nil {
			return err
		}
	} else if run != "" {
		fmt.Fprintf(s.errs, "bench: the run is %s\n", run)
	}
	if j.State != jobs.Done {
		return &jobError{exitInvalid, fmt.Errorf("job %s is %s: %s", j.ID, j.State, j.Said)}
	}
	if j.Exit != exitOK {
		return &jobError{j.Exit, fmt.Errorf("job %s ended with exit code %d: %s", j.ID, j.Exit, j.Said)}
	}
	return nil
}

// jobError is the end of a job elsewhere: bench exits as it did.
type jobError struct {
	code int
	error
}
