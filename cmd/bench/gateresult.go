package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bench/reports/gate"
	"bench/results"
)

// finish writes every form of the report and turns the verdict into the exit code. What goes
// wrong in the history or in cleaning up is told, and takes nothing from the verdict.
func (g *gateRun) finish(ctx context.Context, measuring error) error {
	status := results.Complete
	if measuring != nil {
		status = results.Partial
	}
	if err := g.out.Finish(status, time.Since(g.started)); err != nil {
		return errors.Join(err, measuring, g.cleanup)
	}
	run, err := results.Load(g.out.Path)
	if err != nil {
		return errors.Join(err, measuring, g.cleanup)
	}
	judged, err := gate.Of(run)
	if err != nil {
		return errors.Join(err, measuring, g.cleanup)
	}
	report := gate.Judge(judged, gate.MetricsOf(judged.Gate.Gated))
	err = g.s.writeGate(g.out.Path, report, g.o.json)
	if beside := errors.Join(remember(g.out.Path, run.Manifest, gateEntry(report)), g.cleanup); beside != nil {
		fmt.Fprintln(g.s.errs, "bench: the verdict stands, but:", beside)
	}
	if ctx.Err() != nil {
		return errors.Join(fmt.Errorf("%w: what was measured until then is in %s, marked %s", context.Cause(ctx), g.out.Path, results.Partial), err)
	}
	if measuring != nil && report.Verdict != gate.Regression {
		return errors.Join(measuring, err) // what is not proven is not even inconclusive
	}
	return errors.Join(gateError(report), measuring, err)
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
