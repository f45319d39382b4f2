// Package replay carries out a stored run again, on this machine, and reports whether it finds the same.
package replay

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"bench/experiments"
	"bench/internal/secret"
	"bench/loadgen"
	"bench/reports"
	"bench/reports/diff"
	"bench/reports/page"
	"bench/results"
)

// Options are what a person says beside naming the run.
type Options struct {
	App string // folder of the app on this machine; "": as stored
	// Load sends a load and keeps it. The record of a load is what its command prints, so the command gives it.
	Load func(context.Context, experiments.Env, loadgen.Plan, []results.Objective) (experiments.Result, error)
}

// Plan is what a replay will do, decided before anything starts.
type Plan struct {
	Name     string // of the stored run
	Stored   *results.Run
	Lines    []string // the experiment in words
	Estimate time.Duration
	URLs     []string // of servers that are already running
	app      string   // the name of the app; "": it shows only when the versions are written out
	run      func(context.Context, experiments.Env) (experiments.Result, error)
}

// Open reads a stored run and decides how to carry it out again, or says why that cannot be done.
func Open(dir string, o Options) (Plan, error) {
	run, err := results.Load(dir)
	if err != nil {
		return Plan{}, experiments.Misuse(err)
	}
	name, m := filepath.Base(filepath.Clean(dir)), run.Manifest
	refused := func(err error) (Plan, error) { return Plan{}, fmt.Errorf("replaying %s: %w", name, err) }
	kind, err := kindOf(m)
	if err != nil {
		return refused(err)
	}
	spec, err := kind.spec(m)
	if err != nil {
		return refused(err)
	}
	p, err := kind.again(spec, m, o)
	if err != nil {
		return refused(err)
	}
	if p.app != "" && p.app != m.App.Name {
		return refused(experiments.Misusef("it measured the app %s, and the app here is %s: name its folder with --app DIR",
			m.App.Name, p.app))
	}
	p.Name, p.Stored = name, run
	return p, nil
}

// spec is what the stored run was asked for.
func (k Kind) spec(m results.Manifest) ([]byte, error) {
	var spec json.RawMessage
	switch {
	case m.Request != nil:
		spec = m.Request.Spec
	case k.whole && m.Spec != nil:
		spec = m.Spec
	default:
		return nil, experiments.Misusef("it does not hold all that was asked for: %s; "+
			"run bench %s as its manifest.json says under config, and bench diff the two", k.lacking, m.Kind)
	}
	if bytes.Contains(spec, []byte(secret.Redacted)) {
		return nil, experiments.Misusef("a secret was left out when what it was asked for was stored: run bench %s again "+
			"with it, and bench diff the two", m.Kind)
	}
	return spec, nil
}

// Check reports whether every server that is already running may be asked, before anything starts.
func (p Plan) Check(guard loadgen.Guard) error {
	for _, url := range p.URLs {
		if err := guard.Check(url); err != nil {
			return fmt.Errorf("replaying %s: %w", p.Name, err)
		}
	}
	return nil
}

// Run carries out the plan and sets what it finds beside the stored findings. It returns the directory of the
// new run, too.
func (p Plan) Run(ctx context.Context, env experiments.Env) (d page.Document, dir string, err error) {
	if err := p.Check(env.Guard); err != nil {
		return d, "", err
	}
	if asked := p.Stored.Manifest.Request; asked != nil {
		env.Services, env.SharedMachine = asked.Services, env.SharedMachine || asked.SharedMachine
		if asked.Placement != env.Placement.String() {
			return d, "", experiments.Misusef("replaying %s: its processes were placed as %q, and here it would be %q: "+
				"replay it with a --fleet file that places them so", p.Name, asked.Placement, env.Placement)
		}
	}
	result, err := p.run(ctx, env)
	if err != nil {
		return d, result.Dir, err
	}
	again, err := results.Load(result.Dir)
	if err != nil {
		return d, result.Dir, err
	}
	stored, err := judged(p.Name, p.Stored)
	if err != nil {
		return d, result.Dir, err
	}
	found, err := judged(filepath.Base(result.Dir), again)
	if err != nil {
		return d, result.Dir, err
	}
	return diff.BuildReplay(stored, found, result.Dir).Document(), result.Dir, nil
}

func judged(name string, run *results.Run) (diff.Judged, error) {
	j, err := reports.Judge(reports.Kinds, run)
	return diff.Judged{
		Named: diff.Named{Name: name, Run: run}, Outcome: j.Document.Outcome, Findings: j.Findings,
	}, err
}

// kindOf is the row of a run's kind.
func kindOf(m results.Manifest) (Kind, error) {
	var known []string
	for _, k := range Kinds {
		if k.Name == m.Kind {
			return k, nil
		}
		known = append(known, k.Name)
	}
	return Kind{}, experiments.Misusef("%q is not a kind of run that can be carried out again: want one of %s",
		cmp.Or(m.Kind, "unknown"), strings.Join(known, ", "))
}
