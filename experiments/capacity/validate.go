package capacity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"bench/experiments"
	"bench/reports/capacity"
	"bench/results"
	"bench/scenarios"
)

// validation is what was predicted, and from what.
type validation struct {
	model *capacity.Model       // that made the predictions
	seen  results.Configuration // one that the model was learnt from
	tries int                   // of recommendations, so far
}

// How the predictions of --validate are tested.
const (
	shareTime = 10 * time.Second
	checkTime = 15 * time.Second
	// A CPU speed that changes the rate by less than this is not worth a second trial.
	worthAnother = 0.02
)

// checkedTargets are the loads for which a recommendation is tested, as shares of the highest
// capacity predicted for any configuration.
var checkedTargets = []float64{0.4, 0.65, 0.9}

// prediction is the file that is written before the held-out configurations are measured.
type prediction struct {
	Schema string `json:"schema"`
	SLO    string `json:"slo"`
	// Configurations are the held-out ones; Checks are of recommendations.
	Configurations []capacity.Prediction `json:"configurations"`
	Checks         []results.Check       `json:"checks"`
}

// predict predicts the held-out configurations and the workers that some targets need. It keeps the
// file's hash in the manifest, so that predictions cannot be changed afterwards.
func (s *search) predict() (map[string]capacity.Prediction, []results.Check, error) {
	s.run.Emit(scenarios.Doing{Text: "predicting the held-out configurations"})
	run, err := results.Load(s.run.Out.Path)
	if err != nil {
		return nil, nil, err
	}
	c := &results.Capacity{CapacitySpec: s.plan.record, CapacityFindings: s.found}
	report, err := capacity.Build(run)
	if err != nil {
		return nil, nil, err
	}
	if report.Model == nil {
		return nil, nil, experiments.Invalidf("there is nothing to predict from: %s", report.Headline())
	}
	s.learnt.model, s.learnt.seen = report.Model, c.Configurations[0]
	p := prediction{Schema: "bench.prediction/2", SLO: c.SLO}
	byName := map[string]capacity.Prediction{}
	highest := 0.0
	for _, config := range s.plan.configurations {
		at, _ := capacity.At(s.learnt.seen, c.Sweep, config.Value) // addConfigurations has checked the parameter
		at.Topology = config.Arm.Name
		predicted := report.Model.Predict(at, config.HeldOut)
		highest = max(highest, predicted.Capacity.Value)
		if config.HeldOut {
			byName[config.Arm.Name] = predicted
			p.Configurations = append(p.Configurations, predicted)
		}
	}
	p.Checks = s.recommended(report, c, highest)
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, nil, err
	}
	data = append(data, '\n')
	if err := results.WriteInto(s.run.Out.Path, "prediction.json", data); err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256(data)
	return byName, p.Checks, s.update(func(c *results.CapacityFindings) {
		c.Prediction = hex.EncodeToString(sum[:])
		for _, predicted := range p.Configurations {
			c.Predicted = append(c.Predicted, predicted.Record())
		}
	})
}

// recommended are the configurations recommended for some targets, and the ones just below them.
func (s *search) recommended(report *capacity.Report, c *results.Capacity, highest float64) (all []results.Check) {
	base := s.plan.configurations[0].Arm.Topology
	for _, share := range checkedTargets {
		need := report.Need(c, share*highest)
		if need == nil || !need.Carries {
			continue
		}
		for _, value := range []int{need.Workers, need.Workers - 1} {
			if value > 0 {
				all = append(all, results.Check{
					Topology: armAt(base, c.Sweep, value).Name, Value: value,
					Rate: need.Target, Expected: value == need.Workers,
				})
			}
		}
	}
	return all
}

// shares measures the latency at the rates for which it was predicted.
func (s *search) shares(ctx context.Context, config scenarios.Configuration, predicted capacity.Prediction) error {
	latency := predicted.Latency
	s.run.Emit(scenarios.Doing{Text: config.Arm.Name + ": latency at shares of the predicted rate"})
	next := func(done []*results.Cell) (rate float64, more bool) {
		if len(done) == len(latency) {
			return 0, false
		}
		return latency[len(done)].Rate, true
	}
	_, err := s.runner.At(ctx, s.plan.search, config, results.AtShares, shareTime, next)
	return err
}

