package compare

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"bench/experiments"
	"bench/loadgen"
	"bench/loadgen/accuracy"
	"bench/scenarios"
)

// Check measures the closed loops of a comparison, each in a boot of its own, by cells of a length and by
// wrk in turns, over a time each.
func Check(
	ctx context.Context, env experiments.Env, spec Spec, turns int, length, over time.Duration,
) (rows []accuracy.Row, err error) {
	spec, _, err = spec.present(ctx, env, 1)
	if err != nil {
		return nil, err
	}
	plan, err := spec.Plan()
	if err != nil {
		return nil, err
	}
	stack, err := env.Open(ctx, plan.Project, plan.Topologies(), spec.BootTimeout)
	if err != nil {
		return nil, err
	}
	defer stack.Close()
	runner := scenarios.Runner{
		Site: stack.Site, App: stack.Project.App, Guard: env.Guard,
		Measurer: loadgen.Local{Engine: env.Engine, Guard: env.Guard},
	}
	for _, s := range plan.Experiment.Scenarios {
		if s.Mix.Dynamic() {
			return rows, experiments.Misusef("scenario %s has sessions or a feed, which wrk cannot send", s.Name)
		}
		for _, arm := range plan.Experiment.Arms {
			env.Say(fmt.Sprintf("%s on %s", s.Name, arm.Name))
			wrk := func(ctx context.Context, url string) (float64, error) {
				return accuracy.WrkThroughput(ctx, url, wrkMix(s), s.Connections, over)
			}
			found, err := runner.Check(ctx, arm, s, turns, accuracy.WrkStart, length, wrk)
			if err != nil {
				return rows, fmt.Errorf("%s on %s: %w", s.Name, arm.Name, err)
			}
			rows = append(rows, accuracy.Throughput{
				Topology: arm.Name, Scenario: s.Name, Connections: s.Connections, Ours: found.Ours, Wrk: found.Theirs,
				Cells: fmt.Sprintf("cells of %g s (limit: %s)", found.Cell.Duration, found.Cell.Loop.Limit),
			}.Row())
		}
	}
	return rows, nil
}

// wrkMix is what wrk is to send: the same bytes as bench's engines, whose User-Agent costs a server in Python
// a few microseconds.
func wrkMix(s scenarios.Scenario) (mix []accuracy.Request) {
	for _, t := range s.Mix.Targets {
		header := t.Header.Clone()
		if header == nil {
			header = http.Header{}
		}
		if header.Get("User-Agent") == "" {
			header.Set("User-Agent", loadgen.UserAgent)
		}
		mix = append(mix, accuracy.Request{
			Method: t.Method, Path: t.RequestURI(), Header: header, Body: t.Body, Weight: t.Weight,
		})
	}
	return mix
}
