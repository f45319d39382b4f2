package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// gateOptions are the flags of bench gate.
type gateOptions struct {
	base, head string
	app        string
	topology   string
	scenario   string
	profile    string
	budget     time.Duration
	objectives []string
	fixedOrder bool
	selfTest   bool
	pairs      int
	headEnv    []string
	out        string
	seed       uint64
	json       bool
	allow      []string
}

// How a pair is spent.
const (
	gateSlice  = 3 * time.Second
	gateBurst  = 500 * time.Millisecond
	gateWarmup = 600 * time.Millisecond
	// fewestPairs is what any verdict needs: five equal signs for a pass at 5 %.
	fewestPairs = 5
	// pairTime and setUpTime are rough, for telling a budget that is too small.
	pairTime  = 7 * time.Second
	setUpTime = 15 * time.Second
)

func (s *shell) gateCommand() *cobra.Command {
	var o gateOptions
	c := &cobra.Command{
		Use:   "gate",
		Short: "Decide whether a change made the app slower",
		Long: `gate compares two versions of an app in pairs: each pair boots both afresh and sends both the
same requests at once, in an order that a coin decides. It stops as soon as the answer is
proven. Exit code 0: not slower by as much as matters (5 %); 3: slower; 4: not to be told in
the time given; 5: this machine or the base is no measure. On equal versions it says
"slower" in less than 1 % of runs.`,
		Example: `  bench gate                                  # the work tree against where it left the main branch
  bench gate --base v1.4 --head HEAD --budget 4m
  bench gate --base ../site-before --head ../site-after --topology uwsgi
  bench gate --objective 'p99<250ms'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return s.gate(c.Context(), c, o) },
	}
	f := c.Flags()
	f.StringVar(&o.base, "base", "", "`REF` or folder to compare with (default: where head left the main branch)")
	f.StringVar(&o.head, "head", "", "`REF` or folder that is judged (default: the work tree, with what is not committed)")
	f.StringVar(&o.app, "app", "", "`DIR` of the app within the checkout; it holds a bench.yaml (default: this folder)")
	f.StringVar(&o.topology, "topology", "nginx-uwsgi", "how both are deployed")
	f.StringVar(&o.scenario, "scenario", "", "what is asked (default: the mix of bench.yaml, else page)")
	f.StringVar(&o.profile, "profile", "controlled", "controlled or as-documented")
	f.DurationVar(&o.budget, "budget", 4*time.Minute, "how long it may take")
	f.StringSliceVar(&o.objectives, "objective", nil, "limits that head has to keep beside the comparison, such as 'p99<250ms'")
	f.BoolVar(&o.fixedOrder, "fixed-order", false, "base first in every pair: for showing what the coin is for")
	f.StringSliceVar(&o.headEnv, "head-env", nil, "variables for head alone, such as SHOP_BURN_US=100: for trying the gate out")
	f.BoolVar(&o.selfTest, "self-test", false, "measure what this machine can tell: false alarms, and the least slowdown that is found")
	f.IntVar(&o.pairs, "pairs", 30, "with --self-test: pairs of equal versions")
	_ = f.MarkHidden("fixed-order")
	s.commonFlags(c, &o.out, &o.seed, &o.json, &o.allow)
	return c
}

// side is one version of a gate: an app in a folder.
type side struct {
	name    string // as the user named it
	commit  string
	dirty   bool
	project targets.Project
}

func (s *shell) gate(ctx context.Context, c *cobra.Command, o gateOptions) error {
	started := time.Now()
	if least := setUpTime + fewestPairs*pairTime; o.budget < least && !o.selfTest {
		return usagef("--budget %v: no verdict needs less than %d pairs, about %v", o.budget, fewestPairs, least)
	}
	objectives, err := chooseObjectives(o.objectives, targets.Project{})
	if err != nil {
		return err
	}
	topologies, err := parseTopologies(o.topology, o.profile)
	if err != nil {
		return err
	}
	if len(topologies) != 1 || topologies[0].Name == "url" {
		return usagef("--topology %q: want one topology that can be booted", o.topology)
	}
	trees, err := os.MkdirTemp(s.env["TMPDIR"], "bench-gate-")
	if err != nil {
		return fmt.Errorf("making a folder for the two versions: %w", err)
	}
	defer os.RemoveAll(trees)
	versions, err := s.versions(ctx, o, trees)
	if err != nil {
		return err
	}
	scenario, err := gateScenario(o.scenario, versions[1].project)
	if err != nil {
		return err
	}
	run := &gateRun{s: s, o: o, versions: versions, started: started, objectives: objectives}
	run.duel = scenarios.Duel{
		Topology: topologies[0], Scenario: scenario, Slice: gateSlice, Burst: gateBurst, Warmup: gateWarmup,
		Seed: newSeed(o.seed), FixedOrder: o.fixedOrder,
	}
	if o.selfTest {
		return s.gateSelfTest(ctx, c, run)
	}
	if err := run.measure(ctx, c); err != nil && (ctx.Err() == nil || run.out == nil) {
		return err
	}
	return run.finish(ctx)
}

// versions gets both sides: two folders, or two commits of a checkout.
func (s *shell) versions(ctx context.Context, o gateOptions, trees string) (both [2]side, err error) {
	if isDir(o.base) && isDir(o.head) {
		for i, dir := range []string{o.base, o.head} {
			both[i].name = dir
			if both[i].project, err = loadProject(dir); err != nil {
				return both, err
			}
		}
		return both, nil
	}
	if o.selfTest && o.base == "" && o.app == "" {
		o.base = bundledName
	}
	if o.base == bundledName && (o.head == bundledName || o.head == "") {
		for i := range both {
			both[i].name = bundledName
			if both[i].project, err = targets.Bundled(); err != nil {
				return both, err
			}
		}
		return both, nil
	}
	from, err := openCheckout(ctx, cmp.Or(o.app, "."))
	if err != nil {
		return both, err
	}
	head := side{name: o.head}
	if o.head == "" {
		head.name = gate.WorkTree
		head.commit, head.dirty, err = from.workTree(ctx)
	} else {
		head.commit, err = from.commit(ctx, o.head)
	}
	if err != nil {
		return both, err
	}
	base := side{name: o.base}
	if o.base == "" {
		if base.commit, err = from.mergeBase(ctx, head.commit); err == nil {
			base.name = base.commit[:12]
		}
	} else {
		base.commit, err = from.commit(ctx, o.base)
	}
	if err != nil {
		return both, err
	}
	if base.commit == head.commit && len(o.headEnv) == 0 {
		return both, usagef("base and head are the same commit, %s: there is nothing to judge; name another base: --base REF", base.commit[:12])
	}
	if head.dirty {
		fmt.Fprintln(s.errs, "bench: the work tree has uncommitted changes: they are measured")
	}
	if unknown, err := git(ctx, from.root, "ls-files", "--others", "--exclude-standard", "--", cmp.Or(from.prefix, ".")); err == nil && unknown != "" && o.head == "" {
		fmt.Fprintln(s.errs, "bench: files that git does not know are not measured; add them first: git add")
	}
	both = [2]side{base, head}
	for i, folder := range []string{"base", "head"} { // as long as each other
		dir, err := from.extract(ctx, both[i].commit, filepath.Join(trees, folder))
		if err != nil {
			return both, err
		}
		if both[i].project, err = loadProject(dir); err != nil {
			return both, fmt.Errorf("%s: %w", both[i].name, err)
		}
		both[i].project.App.Python = from.interpreter(dir, both[i].project.App.Python)
		both[i].commit = both[i].commit[:12]
	}
	return both, nil
}

// bundledName stands for the bundled project, to try a gate out on.
const bundledName = "bundled"

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func gateScenario(name string, project targets.Project) (scenarios.Scenario, error) {
	if name == "" && len(project.Mix.Targets) > 0 {
		return scenarios.Scenario{Name: "mix", Summary: "the mix of bench.yaml", Mix: project.Mix, Connections: 16, Timeout: 10 * time.Second}, nil
	}
	if name == "" {
		name = "page"
	}
	scenario, err := scenarios.Named(name)
	if err != nil {
		return scenario, usageError{err}
	}
	scenario.Connections = 16 // two versions share the machine
	return scenario, nil
}

// gateRun is one gate under way.
type gateRun struct {
	s          *shell
	o          gateOptions
	versions   [2]side
	objectives []string
	duel       scenarios.Duel
	runner     *scenarios.Runner
	out        *results.Directory
	run        results.Run
	started    time.Time
	progress   *progress
	count      int    // of pairs, whatever they say; 0: until the verdict
	doing      string // with a count: what for
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
		stacks[i], err = g.s.openStack(ctx, project, []servers.Topology{g.duel.Topology}, time.Minute, guard)
		if err != nil {
			var prepare *servers.PrepareError
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if !errors.As(err, &prepare) {
				return err
			}
			failed = &scenarios.ArmError{Arm: []string{scenarios.Base, scenarios.Head}[i], Err: err}
			break
		}
		defer stacks[i].Close()
		g.duel.Arms[i] = scenarios.DuelArm{Name: []string{scenarios.Base, scenarios.Head}[i], Site: stacks[i].site, App: stacks[i].project.App}
	}
	if err := g.open(ctx, c, stacks[0]); err != nil {
		return err
	}
	g.progress = g.s.newProgress()
	g.runner = &scenarios.Runner{Engine: native.Engine{Shards: 1, Pacing: native.Sleep}, Guard: guard, Out: g.out, Progress: g.progress.show}
	if failed != nil {
		err = g.fail(failed)
	} else {
		err = g.pairs(ctx)
	}
	g.progress.clear()
	for _, st := range stacks {
		if st != nil {
			err = errors.Join(err, st.Close())
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
		Command: "gate", Name: "gate", Started: g.started.UTC().Truncate(time.Millisecond), Seed: d.Seed, Engine: "native",
		Profile: g.o.profile, Baseline: scenarios.Base, Tools: map[string]string{"bench": version}, Config: flagValues(c),
		Scenarios: []results.ScenarioRecord{d.Scenario.Record()}, Objectives: g.objectives,
		App: results.AppRecord{Name: g.versions[1].project.App.Name, WSGI: g.versions[1].project.App.WSGI, Commit: g.versions[1].commit},
		Duel: &results.Duel{
			Base: g.versions[0].name, Head: g.versions[1].name, BaseCommit: g.versions[0].commit, HeadCommit: g.versions[1].commit,
			Dirty: g.versions[1].dirty, Topology: d.Topology.String(), Scenario: d.Scenario.Name, FixedOrder: d.FixedOrder, Budget: g.o.budget.Seconds(),
		},
	}
	if st != nil {
		m.Host = st.site.Host.Record()
		for name, v := range st.site.Host.Tools.Versions {
			m.Tools[name] = v
		}
	}
	for _, arm := range []string{scenarios.Base, scenarios.Head} {
		m.Topologies = append(m.Topologies, results.TopologyRecord{Name: arm, Ref: d.Topology.String()})
	}
	var err error
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
	if err != nil {
		return g.failure(ctx, err)
	}
	g.duel.Rate = calibration.Rate
	if err := g.update(func(d *results.Duel) {
		d.Rate, d.MaxRate, d.SlowMicros = calibration.Rate, calibration.MaxRate, calibration.Slow.Microseconds()
		d.Differences, d.Counters = calibration.Differences, calibration.Counters
	}); err != nil {
		return err
	}
	report := g.judge()
	longest := pairTime
	for pair := 1; g.goesOn(pair, longest, report); pair++ {
		began := time.Now()
		g.progress.text(g.state(pair, report))
		cells, err := g.runner.Pair(ctx, g.duel, pair)
		if err != nil && ctx.Err() == nil {
			// Once more: a boot that fails once may be the machine's doing.
			cells, err = g.runner.Pair(ctx, g.duel, pair)
		}
		if err != nil {
			return g.failure(ctx, err)
		}
		for _, cell := range cells {
			if err := g.out.Seal(cell, nil); err != nil {
				return err
			}
		}
		g.run.Cells = append(g.run.Cells, cells...)
		longest = max(longest, time.Since(began))
		report = g.judge()
		if g.count == 0 && report.ByMetrics() && g.run.Manifest.Duel.ConfirmFrom == 0 {
			// What was found is tested once more, on pairs that had no part in finding it.
			if err := g.update(func(d *results.Duel) { d.ConfirmFrom = pair + 1 }); err != nil {
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

func (g *gateRun) update(change func(*results.Duel)) error {
	m := g.out.Manifest()
	duel := *m.Duel
	change(&duel)
	m.Duel = &duel
	return g.out.SetManifest(m)
}

// judge asks for the verdict on what has been measured so far.
func (g *gateRun) judge() gate.Report {
	g.run.Manifest = g.out.Manifest()
	g.run.Manifest.Elapsed = time.Since(g.started).Seconds()
	return gate.JudgeSoFar(&g.run, gate.Metrics())
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
	return g.update(func(d *results.Duel) { d.FailedArm, d.Failed = arm.Arm, arm.Err.Error() })
}

// finish writes every form of the report and turns the verdict into the exit code.
func (g *gateRun) finish(ctx context.Context) error {
	status := results.Complete
	if ctx.Err() != nil {
		status = results.Partial
	}
	if err := g.out.Finish(status, time.Since(g.started)); err != nil {
		return err
	}
	run, err := results.Load(g.out.Path)
	if err != nil {
		return err
	}
	report := gate.Judge(run, gate.Metrics())
	if err := g.s.writeGate(g.out.Path, report, g.o.json); err != nil {
		return err
	}
	if err := remember(g.out.Path, run.Manifest, gateEntry(report)); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: what was measured until then is in %s, marked %s", context.Cause(ctx), g.out.Path, results.Partial)
	}
	return gateError(report)
}

func (s *shell) writeGate(dir string, report gate.Report, asJSON bool) error {
	for name, write := range gate.Files {
		var text strings.Builder
		if err := write(&text, report); err != nil {
			return err
		}
		if err := results.WriteFile(filepath.Join(dir, name), []byte(text.String())); err != nil {
			return err
		}
	}
	if file := s.env["GITHUB_STEP_SUMMARY"]; file != "" {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return fmt.Errorf("writing the step's summary: %w", err)
		}
		if err := errors.Join(gate.Markdown(f, report), f.Close()); err != nil {
			return fmt.Errorf("writing the step's summary: %w", err)
		}
	}
	if s.env["GITHUB_ACTIONS"] == "true" {
		for _, line := range gate.Annotations(report) {
			fmt.Fprintln(s.errs, line)
		}
	}
	write := gate.Text
	if asJSON {
		write = gate.JSON
	}
	if err := write(s.out, report); err != nil {
		return err
	}
	fmt.Fprintf(s.errs, "\nbench: the report is %s\n", filepath.Join(dir, "report.html"))
	return nil
}

// gateError is the exit code of a verdict.
func gateError(r gate.Report) error {
	code, bad := map[gate.Verdict]int{gate.Regression: exitRegression, gate.Inconclusive: exitInconclusive, gate.Unfit: exitInvalid}[r.Verdict]
	if !bad {
		return nil
	}
	return codedError{code, errors.New(strings.SplitN(r.Headline(), "\n", 2)[0])}
}
