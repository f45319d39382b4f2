package gate

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bench/experiments"
	"bench/reports/gate"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
	"bench/targets"
)

// treesPrefix begins the names of the folders into which versions are written out.
const treesPrefix = "bench-gate-"

// Run carries out a gate.
func Run(ctx context.Context, env experiments.Env, spec Spec) (experiments.Result, error) {
	if err := spec.Validate(); err != nil {
		return experiments.Result{}, err
	}
	trees, err := env.NewScratch(treesPrefix)
	if err != nil {
		return experiments.Result{}, err
	}
	defer trees.Close()
	s, err := newSeries(ctx, env, spec, trees.Dir, false)
	if err != nil {
		return experiments.Result{}, err
	}
	return s.conduct(ctx)
}

// series is one series of pairs.
type series struct {
	env        experiments.Env
	spec       Spec
	gated      []results.Gated
	versions   [2]side
	objectives []string
	// notCompared is what is said of targets that only one version has.
	notCompared []results.Diagnostic
	paired      scenarios.PairedRun
	count       int    // of pairs, whatever they show; 0: until the verdict
	doing       string // with a count: what the pairs are for
	started     time.Time

	// Of the current run.
	run       *experiments.Run
	runner    *scenarios.Runner
	checks    func(context.Context, scenarios.PairedRun, int) (scenarios.BootCheck, error) // nil: the runner's
	measured  gate.Run
	firstPair time.Time
}

// newSeries gets both versions ready, or the same version twice if equal versions are wanted.
func newSeries(ctx context.Context, env experiments.Env, spec Spec, trees string, equal bool) (*series, error) {
	p, err := spec.plan()
	if err != nil {
		return nil, err
	}
	s := &series{env: env, spec: spec, gated: p.gated}
	if s.versions, err = versions(ctx, env, spec, trees, equal); err != nil {
		return nil, err
	}
	head := s.versions[1].project
	scenario, notCompared, err := mix(spec, s.versions)
	if err != nil {
		return nil, err
	}
	if err := environments(ctx, env, &s.versions); err != nil {
		return nil, err
	}
	s.started = time.Now() // the time to make an environment does not count
	s.notCompared = notCompared
	if s.objectives, err = experiments.Objectives(spec.Objectives, head); err != nil {
		return nil, err
	}
	s.paired = scenarios.PairedRun{
		Topology: p.topology, Scenario: experiments.OneHost(scenario, head, p.topology),
		Slice: slice, Closed: closedRun, Warmup: warmup, Seed: spec.Seed, FixedOrder: spec.FixedOrder,
	}
	return s, nil
}

// conduct opens what both versions need and measures the pairs.
func (s *series) conduct(ctx context.Context) (experiments.Result, error) {
	stacks, failed, err := s.open(ctx)
	defer closeStacks(stacks)
	if err != nil {
		return experiments.Result{}, err
	}
	of := stacks[1] // the history keeps head's figure
	if of == nil {
		of = stacks[0]
	}
	m := s.manifest(ctx, of)
	s.measured = gate.Run{Run: &results.Run{}, Gate: &results.Gate{GateSpec: s.record()}}
	return experiments.Conduct(ctx, s.env, experiments.Task{
		Manifest: m, Spec: s.measured.Gate.GateSpec, Request: s.spec, Findings: s.measured.Gate.GateFindings,
		Started: s.started, Estimate: s.spec.Budget, Raw: s.count > 0,
		Measure: func(ctx context.Context, run *experiments.Run) (err error) {
			s.run, s.runner = run, run.Runner(nil)
			if failed != nil {
				err = s.fail(failed)
			} else {
				err = s.pairs(ctx)
			}
			run.Beside(closeStacks(stacks))
			return err
		},
	})
}

// prepareTries is how often an app is prepared before it counts as one that cannot be: a single failure may
// be chance.
const prepareTries = 3

