package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bench/experiments"
	"bench/reports/gate"
	"bench/results"
	"bench/scenarios"
)

// pairs measures until the verdict is proven (and, if it is a regression, confirmed) or the budget is
// spent; or exactly the requested number of pairs.
func (s *series) pairs(ctx context.Context) error {
	if ready, err := s.check(ctx); err != nil || !ready || s.count == 0 && s.judge().Exact() {
		return s.failure(ctx, err)
	}
	if err := s.findRate(ctx); err != nil || s.measured.Gate.Rate == 0 {
		return s.failure(ctx, err)
	}
	report := s.judge()
	s.firstPair = time.Now()
	longest := pairTime
	for number := 1; s.goesOn(number, longest, report); number++ {
		began := time.Now()
		s.run.Emit(s.estimate(number, report))
		if err := s.pair(ctx, number); err != nil {
			return s.failure(ctx, err)
		}
		longest = max(longest, time.Since(began))
		if s.count > 0 {
			continue // there is nothing to decide
		}
		if err := s.plan(number, longest); err != nil {
			return err
		}
		report = s.judge()
		s.tell(report)
		if s.paired.Closed > 0 && !report.NeedsClosedLoops() {
			s.paired.Closed, longest = 0, pairTime // from now on, pairs are shorter
		}
		if s.confirms(number, report) {
			// The finding is tested once more, on pairs that had no part in it.
			if err := s.update(func(f *results.GateFindings) { f.ConfirmFrom = number + 1 }); err != nil {
				return err
			}
			report = s.judge()
		}
	}
	return nil
}

// findRate finds the rate of the pairs. A version that fails meanwhile is weighed as one that did not boot.
func (s *series) findRate(ctx context.Context) error {
	for {
		c, err := s.runner.FindRate(ctx, s.paired)
		if err == nil {
			s.paired.Rate, s.paired.Slice = c.Rate, sliceAt(c.Rate)
			return s.update(func(f *results.GateFindings) {
				f.Rate, f.MaxThroughput, f.Busy, f.SlowMicros = c.Rate, c.MaxThroughput, c.Busy, c.Slow.Microseconds()
			})
		}
		failed := scenarios.FailedArms(err)
		if err := s.broken(ctx, 0, err); err != nil {
			return err
		}
		f := s.judge().Failures
		switch late := time.Since(s.started)+pairTime*gate.FewestPairs > s.spec.Budget; {
		case f.BaseSilent+f.BothSilent >= mostBaseFails && failed[results.Base] != nil:
			return &scenarios.ArmError{Arm: results.Base, Err: failed[results.Base]}
		case f.Verdict == gate.Regression, late:
			return nil
		}
	}
}

// broken records versions that did not boot, or died, to be weighed with the failures; any other error
// is returned.
func (s *series) broken(ctx context.Context, pair int, err error) error {
	failed := scenarios.FailedArms(err)
	if len(failed) == 0 || ctx.Err() != nil {
		return err
	}
	check := results.GateCheck{Pair: pair}
	for name, arm := range map[string]*results.CheckedArm{results.Base: &check.Base, results.Head: &check.Head} {
		if failed[name] != nil {
			arm.NotBooted = failed[name].Error()
		}
	}
	return s.update(func(f *results.GateFindings) { f.Checks = append(f.Checks, check) })
}

// pair measures one pair and seals its cells.
func (s *series) pair(ctx context.Context, number int) error {
	cells, logs, err := s.runner.Pair(ctx, s.paired, number)
	if err != nil {
		return s.broken(ctx, number, err)
	}
	for _, cell := range cells {
		var extra map[string][]byte
		if len(cell.Diagnostics) > 0 {
			extra = logs[cell.Topology] // for whoever wants to know why
		}
		if err := s.run.Out.Seal(cell, extra); err != nil {
			return err
		}
	}
	s.measured.Cells = append(s.measured.Cells, cells...)
	return nil
}

// plan records how many pairs there is time for, once the first has shown how long one takes.
func (s *series) plan(number int, longest time.Duration) error {
	left := s.spec.Budget - time.Since(s.started)
	planned := number + max(0, int(left/longest))
	if planned == s.measured.Gate.Planned || number > planned {
		return nil
	}
	return s.update(func(f *results.GateFindings) { f.Planned = planned })
}

// confirms reports whether the second tests begin after this pair: when something was found, or when it
// is suspected and no more time is left than they take.
func (s *series) confirms(number int, report gate.Report) bool {
	if s.measured.Gate.ConfirmFrom > 0 {
		return false
	}
	return report.ByMetrics() || report.Suspects() && number+gate.ConfirmingPairs >= s.measured.Gate.Planned
}

// goesOn reports whether there is reason and time for another pair. What is likely or suspected may take
// a few pairs more than planned.
func (s *series) goesOn(number int, longest time.Duration, report gate.Report) bool {
	if s.count > 0 {
		return number <= s.count
	}
	if report.Decided() {
		return false
	}
	left := s.spec.Budget - time.Since(s.started)
	if report.Suspects() {
		left += time.Duration(gate.Extension(s.measured.Gate.Planned)) * longest
	}
	return longest < left
}

// estimate is the event before a pair.
func (s *series) estimate(number int, report gate.Report) experiments.EstimateSoFar {
	if s.count > 0 {
		text := fmt.Sprintf("%s: pair %d of %d", s.doing, number, s.count)
		return experiments.EstimateSoFar{Text: text, Step: number, Of: s.count}
	}
	elapsed := time.Since(s.started)
	return experiments.EstimateSoFar{
		Text: fmt.Sprintf("pair %d, %v of %v: %s", number, elapsed.Round(time.Second), s.spec.Budget, report.Verdict),
		Step: number, Elapsed: elapsed, Budget: s.spec.Budget, Verdict: string(report.Verdict),
	}
}

// tell emits what the pairs so far say of each metric.
func (s *series) tell(report gate.Report) {
	for _, m := range report.Metrics {
		if m.Ratio.Measured() {
			s.run.Emit(scenarios.Estimated{Arm: results.Head, Measure: m.Title(), Baseline: results.Base, Value: m.Ratio})
		}
	}
}

// update records something that was found.
func (s *series) update(change func(*results.GateFindings)) error {
	change(&s.measured.Gate.GateFindings)
	return s.run.Out.SetFindings(s.measured.Gate.GateFindings)
}

// judge judges what has been measured so far.
func (s *series) judge() gate.Report {
	s.measured.Manifest = s.run.Out.Manifest()
	s.measured.Manifest.Elapsed = time.Since(s.started).Seconds()
	return gate.JudgeSoFar(s.measured, gate.MetricsOf(s.gated))
}

// failure turns an error of an arm into a result, and returns any other.
func (s *series) failure(ctx context.Context, err error) error {
	var arm *scenarios.ArmError
	if errors.As(err, &arm) && ctx.Err() == nil {
		return s.fail(arm)
	}
	return err
}

// fail records an arm that did not boot, or died. For base this voids the gate; for head it decides
// the verdict.
func (s *series) fail(arm *scenarios.ArmError) error {
	return s.update(func(d *results.GateFindings) { d.FailedArm, d.Failed = arm.Arm, arm.Err.Error() })
}
