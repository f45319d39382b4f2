package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"bench/loadgen"
	"bench/loadgen/native"
	"bench/loadgen/pacing"
	"bench/reports/capacity"
	"bench/reports/capacity/model"
	"bench/reports/page"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
	"bench/targets"

	"github.com/spf13/cobra"
)

// capacityOptions are the flags of bench capacity.
type capacityOptions struct {
	topology string
	slo      string
	target   string
	scenario string
	app      string
	profile  string
	sweep    string
	machines string
	validate string
	price    float64
	headroom string
	budget   time.Duration
	width    float64
	out      string
	seed     uint64
	json     bool
	dryRun   bool
	allow    []string
}

// unseenByItself is --validate without values.
const unseenByItself = "auto"

func (s *shell) capacityCommand() *cobra.Command {
	var o capacityOptions
	c := &cobra.Command{
		Use:   "capacity",
		Short: "Say how many workers and machines a load needs, with proof",
		Long: `capacity searches the greatest rate at which a topology keeps an objective, as an interval,
at one size or at several; measures what a request costs; and answers how many workers, and
how many machines, a target needs, from what was measured and a model that follows from it.
With --validate it predicts sizes before it measures them, and says how wrong it was.`,
		Example: `  bench capacity --topology uwsgi --slo 'p99<100ms,errors<0.1%'
  bench capacity --topology uwsgi --slo 'p99<100ms' --scenario io --sweep workers=1,2,4 --target 150/s
  bench capacity --topology uwsgi --slo 'p99<100ms' --scenario io --sweep workers=1,2,4 --validate=3,6
  bench capacity --topology nginx-uwsgi:workers=1 --slo 'p99<100ms' --machines 1,2 --validate=3 --target 150/s`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return s.capacity(c.Context(), c, o) },
	}
	f := c.Flags()
	f.StringVar(&o.topology, "topology", servers.DefaultTopology, "what is deployed")
	f.StringVar(&o.slo, "slo", "p99<100ms,errors<0.1%", "objectives that a rate has to keep")
	f.StringVar(&o.target, "target", "", "`N[/s]` requests per second to plan for")
	f.StringVar(&o.scenario, "scenario", "", "what is asked (default: the mix of bench.yaml, else page)")
	f.StringVar(&o.app, "app", "", "`DIR` of an app with a bench.yaml, or bundled (default: this folder, if it has one; else the bundled project)")
	f.StringVar(&o.profile, "profile", "controlled", "controlled or as-documented")
	f.StringVar(&o.sweep, "sweep", "", "sizes to measure: `PARAMETER=V,V,V` of the topology, such as workers=1,2,4")
	f.StringVar(&o.machines, "machines", "", "measure so many `N,N,N` machines side by side: control groups with a CPU quota, behind one nginx")
	f.StringVar(&o.validate, "validate", "", "predict these `V,V` of the swept parameter, then measure them (without values: some between and beyond)")
	f.Lookup("validate").NoOptDefVal = unseenByItself
	f.Float64Var(&o.price, "price", 0, "of a machine per hour, in any currency")
	f.StringVar(&o.headroom, "headroom", "auto", "auto (survive one machine's loss, and square-root staffing), none, or a share such as 30%")
	f.DurationVar(&o.budget, "budget", time.Minute, "of the trials of one size")
	f.Float64Var(&o.width, "width", 0.05, "relative width of the interval that is aimed at")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be measured, and stop")
	s.commonFlags(c, &o.out, &o.seed, &o.json, &o.allow)
	return c
}

// capacityPlan is what the flags ask for.
type capacityPlan struct {
	search     scenarios.Capacity
	record     results.Capacity
	sizes      []scenarios.CapacitySize
	project    targets.Project
	topologies []servers.Topology // of the sizes
}

