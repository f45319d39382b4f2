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

// Task is what a kind of experiment brings into the life of its run.
type Task struct {
	// Manifest holds what is known before anything is measured; Spec, in the form of its kind,
	// what was asked for, and Findings what is found beside the cells, which is nothing yet. A
	// kind may do without them.
	Manifest       results.Manifest
	Spec, Findings any
	Started        time.Time
	Estimate       time.Duration // about how long it takes; 0: nobody knows
	// Measure does the measuring. An error ends the run as PARTIAL; what is wrong with what was
	// measured is no error, but part of the findings in the manifest.
	Measure func(context.Context, *Run) error
	// Raw tells that the measurements are material for another judgement than the one of their
	// kind: the run gets neither a report nor a line in the history.
	Raw bool
}

// Run is a run under way.
type Run struct {
	Env
	Out     *results.Directory
	Started time.Time
	beside  error
}

// Result is what is left of a run.
type Result struct {
	Dir      string        // the run directory; "" where nothing was measured, and so nothing is kept
	Document page.Document // the report; nothing, for a raw run
	// Outcome is that of the report. A run that did not come to its end has none, for what is not
	// proven is not even inconclusive; but a regression that is proven stays one.
	Outcome page.Outcome
}

// Conduct carries a run through its life: calibrate the generator, open the run directory,
// measure, close it as COMPLETE or PARTIAL, judge it from the disk alone, write the report and
// the history. It is the same for every kind of experiment, and so are its three rules:
//
//   - Nothing was measured: nothing is kept.
//   - Whatever was measured is kept and reported, also of a run that was interrupted or failed;
//     it is marked PARTIAL.
//   - What goes wrong beside the measuring, in cleaning up or in the history, is told as a
//     diagnostic and takes nothing from the result.
//
// There may be a result beside an error: that of a run that did not come to its end.
func Conduct(ctx context.Context, env Env, task Task) (Result, error) {
	run, err := open(ctx, env, task)
	if err != nil {
		return Result{}, err
	}
	m := run.Out.Manifest()
	run.Emit(RunStarted{Dir: run.Out.Path, Run: m.Kind, Plan: m.Plan, Estimate: task.Estimate})
	measuring := task.Measure(ctx, run)
	if ctx.Err() != nil {
		measuring = context.Cause(ctx) // the signal, not what it did to whatever was under way
	}
	result, err := run.finish(measuring, task.Raw)
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
		return result, fmt.Errorf("%w: what was measured until then is in %s, marked %s",
			measuring, result.Dir, results.Partial)
	}
	return result, measuring
}

// open calibrates the generator and opens the run directory.
//
// Note: it calibrates first, so that a machine on which that fails is left no empty directory.
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
	tools := map[string]string{"bench": env.Version}
	for name, v := range m.Tools {
		tools[name] = v
	}
	m.Tools = tools
	if engine, can := env.Engine.(calibrator); can {
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
	return &Run{Env: env, Out: out, Started: task.Started}, nil
}

// calibrator is an engine that can measure what it is able to do on this machine.
type calibrator interface {
	Calibrate(context.Context) (results.Calibration, error)
}

// Runner measures into the run directory. The stack is where its topologies are booted; nil for a
// duel, whose arms have one each.
func (r *Run) Runner(st *Stack) *scenarios.Runner {
	runner := &scenarios.Runner{
		Measurer: loadgen.Local{Engine: r.Engine, Guard: r.Guard}, Guard: r.Guard, Out: r.Out, Emit: r.Emit,
	}
	if st != nil {
		runner.Site, runner.App = st.Site, st.Project.App
	}
	return runner
}

// Beside takes an error that says nothing of what was measured.
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
