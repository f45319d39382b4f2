package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"bench/reports/capacity"
	"bench/results"
	"bench/scenarios"
)

// capacityRun is one under way.
type capacityRun struct {
	plan    capacityPlan
	found   results.CapacityFindings
	runner  *scenarios.Runner
	out     *results.Directory
	stack   *stack
	started time.Time
	tries   int             // of recommendations, so far
	model   *capacity.Model // that the predictions were made with
	seen    results.Size    // one that it was learnt from
}

// How the predictions of --validate are tried.
const (
	shareTime = 10 * time.Second
	checkTime = 15 * time.Second
	// A pace that makes less of a difference to the rate than this is not worth a second trial.
	worthAnother = 0.02
)

// checkedTargets are the loads of which a recommendation is tried, as shares of the greatest
// rate that is predicted for any size.
var checkedTargets = []float64{0.4, 0.65, 0.9}

func (r *capacityRun) measure(ctx context.Context) error {
	for _, size := range r.plan.sizes {
		if !size.Unseen {
			if err := r.size(ctx, size); err != nil {
				return err
			}
		}
	}
	if !r.plan.sizes[len(r.plan.sizes)-1].Unseen {
		return nil
	}
	predictions, checks, err := r.predict()
	if err != nil {
		return err
	}
	for _, size := range r.plan.sizes {
		if !size.Unseen {
			continue
		}
		if err := r.size(ctx, size); err != nil {
			return err
		}
		if err := r.shares(ctx, size, predictions); err != nil {
			return err
		}
	}
	return r.check(ctx, checks)
}

// size searches one and records what was found, also when the search was cut short.
func (r *capacityRun) size(ctx context.Context, size scenarios.CapacitySize) error {
	found, err := r.runner.Size(ctx, r.plan.search, size)
	if len(found.Goals) == 0 {
		return err
	}
	return errors.Join(err, r.update(func(c *results.CapacityFindings) { c.Sizes = append(c.Sizes, found) }))
}

func (r *capacityRun) update(change func(*results.CapacityFindings)) error {
	change(&r.found)
	return r.out.SetFindings(r.found)
}

// prediction is the file that is written before the unseen sizes are measured.
type prediction struct {
	Schema string                `json:"schema"`
	SLO    string                `json:"slo"`
	Sizes  []capacity.Prediction `json:"sizes"`
	Checks []results.Check       `json:"checks"`
}

// predict says what the unseen sizes will do, and how many workers some targets need, and
// keeps the file's hash in the manifest: what was predicted cannot be changed afterwards.
func (r *capacityRun) predict() (map[string]capacity.Prediction, []results.Check, error) {
	r.runner.Emit(scenarios.Doing{Text: "predicting"})
	run, err := results.Load(r.out.Path)
	if err != nil {
		return nil, nil, err
	}
	c := &results.Capacity{CapacitySpec: r.plan.record.CapacitySpec, CapacityFindings: r.found}
	report, err := capacity.Build(run)
	if err != nil {
		return nil, nil, err
	}
	if report.Model == nil {
		return nil, nil, codedError{exitInvalid, fmt.Errorf("there is nothing to predict from: %s", report.Headline())}
	}
	r.model, r.seen = report.Model, c.Sizes[0]
	p := prediction{Schema: "bench.prediction/1", SLO: c.SLO}
	byName := map[string]capacity.Prediction{}
	greatest := 0.0
	for _, size := range r.plan.sizes {
		at, _ := capacity.At(r.seen, c.Sweep, size.Value) // addSizes has seen to it
		at.Topology = size.Arm.Name
		predicted := report.Model.Predict(at, size.Unseen)
		greatest = max(greatest, predicted.MaxRate.Estimate)
		if size.Unseen {
			byName[size.Arm.Name] = predicted
			p.Sizes = append(p.Sizes, predicted)
		}
	}
	p.Checks = r.checks(report, c, greatest)
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, nil, err
	}
	data = append(data, '\n')
	if err := results.WriteFile(filepath.Join(r.out.Path, "prediction.json"), data); err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256(data)
	return byName, p.Checks, r.update(func(c *results.CapacityFindings) {
		c.Prediction = hex.EncodeToString(sum[:])
		for _, predicted := range p.Sizes {
			c.Predicted = append(c.Predicted, predicted.Record())
		}
	})
}

// checks are the sizes recommended for some targets, and the ones just below them.
func (r *capacityRun) checks(report *capacity.Report, c *results.Capacity, greatest float64) (all []results.Check) {
	base := r.plan.sizes[0].Arm.Topology
	for _, share := range checkedTargets {
		need := report.Need(c, share*greatest)
		if need == nil || !need.Carries {
			continue
		}
		for _, value := range []int{need.Workers, need.Workers - 1} {
			if value > 0 {
				all = append(all, results.Check{Topology: sizedArm(base, c.Sweep, value).Name, Value: value, Rate: need.Target, Expected: value == need.Workers})
			}
		}
	}
	return all
}

// shares measures the latency at the rates for which it was predicted.
func (r *capacityRun) shares(ctx context.Context, size scenarios.CapacitySize, predictions map[string]capacity.Prediction) error {
	latency := predictions[size.Arm.Name].Latency
	r.runner.Emit(scenarios.Doing{Text: size.Arm.Name + ": latency at shares of the predicted rate"})
	_, err := r.runner.At(ctx, r.plan.search, size, results.AtShares, shareTime, func(done []*results.Cell) (float64, bool) {
		if len(done) == len(latency) {
			return 0, false
		}
		return latency[len(done)].Rate, true
	})
	return err
}