func (s *shell) capacity(ctx context.Context, c *cobra.Command, o capacityOptions) error {
	started := time.Now()
	var warnings []results.Cause
	if o.machines != "" {
		var err error
		if o, warnings, err = machineNodes(o); err != nil {
			return err
		}
		for _, w := range warnings {
			fmt.Fprintln(s.errs, "bench: "+w.Message)
		}
	}
	plan, err := s.capacityPlan(o)
	if err != nil {
		return err
	}
	if o.dryRun {
		return plan.describe(s, o.json)
	}
	guard := loadgen.Guard{Hosts: o.allow}
	st, err := s.openStack(ctx, plan.project, plan.topologies, time.Minute, guard)
	if err != nil {
		return err
	}
	defer st.Close()
	if err := plan.sized(st); err != nil {
		return err
	}
	manifest, err := newManifest(st, plan.experiment(), started)
	if err != nil {
		return err
	}
	engine := native.Engine{}
	manifest.Kind, manifest.Name, manifest.Objectives = results.KindCapacity, "capacity", objectiveTexts(plan.search.Objectives)
	manifest.Engine, manifest.Profile, manifest.Config, manifest.Baseline = engine.String(), o.profile, flagValues(c), ""
	manifest.Plan = plan.lines()
	manifest.Warnings = append(manifest.Warnings, warnings...)
	if manifest.Generator, err = calibrate(ctx, engine, true); err != nil {
		return err
	}
	plan.record.Contention = scenarios.Contention(st.site.Host.Cores)
	plan.search.Most = trusted * manifest.Generator.Ceiling
	if manifest.Spec, err = results.Encode(plan.record.CapacitySpec); err != nil {
		return err
	}
	if manifest.Findings, err = results.Encode(plan.record.CapacityFindings); err != nil {
		return err
	}
	out, err := results.Create(o.out, manifest)
	if err != nil {
		return err
	}
	progress := s.newProgress()
	run := &capacityRun{plan: plan, found: plan.record.CapacityFindings, out: out, started: started, stack: st, runner: &scenarios.Runner{
		Site: st.site, App: st.project.App, Measurer: loadgen.Local{Engine: engine, Guard: guard}, Guard: guard,
		Out: out, Emit: progress.show,
	}}
	err = run.measure(ctx)
	progress.clear()
	return s.finishCapacity(ctx, run, o.json, err)
}

// trusted is the share of the generator's ceiling up to which a search goes.
const trusted = 0.5

// capacityPlan turns flags into a plan, or says which of them is wrong.
func (s *shell) capacityPlan(o capacityOptions) (p capacityPlan, err error) {
	if p.search.Objectives, err = results.ParseObjectives(o.slo); err != nil {
		return p, err
	}
	p.record.CapacitySpec = results.CapacitySpec{SLO: o.slo, Price: o.price}
	if p.record.Headroom, err = parseHeadroom(o.headroom); err != nil {
		return p, err
	}
	if o.target != "" {
		if p.record.Target, err = pacing.ParseRate(o.target); err != nil {
			return p, usageError{fmt.Errorf("--target: %w", err)}
		}
	}
	switch {
	case !(o.price >= 0 && o.price < 1e9):
		return p, usagef("--price %g: want what a machine costs per hour", o.price)
	case !(o.width >= 0.01 && o.width <= 0.5):
		return p, usagef("--width %g: want 0.01 to 0.5", o.width)
	case o.budget < 10*time.Second || o.budget > time.Hour:
		return p, usagef("--budget %v: want 10s to 1h for the trials of one size", o.budget)
	}
	if p.project, err = loadProject(o.app); err != nil {
		return p, err
	}
	if p.search.Scenario, err = gateScenario(o.scenario, p.project); err != nil {
		return p, err
	}
	p.search.Width, p.search.Budget, p.search.Boots, p.search.Seed = o.width, o.budget, 3, newSeed(o.seed)
	p.search.Warmup = time.Second
	for _, objective := range p.search.Objectives {
		// A request that runs into its time-out must have missed the limit by then.
		if limit := time.Duration(objective.Limit) * time.Microsecond; objective.Metric != "errors" {
			p.search.Scenario.Timeout = max(p.search.Scenario.Timeout, 2*limit)
		}
	}
	if err := distinctTargets(p.search.Scenario); err != nil {
		return p, err
	}
	return p, p.addSizes(o)
}

