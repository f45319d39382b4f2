package experiments

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"bench/loadgen"
	"bench/reports/page"
	"bench/results"
	"bench/scenarios"
)

// Task is what a kind of experiment contributes to the life of its run.
type Task struct {
	// Manifest holds what is known before anything is measured. Spec is what was requested and
	// Findings what is found in addition to the cells, empty at first; both have the form of their
	// kind, and are optional.
	Manifest       results.Manifest
	Spec, Findings any
	// Request is the experiment's own spec, from which the same can be asked for again; nil: it cannot.
	Request  any
	Started  time.Time
	Estimate time.Duration // roughly how long it will take; 0: not known
	// Measure does the measuring. An error ends the run as PARTIAL; a problem with what was measured
	// is not an error, but part of the findings in the manifest.
	Measure func(context.Context, *Run) error
	// Raw means that the measurements are not judged as their kind usually is: the run gets neither
	// a report nor a line in the history.
	Raw bool
}

// Run is a run under way.
type Run struct {
	Env
	Out     *results.Directory
	Started time.Time
	beside  error
	events  *eventLog
}

// Result is what a run leaves behind.
type Result struct {
	Dir      string        // the run directory; "" if nothing was measured, and so nothing is kept
	Document page.Document // the report; empty for a raw run
	// Outcome is that of the report. A run that did not finish has none, since it is not even
	// inconclusive; but a proven regression stays one.
	Outcome page.Outcome
}

// Conduct carries a run through its life: calibrate the generator, open the run directory, measure,
// close the directory as COMPLETE or PARTIAL, judge it from disk alone, write the report and the
// history. It is the same for every kind of experiment, and so are its three rules:
//
//   - If nothing was measured, nothing is kept.
//   - Whatever was measured is kept and reported, even if the run was interrupted or failed; it is
//     then marked PARTIAL.
//   - What goes wrong outside the measuring, such as in cleaning up or in the history, is reported
//     as a diagnostic and does not affect the result.
//
// There may be both a result and an error: that of a run that did not finish.
func Conduct(ctx context.Context, env Env, task Task) (Result, error) {
	run, err := open(ctx, env, task)
	if err != nil {
		return Result{}, err
	}
	m := run.Out.Manifest()
	run.Emit(RunStarted{Dir: run.Out.Path, Run: m.Kind, Plan: m.Plan, Estimate: task.Estimate})
	measuring := task.Measure(ctx, run)
	if ctx.Err() != nil {
		measuring = context.Cause(ctx) // the signal, not its effect on whatever was under way
	}
	result, err := run.finish(measuring, task.Raw)
	run.Beside(run.events.close())
	if beside := run.beside; beside != nil {
		run.Warn(results.Diagnostic{Code: "beside-the-result", Message: fmt.Sprintf("the result stands, but: %v", beside)})
	}
	if err != nil {
		return result, errors.Join(measuring, err)
	}
	if measuring == nil || result.Dir == "" {
		return result, measuring
	}
	if ctx.Err() != nil {
		return result, fmt.Errorf("%w: the measurements so far are in %s, marked %s",
			measuring, result.Dir, results.Partial)
	}
	return result, measuring
}

// open calibrates the generator and opens the run directory.
//
// Note: it calibrates first, so that no empty directory is left if that fails.
func open(ctx context.Context, env Env, task Task) (*Run, error) {
	env.Emit = inTurn(env.Emit)
	m := task.Manifest
	m.Name, m.Started = m.Kind, task.Started.UTC().Truncate(time.Millisecond)
	m.Engine, m.Config = env.Engine.String(), env.Config
	for part, value := range map[*json.RawMessage]any{&m.Spec: task.Spec, &m.Findings: task.Findings} {
		if value == nil {
			continue
		}
		var err error
		if *part, err = results.Encode(value); err != nil {
			return nil, err
		}
	}
	if task.Request != nil {
		spec, err := results.Encode(task.Request)
		if err != nil {
			return nil, err
		}
		m.Request = &results.Request{
			Spec: spec, Services: env.Services, SharedMachine: env.SharedMachine, Placement: env.Placement.String(),
		}
	}
	tools := map[string]string{"bench": env.Version}
	for name, v := range m.Tools {
		tools[name] = v
	}
	m.Tools = tools
	if engine, can := env.Engine.(calibrator); can && env.Fleet == nil { // this machine sends no load for a fleet
		env.Emit(scenarios.Doing{Text: "calibrating the load generator"})
		c, err := engine.Calibrate(ctx)
		if err != nil {
			return nil, err
		}
		m.Generator = &c
	}
	out, err := results.Create(env.Results, m)
	if err != nil {
		return nil, err
	}
	events, emit := newEventLog(out.Path), env.Emit
	env.Emit = inTurn(func(e Event) {
		events.add(e)
		emit(e)
	})
	return &Run{Env: env, Out: out, Started: task.Started, events: events}, nil
}

// calibrator is an engine that can measure its own maximum on this machine.
type calibrator interface {
	Calibrate(context.Context) (results.Calibration, error)
}

// Runner returns a runner that measures into the run directory. The stack is where its topologies
// are booted; nil for a paired run, whose arms have one each.
func (r *Run) Runner(st *Stack) *scenarios.Runner {
	runner := &scenarios.Runner{
		Measurer: loadgen.Local{Engine: r.Engine, Guard: r.Guard}, Guard: r.Guard, Out: r.Out, Emit: r.Emit,
		SharedMachine: r.SharedMachine, Several: r.Several,
	}
	if st != nil {
		runner.Site, runner.App = st.Site, st.Project.App
		if measurer, from := st.From(); measurer != nil {
			runner.Measurer, runner.From = measurer, from
		}
	}
	return runner
}

// Beside records an error that does not affect what was measured.
func (r *Run) Beside(err error) { r.beside = errors.Join(r.beside, err) }

// finish closes the run directory and, unless the run is raw, judges and reports what is in it.
func (r *Run) finish(measuring error, raw bool) (Result, error) {
	status := results.Complete
	if measuring != nil {
		status = results.Partial
	}
	if err := r.Out.Finish(status, time.Since(r.Started)); err != nil {
		return Result{}, err
	}
	if measuring != nil && r.Out.Cells() == 0 {
		return Result{}, os.RemoveAll(r.Out.Path)
	}
	result := Result{Dir: r.Out.Path}
	if raw {
		return result, nil
	}
	judged, err := report(r.Out.Path)
	if err != nil {
		return result, err
	}
	result.Document = judged.Document
	if entries := judged.Entries; entries != nil {
		entry := results.NewEntry(r.Out.Manifest(), r.Out.Path)
		r.Beside(results.AppendHistory(filepath.Dir(r.Out.Path), entries(entry)))
	}
	outcome := judged.Document.Outcome
	if measuring == nil || outcome.Verdict == page.Regressed {
		result.Outcome = outcome
	}
	r.Emit(Done{Dir: r.Out.Path, Status: status, Verdict: outcome.Verdict, Reason: outcome.Reason})
	return result, nil
}
