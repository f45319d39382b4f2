package main

import (
	"context"
	"fmt"
	"time"

	"bench/experiments"
	"bench/fleet/hosts"
	"bench/results"
	"bench/servers"
	"bench/targets"
)

// described is a plan as --dry-run shows it.
type described struct {
	lines    []string
	estimate time.Duration
	seed     uint64
	lacking  []results.Diagnostic // what this machine lacks for it
	rendered []servers.Blueprint
	fleet    *hosts.File // nil: all of it runs here
}

// print prints a plan, and warns of what is missing.
func (p described) print(s *shell, env experiments.Env, asJSON bool) error {
	for _, d := range p.lacking {
		env.Warn(d)
	}
	if asJSON {
		return s.json(p.json())
	}
	for _, line := range p.lines {
		fmt.Fprintln(s.out, line)
	}
	if p.fleet != nil {
		if err := describeFleet(s, *p.fleet); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(s.out, "about %v in total, seed %d\n", p.estimate.Round(time.Second), p.seed)
	for _, b := range p.rendered {
		fmt.Fprintf(s.out, "\n%s", b)
	}
	return err
}

func (p described) json() map[string]any {
	lacking := p.lacking
	if lacking == nil {
		lacking = []results.Diagnostic{}
	}
	plan := map[string]any{
		"schema": "bench.plan/1", "plan": p.lines, "estimate_s": p.estimate.Seconds(), "seed": p.seed, "lacking": lacking,
	}
	if p.fleet != nil {
		plan["placement"] = p.fleet.Placement
	}
	var topologies []any
	for _, b := range p.rendered {
		topologies = append(topologies, renderedJSON(b))
	}
	if topologies != nil {
		plan["topologies"] = topologies
	}
	return plan
}

// plan is what an experiment will do.
type plan interface {
	Lines() []string
	Estimate() time.Duration
	Topologies() []servers.Topology
}

// foresee is the --dry-run of an experiment with one app.
func (o sharedFlags) foresee(
	ctx context.Context, s *shell, env experiments.Env, p plan, app targets.App, seed uint64,
) error {
	placed, err := o.fleet.read()
	if err != nil {
		return err
	}
	lacks, err := env.Foresee(ctx, app, p.Topologies())
	if err != nil {
		return err
	}
	return described{
		lines: p.Lines(), estimate: p.Estimate(), seed: seed, fleet: placed,
		lacking: experiments.LeftOut("cannot be booted here", p.Topologies(), lacks),
	}.print(s, env, o.json)
}