// distinctTargets refuses a mix whose targets could not be told apart in a run directory.
func distinctTargets(s scenarios.Scenario) error {
	seen := map[string]string{}
	for _, t := range s.Mix.Targets {
		name := results.FileName(t.Name)
		if other, known := seen[name]; known && other != t.Name {
			return usagef("the targets %q and %q have the same name as a file, %s: rename one", other, t.Name, name)
		}
		seen[name] = t.Name
	}
	return nil
}

// addSizes reads the topology and the sweep.
func (p *capacityPlan) addSizes(o capacityOptions) error {
	topologies, err := parseTopologies(o.topology, o.profile)
	if err != nil {
		return err
	}
	if len(topologies) != 1 {
		return usagef("--topology %q: want one topology", o.topology)
	}
	base := topologies[0]
	if ofMachines(base) && !strings.HasPrefix(o.sweep, "backends=") {
		return usagef("--topology %s: with cpu= each backend is a machine of its own; say how many: --machines N", base)
	}
	if o.sweep == "" {
		if o.validate != "" {
			return usagef("--validate needs --sweep: sizes to learn from")
		}
		p.add(scenarios.CapacitySize{Arm: scenarios.Arm{Name: base.Short(), Topology: base}})
		return nil // sized sees to its value
	}
	parameter, list, found := strings.Cut(o.sweep, "=")
	if !found || !base.Boots() {
		return usagef("--sweep %q: want PARAMETER=V,V,V of a topology that bench boots", o.sweep)
	}
	values, err := parseSizes("--sweep", list)
	if err != nil {
		return err
	}
	p.record.Sweep = parameter
	var unseen []int
	if _, known := capacity.At(results.Size{}, parameter, 1); o.validate != "" && !known {
		return usagef("--validate: bench cannot tell what %s does to the workers; it predicts workers, backends and threads", parameter)
	}
	switch o.validate {
	case "":
	case unseenByItself:
		unseen = unseenValues(values)
	default:
		if unseen, err = parseSizes("--validate", o.validate); err != nil {
			return err
		}
	}
	for i, v := range append(slices.Clone(values), unseen...) {
		if i >= len(values) && slices.Contains(values, v) {
			return usagef("--validate %d: --sweep measures it already", v)
		}
		if most := 2 * slices.Max(values); v > most {
			return usagef("--validate %d: beyond twice the greatest size that is measured, %d, nothing is predicted", v, most)
		}
		p.add(scenarios.CapacitySize{Arm: sizedArm(base, parameter, v), Value: v, Unseen: i >= len(values)})
	}
	return nil
}

func (p *capacityPlan) add(size scenarios.CapacitySize) {
	p.sizes = append(p.sizes, size)
	p.topologies = append(p.topologies, size.Arm.Topology)
}

// sized gives a topology that was not swept its place among the numbers of workers, where it has
// such a parameter: an answer may then name another number.
func (p *capacityPlan) sized(st *stack) error {
	t := p.topologies[0]
	if p.record.Sweep != "" || !t.Boots() {
		return nil
	}
	definition, err := servers.Define(t)
	if err != nil {
		return usageError{err}
	}
	if !definition.Has("workers") {
		return nil
	}
	b, err := t.Canonical(st.project.App, st.site.Host)
	if err != nil {
		return usageError{err}
	}
	_, p.sizes[0].Value, _ = b.Queueing()
	p.record.Sweep = "workers"
	return nil
}

// sizedArm is a topology at a value of a parameter.
func sizedArm(base servers.Topology, parameter string, value int) scenarios.Arm {
	return scenarios.Arm{Name: fmt.Sprintf("%s-%s=%d", base.Short(), parameter, value), Topology: base.With(parameter, strconv.Itoa(value))}
}

