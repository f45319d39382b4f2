package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"bench/experiments"
	"bench/fleet/jobs"
	"bench/fleet/link"

	"github.com/spf13/cobra"
)

// jobsOptions are the flags that the commands on jobs share.
type jobsOptions struct {
	sharedFlags
	token string
}

func newJobsCommand(s *shell) *cobra.Command {
	c := &cobra.Command{
		Use: "jobs", Short: "Queue measurements for machines that are kept for them",
		Long: `jobs keeps a queue of measurements for a team: bench jobs serve runs on one machine, bench worker --jobs on
each machine that measures, and whoever has a token adds jobs from anywhere and fetches what they left. A
machine works on one job at a time; that of a machine that is lost goes back to the queue.`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q of bench jobs; `bench jobs --help` lists the commands", args[0])
			}
			return c.Help()
		},
		Args: cobra.ArbitraryArgs,
	}
	for _, sub := range []*cobra.Command{
		newJobsServeCommand(s), newJobsAddCommand(s), newJobsListCommand(s), newJobsFetchCommand(s), newJobsCancelCommand(s),
	} {
		sub.Args = usageArgs(sub.Args)
		sub.Flags().SortFlags = false
		c.AddCommand(sub)
	}
	return c
}

func (o *jobsOptions) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.token, "token", "", "the `FILE` of your token (default: what bench jobs serve wrote here)")
	o.add(c, "json")
}

// connect connects to the queue that the token is for.
func (o jobsOptions) connect(ctx context.Context, s *shell) (*jobs.Client, error) {
	file := o.token
	if file == "" {
		dir, err := jobsDir(s)
		if err != nil {
			return nil, err
		}
		file = jobs.TokenFile(dir, defaultUser)
	}
	token, err := link.ReadToken(file)
	if err != nil {
		return nil, usagef("%w; name the file of yours with --token", err)
	}
	return jobs.Connect(ctx, token)
}

// defaultUser is whose token is used where none is named.
const defaultUser = "user"

// jobsDir is where a queue is kept unless another folder is named.
func jobsDir(s *shell) (string, error) {
	cache, err := s.cacheDir()
	return filepath.Join(cache, "jobs"), err
}

func newJobsServeCommand(s *shell) *cobra.Command {
	var q jobs.Queue
	c := &cobra.Command{
		Use:   "serve",
		Short: "Keep the queue, and let in who has a token",
		Long: `serve keeps the queue in a folder until Ctrl-C, and speaks TLS 1.3 with whoever has one of its tokens. It
writes a token of mode 0600 for each user and each machine into the folder's tokens/, unless there is one
already; to shut somebody out, delete the token and start serve again. Without --listen it is on loopback.`,
		Example: `  bench jobs serve --listen 10.0.0.1:7421 --users anna,ci --machines bench1,bench2`,
		RunE: func(c *cobra.Command, _ []string) error {
			if q.Dir == "" {
				dir, err := jobsDir(s)
				if err != nil {
					return err
				}
				q.Dir = dir
			}
			if q.Keep <= 0 {
				return usagef("--keep %v: want a time above 0", q.Keep)
			}
			if err := link.CheckAddress(q.Address); err != nil {
				return experiments.Misuse(err)
			}
			err := q.Serve(c.Context(), func(address string) {
				fmt.Fprintf(s.errs, "bench: the queue listens on %s; its tokens are in %s\n", address, jobs.Tokens(q.Dir))
			})
			if err != nil {
				return experiments.Misuse(err)
			}
			return nil
		},
	}
	c.Flags().StringVar(&q.Dir, "dir", "", "keep the queue in `DIR` (default: jobs in the cache)")
	c.Flags().StringVar(&q.Address, "listen", "127.0.0.1:7421", "the `ADDRESS` by which the others reach this machine")
	c.Flags().StringSliceVar(&q.Users, "users", []string{defaultUser}, "make tokens for `NAMES`, who add jobs")
	c.Flags().StringSliceVar(&q.Machines, "machines", nil, "make tokens for `NAMES` of machines, which carry them out")
	c.Flags().DurationVar(&q.Keep, "keep", 30*24*time.Hour, "how long jobs, and what they left, are kept")
	return c
}

func newJobsListCommand(s *shell) *cobra.Command {
	var o jobsOptions
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the jobs: those that wait, run, and are done",
		Example: `  bench jobs list --token anna.json`,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := o.connect(c.Context(), s)
			if err != nil {
				return err
			}
			defer client.Close()
			all, err := client.List(c.Context())
			if err != nil {
				return err
			}
			return o.print(s, all...)
		},
	}
	o.flags(c)
	return c
}

func newJobsCancelCommand(s *shell) *cobra.Command {
	var o jobsOptions
	c := &cobra.Command{
		Use:     "cancel JOB",
		Short:   "Take a job out of the queue, or end it where it runs",
		Example: `  bench jobs cancel 20260102T030405Z-abc123`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := o.connect(c.Context(), s)
			if err != nil {
				return err
			}
			defer client.Close()
			j, err := client.Cancel(c.Context(), args[0])
			if err != nil {
				return err
			}
			return o.print(s, j)
		},
	}
	o.flags(c)
	return c
}

// print prints jobs as a table, or as JSON.
func (o jobsOptions) print(s *shell, all ...jobs.Job) error {
	if o.json {
		return s.json(map[string]any{"schema": "bench.jobs/1", "jobs": all})
	}
	writeJobs(s.out, all)
	return nil
}

func writeJobs(out io.Writer, all []jobs.Job) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "job\tby\tstate\tmachine\texit\tcommand")
	for _, j := range all {
		state, exit := string(j.State), ""
		if len(j.Lost) > 0 {
			state += " (lost: " + strings.Join(j.Lost, ", ") + ")"
		}
		if j.State == jobs.Done {
			exit = fmt.Sprint(j.Exit)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", j.ID, j.By, state, j.Machine, exit, j.Command())
	}
	_ = w.Flush() // an error of the stream is that of the next line
}
