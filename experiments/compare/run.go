package compare

import (
	"context"
	"strings"
	"time"

	"bench/experiments"
	"bench/results"
)

// Run carries out a comparison.
func Run(ctx context.Context, env experiments.Env, spec Spec) (experiments.Result, error) {
	started := time.Now()
	if err := spec.placed(env); err != nil {
		return experiments.Result{}, err
	}
	group := experiments.IsGroup(spec.Topologies) // of which those are meant that can be booted
	spec, left, err := spec.present(ctx, env, fewest)
	if err != nil {
		return experiments.Result{}, err
	}
	plan, err := spec.planIn(env)
	if err != nil {
		return experiments.Result{}, err
	}
	stack, err := env.Open(ctx, plan.Project, plan.Topologies(), spec.BootTimeout)
	if err != nil {
		return experiments.Result{}, err
	}
	defer stack.Close()
	e := plan.Experiment
	m := env.Manifest(ctx, stack)
	m.Kind, m.Objectives, m.Profile = results.KindCompare, plan.Objectives, plan.profile()
	m.Diagnostics = append(m.Diagnostics, left...)
	m.Seed, m.Blocks, m.Baseline = e.Seed, e.Preset.Blocks, e.Arms[0].Name
	for _, s := range e.Scenarios {
		m.Scenarios = append(m.Scenarios, s.Record())
	}
	if m.Topologies, err = stack.Arms(e.Arms); err != nil {
		return experiments.Result{}, err
	}
	if err := env.UntimedOnFleet(e.Scenarios); err != nil {
		return experiments.Result{}, err
	}
	return experiments.Conduct(ctx, env, experiments.Task{
		Manifest: m, Spec: spec, Request: spec, Started: started, Estimate: e.Estimate(),
		Measure: func(ctx context.Context, run *experiments.Run) error {
			runner := run.Runner(stack)
			runner.LeaveOut = group
			_, err := runner.Run(ctx, e)
			run.Beside(stack.Close())
			return err
		},
	})
}

// fewest is the number of topologies that a comparison takes. Who names a single one gets its figures alone.
const fewest = 2

// placed refuses what does not fit where the servers are to run.
func (s Spec) placed(env experiments.Env) error {
	switch {
	case env.Fleet != nil && experiments.IsGroup(s.Topologies):
		return experiments.Misusef("--fleet: name the topologies, since what is installed differs by host")
	case env.Fleet != nil && s.Apart > 0:
		return experiments.Misusef("--fleet: --apart gives servers and load cores of their own on one machine: leave it out")
	}
	return nil
}

// planIn is the plan for where the servers are to run: those on hosts of a fleet are apart from the load anyway.
func (s Spec) planIn(env experiments.Env) (Plan, error) {
	p, err := s.Plan()
	if env.Fleet != nil {
		p.Experiment.Preset.Apart = 0
	}
	return p, err
}

// present is the spec with a word such as all replaced by the topologies that can be booted here.
func (s Spec) present(ctx context.Context, env experiments.Env, least int) (Spec, []results.Diagnostic, error) {
	if !experiments.IsGroup(s.Topologies) {
		return s, nil, nil
	}
	project, err := experiments.LoadProject(s.App)
	if err != nil {
		return s, nil, err
	}
	var left []results.Diagnostic
	s.Topologies, left, err = env.Present(ctx, s.Topologies, project.App, least)
	for _, d := range left {
		if err == nil { // which says it too
			env.Warn(d)
		}
	}
	return s, left, err
}

// Foresee is the plan of the topologies that can be booted here, as far as that is known without installing
// anything, and what keeps the others from it. A plan that could not be carried out is left whole.
func (s Spec) Foresee(ctx context.Context, env experiments.Env) (Plan, []results.Diagnostic, error) {
	plan, err := s.planIn(env)
	if err != nil {
		return plan, nil, err
	}
	all := plan.Topologies()
	if env.Fleet != nil { // its hosts say what they lack
		err := s.placed(env)
		if err == nil {
			err = env.Placeable(plan.Project.App, all)
		}
		return plan, nil, err
	}
	lacks, err := env.Foresee(ctx, plan.Project.App, all)
	if err != nil {
		return plan, nil, err
	}
	var names []string
	for i, t := range all {
		if lacks[i] == nil {
			names = append(names, t.Name)
		}
	}
	if !experiments.IsGroup(s.Topologies) || len(names) < fewest {
		return plan, experiments.LeftOut("cannot be booted here", all, lacks), nil
	}
	s.Topologies = strings.Join(names, ",")
	plan, err = s.Plan()
	return plan, experiments.LeftOut("left out", all, lacks), err
}
