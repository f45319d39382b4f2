package replay

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"bench/experiments"
	"bench/experiments/capacity"
	"bench/experiments/claims"
	"bench/experiments/compare"
	"bench/experiments/gate"
	"bench/experiments/ladder"
	"bench/experiments/tune"
	"bench/loadgen"
	"bench/results"
)

// Kind is a kind of run, and how its runs are carried out again.
type Kind struct {
	Name    string
	whole   bool   // its spec in the manifest is all that was asked for, so that older runs have it, too
	lacking string // why a run may lack its request
	again   func(spec []byte, m results.Manifest, o Options) (Plan, error)
}

// older is why a run lacks its request, where every run keeps one.
const older = "an older bench stored it"

// Kinds is the table of the kinds, which are those of package reports.
var Kinds = []Kind{
	{results.KindCompare, true, older, again(comparison)},
	{results.KindGate, false, older, again(decision)},
	{results.KindCapacity, false, older, again(search)},
	{results.KindTune, false, older, again(tuning)},
	{results.KindLoad, false, "another tool sent it, an older bench stored it, or it has header fields, bodies, " +
		"sessions, a feed, incidents or a long list of targets, which are not kept", again(load)},
	{results.KindClaims, false, older, again(test)},
	{results.KindLadder, false, older, again(climb)},
}

// again makes a row's function from the one that takes the kind's own spec.
func again[S any](plan func(S, results.Manifest, Options) (Plan, error)) func(
	[]byte, results.Manifest, Options) (Plan, error) {
	return func(data []byte, m results.Manifest, o Options) (Plan, error) {
		var spec S
		if err := json.Unmarshal(data, &spec); err != nil {
			return Plan{}, experiments.Misusef("reading what it was asked for: %w", err)
		}
		return plan(spec, m, o)
	}
}

// running carries out a spec.
func running[S any](spec S, run func(context.Context, experiments.Env, S) (experiments.Result, error)) func(
	context.Context, experiments.Env) (experiments.Result, error) {
	return func(ctx context.Context, env experiments.Env) (experiments.Result, error) { return run(ctx, env, spec) }
}

func comparison(s compare.Spec, _ results.Manifest, o Options) (Plan, error) {
	s.App = cmp.Or(o.App, s.App)
	p, err := s.Plan()
	if err != nil {
		return Plan{}, err
	}
	e := p.Experiment
	return Plan{
		Lines: e.Describe(), Estimate: e.Estimate(), URLs: p.URLs(), app: p.Project.App.Name, run: running(s, compare.Run),
	}, nil
}

// decision takes the commits that the names stood for: a branch may have moved since.
func decision(s gate.Spec, m results.Manifest, o Options) (Plan, error) {
	asked, err := results.Decode[results.Gate](m, results.KindGate)
	if err != nil {
		return Plan{}, experiments.Misuse(err)
	}
	if asked.Dirty {
		return Plan{}, experiments.Misusef("its head was a work tree with changes that no commit holds: " +
			"commit them, and run bench gate again")
	}
	s.App = cmp.Or(o.App, s.App)
	if asked.BaseCommit != "" && asked.HeadCommit != "" {
		s.Base, s.Head = asked.BaseCommit, asked.HeadCommit
	}
	return Plan{Lines: s.Lines(), Estimate: s.Budget, run: running(s, func(
		ctx context.Context, env experiments.Env, s gate.Spec,
	) (experiments.Result, error) {
		result, err := gate.Run(ctx, env, s)
		if err != nil && result.Dir == "" && asked.BaseCommit != "" {
			err = fmt.Errorf("%w (run it in a clone that has the commits %s and %s)", err, s.Base, s.Head)
		}
		return result, err
	})}, s.Validate()
}

// planned is what the plans of most kinds can say.
type planned interface {
	Lines() []string
	Estimate() time.Duration
}

// planOf is the plan of a spec whose own plan is p, unless that has an error.
func planOf[S any](
	spec S, p planned, app string, err error,
	run func(context.Context, experiments.Env, S) (experiments.Result, error),
) (Plan, error) {
	if err != nil {
		return Plan{}, err
	}
	return Plan{Lines: p.Lines(), Estimate: p.Estimate(), app: app, run: running(spec, run)}, nil
}

func search(s capacity.Spec, _ results.Manifest, o Options) (Plan, error) {
	s.App = cmp.Or(o.App, s.App)
	p, err := s.Plan()
	return planOf(s, p, p.Project.App.Name, err, capacity.Run)
}

func tuning(s tune.Spec, _ results.Manifest, o Options) (Plan, error) {
	s.App = cmp.Or(o.App, s.App)
	p, err := s.Plan()
	return planOf(s, p, p.Project.App.Name, err, tune.Run)
}

func test(s claims.Spec, _ results.Manifest, o Options) (Plan, error) {
	s.App = cmp.Or(o.App, s.App)
	p, err := s.Plan()
	return planOf(s, p, p.Project.App.Name, err, claims.Run)
}

func climb(s ladder.Spec, _ results.Manifest, o Options) (Plan, error) {
	s.App = cmp.Or(o.App, s.App)
	p, err := s.Plan()
	return planOf(s, p, p.Project.App.Name, err, ladder.Run)
}

func load(p loadgen.Plan, m results.Manifest, o Options) (Plan, error) {
	var objectives []results.Objective
	for _, text := range m.Objectives {
		objective, err := results.ParseObjective(text)
		if err != nil {
			return Plan{}, err
		}
		objectives = append(objectives, objective)
	}
	return Plan{
		Lines: m.Plan, Estimate: p.Duration, URLs: []string{p.URL},
		run: running(p, func(ctx context.Context, env experiments.Env, p loadgen.Plan) (experiments.Result, error) {
			return o.Load(ctx, env, p, objectives)
		}),
	}, p.Validate()
}