func parseSizes(flag, list string) (values []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		v, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || v < 1 {
			return nil, usagef("%s: %q is no whole number above zero", flag, text)
		}
		if slices.Contains(values, v) {
			return nil, usagef("%s: %d is given twice", flag, v)
		}
		values = append(values, v)
	}
	return values, nil
}

// unseenValues are one between the two greatest sizes, and one half as great again as the
// greatest.
func unseenValues(values []int) (unseen []int) {
	sorted := slices.Sorted(slices.Values(values))
	last := sorted[len(sorted)-1]
	if n := len(sorted); n > 1 {
		if between := (sorted[n-2] + last) / 2; between > sorted[n-2] && between < last {
			unseen = append(unseen, between)
		}
	}
	return append(unseen, last+max(1, last/2))
}

func parseHeadroom(text string) (float64, error) {
	switch text {
	case "auto":
		return results.Automatic, nil
	case "none":
		return 0, nil
	}
	digits, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(digits, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v <= 10) {
		return 0, usagef("--headroom %q: want auto, none, or a share such as 30%%", text)
	}
	return v, nil
}

// experiment is what a manifest is made from.
func (p capacityPlan) experiment() scenarios.Experiment {
	e := scenarios.Experiment{Scenarios: []scenarios.Scenario{p.search.Scenario}, Seed: p.search.Seed}
	for _, size := range p.sizes {
		e.Arms = append(e.Arms, size.Arm)
	}
	return e
}

func objectiveTexts(objectives []results.Objective) (texts []string) {
	for _, o := range objectives {
		texts = append(texts, o.String())
	}
	return texts
}

// lines are the plan in words.
func (p capacityPlan) lines() (lines []string) {
	for _, size := range p.sizes {
		line := fmt.Sprintf("%s: service times, then the greatest rate that keeps %s, by trials of %v in all, confirmed in %d boots if that leaves time for it", size.Arm.Topology, p.record.SLO, p.search.Budget, p.search.Boots)
		if size.Unseen {
			line += "; predicted before that"
		}
		lines = append(lines, line)
	}
	return lines
}

// estimate is roughly how long it takes.
func (p capacityPlan) estimate() (sum time.Duration) {
	const around, check = 25 * time.Second, 15 * time.Second
	for _, size := range p.sizes {
		sum += p.search.Budget + around
		if size.Unseen {
			sum += time.Duration(len(model.Shares)) * check
		}
	}
	if p.sizes[len(p.sizes)-1].Unseen {
		sum += time.Duration(2*len(checkedTargets)) * check
	}
	return sum
}

func (p capacityPlan) describe(s *shell, asJSON bool) error {
	if asJSON {
		return s.json(map[string]any{"schema": "bench.plan/1", "plan": p.lines(), "estimate_s": p.estimate().Seconds(), "seed": p.search.Seed})
	}
	for _, line := range p.lines() {
		fmt.Fprintln(s.out, line)
	}
	_, err := fmt.Fprintf(s.out, "about %v in all, seed %d\n", p.estimate(), p.search.Seed)
	return err
}

// writeCapacity makes every form of a capacity run's report and prints the summary.
func (s *shell) writeCapacity(dir string, run *results.Run, asJSON bool) (*capacity.Report, error) {
	r, err := capacity.Build(run)
	if err != nil {
		return nil, err
	}
	for name, write := range capacity.Files {
		var text strings.Builder
		if err := write(&text, r); err != nil {
			return nil, err
		}
		if err := results.WriteFile(filepath.Join(dir, name), []byte(text.String())); err != nil {
			return nil, err
		}
	}
	if err := page.WriteFigures(filepath.Join(dir, "plots"), r.Figures()); err != nil {
		return nil, err
	}
	write := capacity.Text
	if asJSON {
		write = capacity.JSON
	}
	if err := write(s.out, r); err != nil {
		return nil, err
	}
	fmt.Fprintf(s.errs, "\nbench: the report is %s\n", filepath.Join(dir, "report.html"))
	return r, nil
}
