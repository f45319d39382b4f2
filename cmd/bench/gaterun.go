package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"bench/loadgen"
	"bench/loadgen/native"
	"bench/reports/gate"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
	"bench/targets"

	"github.com/spf13/cobra"
)

// gateRun is one gate under way.
type gateRun struct {
	s          *shell
	o          gateOptions
	versions   [2]side
	objectives []string
	gated      []results.Gated
	duel       scenarios.Duel
	runner     *scenarios.Runner
	out        *results.Directory
	run        gate.Run
	started    time.Time
	progress   *progress
	firstPair  time.Time
	count      int    // of pairs, whatever they say; 0: until the verdict
	doing      string // with a count: what for
	cleanup    error  // of ending what ran; it takes nothing from the verdict
}

func (g *gateRun) measure(ctx context.Context, c *cobra.Command) (err error) {
	guard := loadgen.Guard{Hosts: g.o.allow}
	var stacks [2]*stack
	var failed *scenarios.ArmError
	for i := range stacks {
		project := g.versions[i].project
		if i == 1 {
			project.App = withEnv(project.App, g.o.headEnv)
		}
		name := []string{results.Base, results.Head}[i]
		if broken := g.versions[i].broken; broken != nil {
			failed = &scenarios.ArmError{Arm: name, Err: broken}
			break
		}
		stacks[i], err = g.s.openStack(ctx, project, []servers.Topology{g.duel.Topology}, time.Minute, guard)
		if err != nil {
			var prepare *servers.PrepareError
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if !errors.As(err, &prepare) {
				return err
			}
			failed = &scenarios.ArmError{Arm: name, Err: err}
			break
		}
		defer stacks[i].Close()
		g.duel.Arms[i] = scenarios.DuelArm{Name: name, Site: stacks[i].site, App: stacks[i].project.App}
	}
	of := stacks[1] // what is remembered is head's figure
	if of == nil {
		of = stacks[0]
	}
	if err := g.open(ctx, c, of); err != nil {
		return err
	}
	g.progress = g.s.newProgress()
	g.runner = &scenarios.Runner{
		Measurer: loadgen.Local{Engine: native.Engine{Shards: 1, Pacing: native.Sleep}, Guard: guard}, Guard: guard,
		Out: g.out, Emit: g.progress.show,
	}
	if failed != nil {
		err = g.fail(failed)
	} else {
		err = g.pairs(ctx)
	}
	g.progress.clear()
	for _, st := range stacks {
		if st != nil {
			g.cleanup = errors.Join(g.cleanup, st.Close())
		}
	}
	return err
}

func withEnv(app targets.App, pairs []string) targets.App {
	env := map[string]string{}
	for key, value := range app.Env {
		env[key] = value
	}
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		env[key] = value
	}
	app.Env = env
	return app
}

// open creates the run directory.
func (g *gateRun) open(ctx context.Context, c *cobra.Command, st *stack) error {
	d := g.duel
	m := results.Manifest{
		Kind: results.KindGate, Name: "gate", Started: g.started.UTC().Truncate(time.Millisecond), Seed: d.Seed, Engine: "native",
		Profile: g.o.profile, Baseline: results.Base, Tools: map[string]string{"bench": version}, Config: flagValues(c),
		Scenarios: []results.ScenarioRecord{d.Scenario.Record()}, Objectives: g.objectives, Warnings: append(requirementsDiffer(g.versions), locksDiffer(g.versions)...),
		App: results.AppRecord{Name: g.versions[1].project.App.Name, WSGI: g.versions[1].project.App.WSGI, Commit: g.versions[1].commit},
	}
	g.run = gate.Run{Run: &results.Run{}, Gate: &results.Gate{GateSpec: results.GateSpec{
		Base: g.versions[0].name, Head: g.versions[1].name, BaseCommit: g.versions[0].commit, HeadCommit: g.versions[1].commit,
		Dirty: g.versions[1].dirty, Topology: d.Topology.String(), Scenario: d.Scenario.Name, FixedOrder: d.FixedOrder, Gated: g.gated, Budget: g.o.budget.Seconds(),
	}}}
	var err error
	if m.Spec, err = results.Encode(g.run.Gate.GateSpec); err == nil {
		m.Findings, err = results.Encode(g.run.Gate.GateFindings)
	}
	if err != nil {
		return err
	}
	if st != nil {
		m.Host = st.site.Host.Record()
		for name, v := range st.site.Host.Tools.Versions() {
			m.Tools[name] = v
		}
	}
	for _, arm := range []string{results.Base, results.Head} {
		m.Topologies = append(m.Topologies, results.TopologyRecord{Name: arm, Ref: d.Topology.String()})
	}
	if m.Generator, err = calibrate(ctx, native.Engine{}, true); err != nil {
		return err
	}
	g.out, err = results.Create(g.o.out, m)
	return err
}

