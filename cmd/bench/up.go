package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"bench/experiments"
	"bench/servers"

	"github.com/spf13/cobra"
)

// upOptions are the flags of bench up.
type upOptions struct {
	sharedFlags
	app     string
	timeout time.Duration
}

func newUpCommand(s *shell) *cobra.Command {
	var o upOptions
	c := &cobra.Command{
		Use:   "up TOPOLOGY",
		Short: "Run one topology until Ctrl-C, for inspection",
		Example: `  bench up nginx-uwsgi
  bench up runserver:profile=as-documented --app ../mysite`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeTopology,
		RunE:              func(c *cobra.Command, args []string) error { return runUp(c.Context(), s, args[0], o) },
	}
	c.Flags().StringVar(&o.app, "app", "", appUsage)
	c.Flags().DurationVar(&o.timeout, "boot-timeout", 30*time.Second, "time limit for the topology to become ready")
	o.add(c, "db", "json", "allow-host", "dry-run")
	return c
}

func runUp(ctx context.Context, s *shell, name string, o upOptions) error {
	topology, err := experiments.OneTopology(name, "")
	if err != nil {
		return err
	}
	project, err := experiments.LoadProject(o.app)
	if err != nil {
		return err
	}
	env, err := s.experimentEnv(o.sharedFlags)
	if err != nil {
		return err
	}
	if o.dryRun {
		return printRendered(ctx, s, env, topology, project.App, o.json)
	}
	stack, err := env.Open(ctx, project, []servers.Topology{topology}, o.timeout)
	if err != nil {
		return err
	}
	defer stack.Close()
	cluster, err := stack.Site.Boot(ctx, topology, stack.Project.App)
	if err != nil {
		return err
	}
	b := cluster.Blueprint()
	if o.json {
		var line []byte // one, for a program that reads it while the topology runs
		line, err = json.Marshal(map[string]any{
			"schema": "bench.up/1", "url": cluster.URL(), "topology": b.Topology.String(),
			"boot_ms": cluster.Boot.BootMS, "workers": cluster.Boot.Workers, "dir": b.Dir,
		})
		if err == nil {
			err = s.raw(line)
		}
	} else {
		_, err = fmt.Fprintln(s.out, cluster.URL())
	}
	if err != nil {
		return errors.Join(err, cluster.Close())
	}
	fmt.Fprintf(s.errs, "bench: %s is up after %.0f ms, workers seen: %d; files and logs are in %s; Ctrl-C stops it\n",
		b.Topology, cluster.Boot.BootMS, cluster.Boot.Workers, b.Dir)
	select {
	case <-cluster.Dead():
		return errors.Join(cluster.Died(), cluster.Close(), stack.Close())
	case <-ctx.Done():
		return errors.Join(cluster.Close(), stack.Close())
	}
}
