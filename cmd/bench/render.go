package main

import (
	"context"
	"fmt"

	"bench/experiments"
	"bench/servers"
	"bench/targets"

	"github.com/spf13/cobra"
)

func newRenderCommand(s *shell) *cobra.Command {
	var o sharedFlags
	var app string
	c := &cobra.Command{
		Use:   "render TOPOLOGY",
		Short: "Print every file and command line of a topology, without starting anything",
		Example: `  bench render nginx-uwsgi:backends=2
  bench render runserver:profile=as-documented
  bench render ./my/topology --app ../mysite`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeTopology,
		RunE: func(c *cobra.Command, args []string) error {
			topology, err := experiments.OneTopology(args[0], "")
			if err != nil {
				return err
			}
			project, err := experiments.LoadProject(app)
			if err != nil {
				return err
			}
			env, err := s.experimentEnv(o)
			if err != nil {
				return err
			}
			return printRendered(c.Context(), s, env, topology, project.App, o.json)
		},
	}
	o.add(c, "db", "json")
	c.Flags().StringVar(&app, "app", "", appUsage)
	return c
}

// printRendered prints all that a topology becomes.
func printRendered(
	ctx context.Context, s *shell, env experiments.Env, t servers.Topology, app targets.App, asJSON bool,
) error {
	b, err := env.Rendered(ctx, t, app)
	if err != nil {
		return err
	}
	if asJSON {
		return s.json(renderedJSON(b))
	}
	_, err = fmt.Fprint(s.out, b)
	return err
}

// renderedJSON is a blueprint as JSON.
func renderedJSON(b servers.Blueprint) any {
	type file struct {
		Path string `json:"path"`
		Text string `json:"text"`
	}
	type process struct {
		Name  string   `json:"name"`
		Tier  string   `json:"tier"`
		Dir   string   `json:"dir"`
		Env   []string `json:"env"`
		Argv  []string `json:"argv"`
		Cores float64  `json:"cores,omitempty"`
		Files []file   `json:"files"`
	}
	processes := []process{}
	for _, p := range b.Processes {
		one := process{p.Name, p.Tier, p.Dir, p.Env, p.Argv, p.Cores, []file{}}
		for _, f := range p.Files {
			one.Files = append(one.Files, file{f.Path, f.Text})
		}
		processes = append(processes, one)
	}
	return map[string]any{
		"schema": "bench.render/1", "topology": b.Topology.String(), "summary": b.Summary,
		"concurrency": b.Concurrency, "event_loop": b.EventLoop,
		"url": b.URL, "processes": processes,
	}
}