// pairs measures until the verdict is proven and, if it is a regression, confirmed, or the
// budget is spent; or just as many pairs as were asked for.
func (g *gateRun) pairs(ctx context.Context) error {
	calibration, err := g.runner.Calibrate(ctx, g.duel)
	if err != nil && ctx.Err() == nil && !errors.Is(err, scenarios.ErrUnexpected) {
		if err := g.again(err); err != nil {
			return err
		}
		calibration, err = g.runner.Calibrate(ctx, g.duel)
	}
	if err != nil {
		return g.failure(ctx, err)
	}
	g.duel.Rate = calibration.Rate
	if err := g.update(func(d *results.GateFindings) {
		d.Rate, d.MaxRate, d.Busy, d.SlowMicros = calibration.Rate, calibration.MaxRate, calibration.Busy, calibration.Slow.Microseconds()
		d.Differences, d.Counters = calibration.Differences, calibration.Counters
		d.Queries = slices.ContainsFunc(d.Counters, func(c results.Counter) bool { return c.Name == "queries" })
	}); err != nil {
		return err
	}
	report := g.judge()
	g.firstPair = time.Now()
	longest := pairTime
	for pair := 1; g.goesOn(pair, longest, report); pair++ {
		began := time.Now()
		g.progress.text(g.state(pair, report))
		cells, logs, err := g.runner.Pair(ctx, g.duel, pair)
		if err != nil && ctx.Err() == nil {
			if err := g.again(err); err != nil {
				return err
			}
			cells, logs, err = g.runner.Pair(ctx, g.duel, pair)
		}
		if err != nil {
			return g.failure(ctx, err)
		}
		for _, cell := range cells {
			var extra map[string][]byte
			if len(cell.Causes) > 0 {
				extra = logs[cell.Topology] // who wonders why will want them
			}
			if err := g.out.Seal(cell, extra); err != nil {
				return err
			}
		}
		g.run.Cells = append(g.run.Cells, cells...)
		longest = max(longest, time.Since(began))
		if g.count > 0 {
			continue // nothing is to be decided
		}
		report = g.judge()
		if report.ByMetrics() && g.run.Gate.ConfirmFrom == 0 {
			// What was found is tested once more, on pairs that had no part in finding it.
			if err := g.update(func(d *results.GateFindings) { d.ConfirmFrom = pair + 1 }); err != nil {
				return err
			}
			report = g.judge()
		}
	}
	return nil
}

func (g *gateRun) goesOn(pair int, longest time.Duration, report gate.Report) bool {
	if g.count > 0 {
		return pair <= g.count
	}
	return !report.Decided() && time.Since(g.started)+longest < g.o.budget
}

func (g *gateRun) state(pair int, report gate.Report) string {
	if g.count > 0 {
		return fmt.Sprintf("%s: pair %d of %d", g.doing, pair, g.count)
	}
	return fmt.Sprintf("pair %d, %v of %v: %s", pair, time.Since(g.started).Round(time.Second), g.o.budget, report.Verdict)
}

func (g *gateRun) update(change func(*results.GateFindings)) error {
	change(&g.run.Gate.GateFindings)
	return g.out.SetFindings(g.run.Gate.GateFindings)
}

// judge asks for the verdict on what has been measured so far.
func (g *gateRun) judge() gate.Report {
	g.run.Manifest = g.out.Manifest()
	g.run.Manifest.Elapsed = time.Since(g.started).Seconds()
	return gate.JudgeSoFar(g.run, gate.MetricsOf(g.gated))
}

// again records a boot that is repeated: one that fails once may be the machine's doing.
func (g *gateRun) again(why error) error {
	return g.update(func(d *results.GateFindings) { d.Retried, d.RetriedFor = d.Retried+1, why.Error() })
}

// failure is an error that is a result, if an arm made it, and else an error.
func (g *gateRun) failure(ctx context.Context, err error) error {
	var arm *scenarios.ArmError
	if errors.As(err, &arm) && ctx.Err() == nil {
		return g.fail(arm)
	}
	return err
}

// fail records an arm that did not boot, or died. For the base that voids the gate; for the
// head it is its verdict.
func (g *gateRun) fail(arm *scenarios.ArmError) error {
	return g.update(func(d *results.GateFindings) { d.FailedArm, d.Failed = arm.Arm, arm.Err.Error() })
}
