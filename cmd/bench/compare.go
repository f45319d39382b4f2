package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bench/loadgen"
	"bench/loadgen/native"
	"bench/reports/compare"
	"bench/reports/gate"
	"bench/reports/page"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
	"bench/targets"

	"github.com/spf13/cobra"
)

// version is set by the linker in releases.
var version = "devel"

// compareOptions are the flags of bench compare.
type compareOptions struct {
	topologies     string
	scenarios      []string
	scenariosGiven bool
	app            string
	baseline       string
	profile        string
	engine         engineOptions
	out            string
	seed           uint64
	quick          bool
	thorough       bool
	blocks         int
	timeout        time.Duration
	allow          []string
	objectives     []string
	dryRun         bool
	json           bool
}

func (s *shell) compareCommand() *cobra.Command {
	var o compareOptions
	c := &cobra.Command{
		Use:   "compare",
		Short: "Boot topologies, drive each with the same load, and say which is better and why",
		Example: `  bench compare --topologies all
  bench compare --topologies all --quick
  bench compare --topologies runserver,uwsgi:workers=4 --scenario page
  bench compare --topologies uwsgi:workers=2,uwsgi:workers=4 --scenario io --baseline uwsgi-workers=2
  bench compare --app ../mysite --topologies all
  bench compare --topologies all --dry-run`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.scenariosGiven = c.Flags().Changed("scenario")
			return s.compare(c.Context(), c, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.topologies, "topologies", allTopologies, "`LIST` of topologies, or all that can be booted here; a folder's path or url:URL also works")
	f.StringSliceVar(&o.scenarios, "scenario", []string{"page", "static", "cpu", "io"}, "scenarios; the first gets the ladder of open-loop rates")
	f.StringVar(&o.app, "app", "", "`DIR` of your own Django project, with a bench.yaml, or bundled (default: this folder, if it has one; else the bundled project)")
	f.StringVar(&o.baseline, "baseline", "", "topology that the others are compared to (default: the first)")
	f.StringVar(&o.profile, "profile", servers.Controlled, "controlled (only the server differs) or as-documented")
	s.commonFlags(c, &o.out, &o.seed, &o.json, &o.allow)
	f.BoolVar(&o.quick, "quick", false, "within a minute, with wide intervals")
	f.BoolVar(&o.thorough, "thorough", false, "more blocks and longer cells")
	f.IntVar(&o.blocks, "blocks", 0, "repeats of each topology (default: by effort)")
	// Sleeping is right here: the servers share the cores, and polling would take one.
	o.engine.flags(f, native.Sleep)
	f.DurationVar(&o.timeout, "boot-timeout", 30*time.Second, "longest time a topology may take to be ready")
	f.StringArrayVar(&o.objectives, "objective", nil, "limit to hold the open-loop rates against, such as 'p99 < 250ms' (repeatable)")
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would be done, and do nothing")
	return c
}

// commonFlags adds the flags that several commands share.
func (s *shell) commonFlags(c *cobra.Command, out *string, seed *uint64, json *bool, allow *[]string) {
	f := c.Flags()
	if out != nil {
		f.StringVar(out, "out", "bench-runs", "folder that holds the run directories")
	}
	f.Uint64Var(seed, "seed", 0, "seed of every random choice (default: a new one, which the report names)")
	f.BoolVar(json, "json", false, "write the result to stdout as JSON")
	f.StringArrayVar(allow, "allow-host", nil, "host besides loopback that may be loaded (repeatable)")
}

func newSeed(given uint64) uint64 {
	if given != 0 {
		return given
	}
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand documents that it aborts instead
	return uint64(binary.BigEndian.Uint32(b[:]))
}

// experiment turns flags into an experiment, or says which of them is wrong.
func (s *shell) experiment(o compareOptions, project targets.Project) (scenarios.Experiment, error) {
	var e scenarios.Experiment
	topologies, err := parseTopologies(o.topologies, o.profile)
	if err != nil {
		return e, err
	}
	if e.Arms, err = scenarios.Arms(topologies); err != nil {
		return e, usageError{err}
	}
	if e.Scenarios, err = chooseScenarios(o, project); err != nil {
		return e, err
	}
	switch {
	case o.quick && o.thorough:
		return e, usagef("--quick and --thorough exclude each other")
	case o.quick:
		e.Effort = scenarios.Quick
	case o.thorough:
		e.Effort = scenarios.Thorough
	default:
		e.Effort = scenarios.Default
	}
	if o.blocks < 0 || o.blocks > 1000 {
		return e, usagef("--blocks %d: want 1 to 1000", o.blocks)
	}
	if o.blocks > 0 {
		e.Effort.Blocks = o.blocks
	}
	e.Seed = newSeed(o.seed)
	if err := e.MoveFirst(o.baseline); err != nil {
		return e, usageError{err}
	}
	return e, nil
}

// chooseScenarios takes the app's own mix where it has one: the built-in scenarios ask for
// pages of the bundled project.
func chooseScenarios(o compareOptions, project targets.Project) ([]scenarios.Scenario, error) {
	if len(project.Mix.Targets) > 0 && !o.scenariosGiven {
		return []scenarios.Scenario{{
			Name: "mix", Summary: "the mix of " + project.App.Name + "'s bench.yaml",
			Mix: project.Mix, Connections: 64, Timeout: 10 * time.Second,
		}}, nil
	}
	if project.App.Dir != "" && !o.scenariosGiven { // not the bundled one
		return nil, usagef("%s has no mix: list the requests to send under mix: (README, section \"Your own project\")", filepath.Join(project.App.Dir, targets.ProjectFile))
	}
	var list []scenarios.Scenario
	for _, name := range o.scenarios {
		scenario, err := scenarios.Named(name)
		if err != nil {
			return nil, usageError{err}
		}
		if slices.ContainsFunc(list, func(s scenarios.Scenario) bool { return s.Name == scenario.Name }) {
			return nil, usagef("--scenario: %s is named twice", scenario.Name)
		}
		list = append(list, scenario)
	}
	if len(list) == 0 {
		return nil, usagef("--scenario: want at least one of %s", strings.Join(scenarios.Names(), ", "))
	}
	return list, nil
}

func (s *shell) compare(ctx context.Context, c *cobra.Command, o compareOptions) error {
	started := time.Now()
	project, err := loadProject(o.app)
	if err != nil {
		return err
	}
	var left []results.Cause
	if o.topologies == allTopologies && !o.dryRun {
		if o.topologies, left, err = s.present(ctx, project.App); err != nil {
			return err
		}
	}
	experiment, err := s.experiment(o, project)
	if err != nil {
		return err
	}
	objectives, err := chooseObjectives(o.objectives, project)
	if err != nil {
		return err
	}
	guard := loadgen.Guard{Hosts: o.allow}
	topologies := make([]servers.Topology, len(experiment.Arms))
	var urls []string
	for i, arm := range experiment.Arms {
		topologies[i] = arm.Topology
		if target := arm.Topology.Target(); target != "" {
			urls = append(urls, target)
		}
	}
	engine, why, err := o.engine.choose(urls...)
	if err != nil {
		return err
	}
	if why != "" {
		fmt.Fprintf(s.errs, "bench: %s: this comparison is run by the engine %v\n", why, engine)
	}
	if o.dryRun {
		return s.describe(ctx, experiment, project, o.json)
	}
	st, err := s.openStack(ctx, project, topologies, o.timeout, guard)
	if err != nil {
		return err
	}
	defer st.Close()
	manifest, err := newManifest(st, experiment, started)
	if err != nil {
		return err
	}
	manifest.Kind, manifest.Name, manifest.Objectives = results.KindCompare, "compare", objectives
	if manifest.Generator, err = calibrate(ctx, engine, true); err != nil {
		return err
	}
	manifest.Warnings = append(manifest.Warnings, left...)
	manifest.Engine, manifest.Profile, manifest.Config = engine.String(), profileOf(topologies), flagValues(c)
	out, err := results.Create(o.out, manifest)
	if err != nil {
		return err
	}
	progress := s.newProgress()
	runner := &scenarios.Runner{
		Site: st.site, App: st.project.App, Measurer: loadgen.Local{Engine: engine, Guard: guard}, Guard: guard,
		Out: out, Emit: progress.show,
	}
	_, runErr := runner.Run(ctx, experiment)
	progress.clear()
	status := results.Complete
	if runErr != nil {
		status = results.Partial
	}
	if err := errors.Join(out.Finish(status, time.Since(started)), st.Close()); err != nil {
		return errors.Join(runErr, err)
	}
	if runErr != nil && out.Cells() == 0 {
		// Nothing was measured: there is nothing to keep and nothing to report.
		return errors.Join(runErr, os.RemoveAll(out.Path))
	}
	r, err := s.report(out.Path, o.json)
	if r != nil {
		err = errors.Join(err, remember(out.Path, out.Manifest(), compareEntries(r)))
	}
	if err != nil {
		return errors.Join(runErr, err)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: what was measured until then is in %s, marked %s", context.Cause(ctx), out.Path, results.Partial)
	}
	return runErr
}

// report makes every form of a run's report and prints the summary.
func (s *shell) report(dir string, asJSON bool) (*compare.Report, error) {
	run, err := results.Load(dir)
	if err != nil {
		return nil, codedError{exitUsage, err}
	}
	switch run.Manifest.Kind {
	case results.KindGate:
		judged, err := gate.Of(run)
		if err != nil {
			return nil, err
		}
		return nil, s.writeGate(dir, gate.Judge(judged, gate.MetricsOf(judged.Gate.Gated)), asJSON)
	case results.KindCapacity:
		_, err := s.writeCapacity(dir, run, asJSON)
		return nil, err
	}
	r, err := compare.Build(run)
	if err != nil {
		return nil, err
	}
	document := r.Document()
	if err := page.WriteAll(dir, document); err != nil {
		return nil, err
	}
	if asJSON {
		err = page.JSON(s.out, document)
	} else {
		err = page.Text(s.out, document)
	}
	if err != nil {
		return r, err
	}
	fmt.Fprintf(s.errs, "\nbench: the report is %s\n", filepath.Join(dir, "report.html"))
	if r.Grade == results.Invalid {
		return r, codedError{exitInvalid, errors.New(document.Outcome.Reason)}
	}
	return r, nil
}

// mixedProfile is the profile of a comparison whose topologies do not share one.
const mixedProfile = "mixed"

// profileOf is the profile that all topologies have.
func profileOf(all []servers.Topology) (shared string) {
	for _, t := range all {
		if !t.Boots() {
			continue
		}
		profile := cmp.Or(t.Param("profile"), servers.Controlled)
		if shared != "" && shared != profile {
			return mixedProfile
		}
		shared = profile
	}
	return cmp.Or(shared, servers.Controlled)
}

func chooseObjectives(flags []string, project targets.Project) ([]string, error) {
	texts := project.Objectives
	if len(flags) > 0 {
		texts = flags
	}
	var list []string
	for _, text := range texts {
		o, err := results.ParseObjective(text)
		if err != nil {
			return nil, err
		}
		list = append(list, o.String())
	}
	return list, nil
}

// describe is --dry-run: the plan in words and every file and command line.
func (s *shell) describe(ctx context.Context, e scenarios.Experiment, project targets.Project, asJSON bool) error {
	var rendered []servers.Blueprint
	for _, arm := range e.Arms {
		b, err := s.rendered(ctx, arm.Topology, project.App)
		if err != nil {
			return err
		}
		rendered = append(rendered, b)
	}
	if asJSON {
		var all []any
		for _, b := range rendered {
			all = append(all, renderedJSON(b))
		}
		return s.json(map[string]any{"schema": "bench.plan/1", "plan": e.Describe(), "estimate_s": e.Estimate().Seconds(), "seed": e.Seed, "topologies": all})
	}
	for _, line := range e.Describe() {
		fmt.Fprintln(s.out, line)
	}
	fmt.Fprintf(s.out, "about %v in all, seed %d\n", e.Estimate().Round(time.Second), e.Seed)
	for _, b := range rendered {
		fmt.Fprintf(s.out, "\n%s", b)
	}
	return nil
}

func newManifest(st *stack, e scenarios.Experiment, started time.Time) (results.Manifest, error) {
	host := st.site.Host
	m := results.Manifest{
		Started: started.UTC().Truncate(time.Millisecond), Seed: e.Seed, Blocks: e.Effort.Blocks,
		Baseline: e.Arms[0].Name, Host: host.Record(), Tools: map[string]string{"bench": version},
		App: results.AppRecord{Name: st.project.App.Name, WSGI: st.project.App.WSGI},
	}
	for name, v := range host.Tools.Versions() {
		m.Tools[name] = v
	}
	if st.bundled && m.App.Name != "" {
		m.App.Hash = targets.BundledHash()
	} else if !st.bundled {
		m.App.Commit = gitCommit(st.project.App.Dir)
	}
	for _, s := range e.Scenarios {
		m.Scenarios = append(m.Scenarios, s.Record())
	}
	for _, arm := range e.Arms {
		b, err := arm.Topology.Canonical(st.project.App, host)
		if err != nil {
			return m, usageError{err}
		}
		m.Topologies = append(m.Topologies, b.Record(arm.Name))
	}
	return m, nil
}

// gitCommit is the commit of the folder's checkout, marked when files differ from it.
func gitCommit(dir string) string {
	head, err := exec.Command("git", "-C", dir, "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return ""
	}
	commit := strings.TrimSpace(string(head))
	if changed, err := exec.Command("git", "-C", dir, "status", "--porcelain", "--", ".").Output(); err == nil && len(changed) > 0 {
		commit += "-dirty"
	}
	return commit
}

func (s *shell) reportCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "report RUN",
		Short: "Make a run's report again, from its run directory alone",
		Example: `  bench report bench-runs/20260102T030405Z-compare-1a2b3c4d
  bench report --json RUN`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if _, err := os.Stat(args[0]); err != nil {
				return usageError{fmt.Errorf("reading run: %w", err)}
			}
			_, err := s.report(args[0], asJSON)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write report.json to stdout")
	return c
}