// check tests recommendations, and where one turns out wrong, the next configuration.
func (s *search) check(ctx context.Context, checks []results.Check) error {
	for len(checks) > 0 {
		n := 1 // of one target
		for n < len(checks) && checks[n].Rate == checks[0].Rate {
			n++
		}
		tried, err := s.try(ctx, checks[:n])
		if err == nil {
			_, err = s.try(ctx, s.nextConfigurations(tried))
		}
		if err != nil {
			return err
		}
		checks = checks[n:]
	}
	return nil
}

// nextConfigurations are those that would have been right if a recommendation is off by one: one more
// than a configuration that should have met the SLO and did not, one fewer than one that should not
// have and did. More machines than planned do not fit on this host.
func (s *search) nextConfigurations(tried []results.Check) (next []results.Check) {
	base, most := s.plan.configurations[0].Arm.Topology, 0
	for _, config := range s.plan.configurations {
		most = max(most, config.Value)
	}
	for _, check := range tried {
		value := check.Value - 1
		if check.Expected {
			value = check.Value + 1
		}
		right := check.Met == check.Expected && (check.RateAtSpeed == 0 || check.MetAtSpeed == check.Expected)
		if right || value < 1 || value > most && ofMachines(base) {
			continue
		}
		next = append(next, results.Check{
			Topology: armAt(base, s.plan.record.Sweep, value).Name, Value: value,
			Rate: check.Rate, Expected: check.Expected,
		})
	}
	return next
}

// try measures rates on configurations, and returns the checks that could be measured.
func (s *search) try(ctx context.Context, checks []results.Check) (tried []results.Check, err error) {
	for _, check := range checks {
		arm := armAt(s.plan.configurations[0].Arm.Topology, s.plan.record.Sweep, check.Value)
		if err := s.know(arm); err != nil {
			return nil, err
		}
		s.run.Emit(scenarios.Doing{Text: fmt.Sprintf("testing the recommendation: %s at %.4g/s", arm.Name, check.Rate)})
		measured, err := s.tryOne(ctx, arm, &check)
		if err != nil {
			return nil, err
		}
		if !measured {
			continue
		}
		tried = append(tried, check)
		if err := s.update(func(c *results.CapacityFindings) { c.Checks = append(c.Checks, check) }); err != nil {
			return nil, err
		}
	}
	return tried, nil
}

// tryOne offers a configuration the rate, and then, if the CPU speed turns out to differ from the one
// the recommendation was made for, the equivalent rate at that speed: a machine that runs a quarter
// slower for some minutes proves nothing wrong.
func (s *search) tryOne(ctx context.Context, arm scenarios.Arm, check *results.Check) (measured bool, err error) {
	config, _ := capacity.At(s.learnt.seen, s.plan.record.Sweep, check.Value) // addConfigurations checked it
	s.learnt.tries++
	at, name := scenarios.Configuration{Arm: arm, Value: check.Value}, fmt.Sprintf("check-%d", s.learnt.tries)
	cells, err := s.runner.At(ctx, s.plan.search, at, name, checkTime, func(done []*results.Cell) (float64, bool) {
		if len(done) == 0 {
			return check.Rate, true
		}
		if len(done) > 1 || done[0] == nil {
			return 0, false
		}
		var share float64
		check.CPUSpeed, share = s.learnt.model.AtCPUSpeed(config, done[0])
		check.RateAtSpeed = check.Rate * share
		return check.RateAtSpeed, math.Abs(share-1) > worthAnother
	})
	if err != nil || len(cells) == 0 || cells[0] == nil {
		return false, err
	}
	check.Met = s.plan.search.Met(cells[0])
	if last := cells[len(cells)-1]; last != nil {
		check.MetAtSpeed = s.plan.search.Met(last)
	} else {
		check.RateAtSpeed = 0 // it could not be measured
	}
	return true, nil
}