// check tries what was recommended, and where that turns out wrong, the next size.
func (r *capacityRun) check(ctx context.Context, checks []results.Check) error {
	for len(checks) > 0 {
		n := 1 // of one target
		for n < len(checks) && checks[n].Rate == checks[0].Rate {
			n++
		}
		tried, err := r.try(ctx, checks[:n])
		if err == nil {
			_, err = r.try(ctx, r.nextSizes(tried))
		}
		if err != nil {
			return err
		}
		checks = checks[n:]
	}
	return nil
}

// nextSizes are those that a recommendation may have meant by one: one more than a size that
// did not meet what it should, one fewer than one that met what it should not. More machines
// than were planned do not fit on this box.
func (r *capacityRun) nextSizes(tried []results.Check) (next []results.Check) {
	base, most := r.plan.sizes[0].Arm.Topology, 0
	for _, size := range r.plan.sizes {
		most = max(most, size.Value)
	}
	for _, check := range tried {
		value := check.Value - 1
		if check.Expected {
			value = check.Value + 1
		}
		right := check.Met == check.Expected && (check.RateAtPace == 0 || check.MetAtPace == check.Expected)
		if right || value < 1 || value > most && ofMachines(base) {
			continue
		}
		next = append(next, results.Check{Topology: sizedArm(base, r.plan.record.Sweep, value).Name, Value: value, Rate: check.Rate, Expected: check.Expected})
	}
	return next
}

// try measures rates at sizes, and returns those that the machine let it measure.
func (r *capacityRun) try(ctx context.Context, checks []results.Check) (tried []results.Check, err error) {
	for _, check := range checks {
		arm := sizedArm(r.plan.sizes[0].Arm.Topology, r.plan.record.Sweep, check.Value)
		if err := r.know(arm); err != nil {
			return nil, err
		}
		r.runner.Emit(scenarios.Doing{Text: fmt.Sprintf("trying the recommendation: %s at %.4g/s", arm.Name, check.Rate)})
		measured, err := r.tryOne(ctx, arm, &check)
		if err != nil {
			return nil, err
		}
		if !measured {
			continue
		}
		tried = append(tried, check)
		if err := r.update(func(c *results.CapacityFindings) { c.Checks = append(c.Checks, check) }); err != nil {
			return nil, err
		}
	}
	return tried, nil
}

// tryOne offers a size the rate, and then, if the machine's cores turn out to run at another
// pace than the one that the recommendation is made for, what the rate comes to at that: a
// machine that is a quarter slower for some minutes proves nobody wrong.
func (r *capacityRun) tryOne(ctx context.Context, arm scenarios.Arm, check *results.Check) (measured bool, err error) {
	size, _ := capacity.At(r.seen, r.plan.record.Sweep, check.Value) // addSizes has seen to it
	r.tries++
	cells, err := r.runner.At(ctx, r.plan.search, scenarios.CapacitySize{Arm: arm, Value: check.Value}, fmt.Sprintf("check-%d", r.tries), checkTime, func(done []*results.Cell) (float64, bool) {
		if len(done) == 0 {
			return check.Rate, true
		}
		if len(done) > 1 || done[0] == nil {
			return 0, false
		}
		var share float64
		check.Pace, share = r.model.AtPace(size, done[0])
		check.RateAtPace = check.Rate * share
		return check.RateAtPace, math.Abs(share-1) > worthAnother
	})
	if err != nil || len(cells) == 0 || cells[0] == nil {
		return false, err
	}
	check.Met = r.plan.search.Met(cells[0])
	if last := cells[len(cells)-1]; last != nil {
		check.MetAtPace = r.plan.search.Met(last)
	} else {
		check.RateAtPace = 0 // it could not be measured
	}
	return true, nil
}

// know adds a topology to the manifest, unless it is there.
func (r *capacityRun) know(arm scenarios.Arm) error {
	m := r.out.Manifest()
	for _, t := range m.Topologies {
		if t.Name == arm.Name {
			return nil
		}
	}
	fresh, err := newManifest(r.stack, scenarios.Experiment{Scenarios: []scenarios.Scenario{r.plan.search.Scenario}, Arms: []scenarios.Arm{arm}}, r.started)
	if err != nil {
		return err
	}
	m.Topologies = append(m.Topologies, fresh.Topologies...)
	return r.out.SetManifest(m)
}

// finishCapacity closes the run directory and writes its report, also of a run that was ended.
func (s *shell) finishCapacity(ctx context.Context, run *capacityRun, asJSON bool, runErr error) error {
	status := results.Complete
	if runErr != nil {
		status = results.Partial
	}
	closed := run.stack.Close()
	if err := run.out.Finish(status, time.Since(run.started)); err != nil {
		return errors.Join(runErr, err, closed)
	}
	if runErr != nil && run.out.Cells() == 0 {
		return errors.Join(runErr, os.RemoveAll(run.out.Path))
	}
	loaded, err := results.Load(run.out.Path)
	if err != nil {
		return errors.Join(runErr, err)
	}
	r, err := s.writeCapacity(run.out.Path, loaded, asJSON)
	if err != nil {
		return errors.Join(runErr, err)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: what was measured until then is in %s, marked %s", context.Cause(ctx), run.out.Path, results.Partial)
	}
	if err := errors.Join(runErr, closed); err != nil {
		return err
	}
	return capacityError(r)
}

// capacityError is the exit code of a report.
func capacityError(r *capacity.Report) error {
	if r.Grade == results.Invalid {
		return codedError{exitInvalid, errors.New("the run is INVALID; the warnings say why")}
	}
	if r.Undecided {
		return codedError{exitInconclusive, errors.New("the time was over before any load was seen to meet the SLO: give it more, --budget")}
	}
	if r.MaxRate.Low == 0 {
		return codedError{exitRegression, errors.New(r.Headline())}
	}
	return nil
}