// open makes a stack for each version. An app that cannot be prepared is a result, not an error.
func (s *series) open(ctx context.Context) (stacks [2]*experiments.Stack, failed *scenarios.ArmError, err error) {
	for i, name := range []string{results.Base, results.Head} {
		if broken := s.versions[i].broken; broken != nil {
			return stacks, &scenarios.ArmError{Arm: name, Err: broken}, nil
		}
		if name == results.Base {
			stacks[i], err = s.openBase(ctx)
		} else {
			stacks[i], err = s.prepared(ctx, i)
		}
		var prepare *servers.PrepareError
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return stacks, nil, context.Cause(ctx)
		case errors.As(err, &prepare):
			return stacks, &scenarios.ArmError{Arm: name, Err: err}, nil
		default:
			return stacks, nil, err
		}
		if s.paired.Arms[i], err = s.arm(name, stacks[i]); err != nil {
			return stacks, nil, err
		}
	}
	return stacks, nil, nil
}

// arm is a version on its stack. What counts its queries is written here, and not known to hosts of a fleet.
func (s *series) arm(name string, stack *experiments.Stack) (a scenarios.PairedArm, err error) {
	a = scenarios.PairedArm{Name: name, Site: stack.Site, App: stack.Project.App, Checked: stack.Project.App}
	a.Measurer, a.From = stack.From()
	if a.Measurer == nil {
		a.Checked, err = targets.Observed(a.App, targets.Queries, filepath.Join(stack.Site.Scratch, "observing"))
	}
	return a, err
}

// prepared opens the stack of a version.
func (s *series) prepared(ctx context.Context, arm int) (stack *experiments.Stack, err error) {
	project := s.versions[arm].project
	if arm == 1 {
		project.App = withEnv(project.App, s.spec.HeadEnv)
	}
	var prepare *servers.PrepareError
	for range prepareTries {
		stack, err = s.env.Open(ctx, project, []servers.Topology{s.paired.Topology}, bootTimeout)
		if !errors.As(err, &prepare) || ctx.Err() != nil {
			break
		}
	}
	return stack, err
}

func closeStacks(stacks [2]*experiments.Stack) (err error) {
	for _, stack := range stacks {
		if stack != nil {
			err = errors.Join(err, stack.Close())
		}
	}
	return err
}

func withEnv(app targets.App, pairs []string) targets.App {
	env := maps.Clone(app.Env)
	if env == nil {
		env = map[string]string{}
	}
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		env[key] = value
	}
	app.Env = env
	return app
}

// manifest is what is known before the first pair; the stack may be nil.
func (s *series) manifest(ctx context.Context, stack *experiments.Stack) (m results.Manifest) {
	head := s.versions[1]
	if stack != nil {
		m = s.env.Manifest(ctx, stack)
	}
	m.Kind, m.Seed, m.Profile, m.Baseline = results.KindGate, s.paired.Seed, s.spec.Profile, results.Base
	m.App = results.AppRecord{Name: head.project.App.Name, WSGI: head.project.App.WSGI, Commit: head.commit}
	m.Scenarios = []results.ScenarioRecord{s.paired.Scenario.Record()}
	m.Objectives = s.objectives
	m.Diagnostics = slices.Concat(m.Diagnostics, requirementsDiffer(s.versions), locksDiffer(s.versions), s.notCompared)
	if s.env.Fleet != nil {
		m.Diagnostics = append(m.Diagnostics, results.Diagnostic{Code: "queries-not-counted",
			Message: "the database queries of a response are not counted on the hosts of a fleet"})
	}
	for _, arm := range []string{results.Base, results.Head} {
		m.Topologies = append(m.Topologies, results.TopologyRecord{Name: arm, Ref: s.paired.Topology.String()})
	}
	return m
}

// record is the request, for the run directory.
func (s *series) record() results.GateSpec {
	base, head := s.versions[0], s.versions[1]
	return results.GateSpec{
		Base: base.name, Head: head.name, BaseCommit: base.commit, HeadCommit: head.commit, Dirty: head.dirty,
		Topology: s.paired.Topology.String(), Scenario: s.paired.Scenario.Name, FixedOrder: s.paired.FixedOrder,
		Gated: s.gated, Budget: s.spec.Budget.Seconds(),
	}
}
