package scenarios

import (
	"fmt"
	"slices"
	"time"

	"bench/loadgen"
)

// speeds are the throughputs of closed loops, in responses per second: by arm, in the order of the
// scenarios.
type speeds [][]float64

// slowest is the throughput of the slowest arm.
func (s speeds) slowest(scenario int) float64 {
	least := s[0][scenario]
	for _, arm := range s {
		least = min(least, arm[scenario])
	}
	return least
}

// of is a scenario's throughput by arm.
func (s speeds) of(scenario int) (all []float64) {
	for _, arm := range s {
		all = append(all, arm[scenario])
	}
	return all
}

// What an experiment takes beside its loads.
const (
	bootAndStop   = 1300 * time.Millisecond
	betweenCells  = 60 * time.Millisecond // counters, files
	leastSchedule = 4                     // connections
	overrun       = 1.05                  // of the limit, from which on it is said
)

// presumed are throughputs of the slowest built-in topology, on a core or two, until the rate search
// has measured them. Any other app is taken to be as fast as a page of the bundled one.
var presumed = map[string]float64{"page": 250, "static": 900, "cpu": 250, "io": 95, "json": 900}

const presumedElse = 250

// scheduled fits the loads into the preset's limit, now that the speeds of the arms are known. Closed
// loops get ten responses per connection: where that takes the slowest arm too long, fewer connections,
// the same for all arms, but enough to keep all workers busy. If even the fewest do not fit, the loads
// that the main question needs least are left out. An app that is too slow for that takes longer.
func (e Experiment) scheduled(found speeds, concurrency int, perBoot, spent time.Duration) Experiment {
	e.speeds, e.perBoot, e.spent = found, perBoot, spent
	e.LoadSteps = e.Preset.LoadSteps(found.of(0))
	if e.Preset.Limit == 0 || e.Estimate() <= e.Preset.Limit {
		return e
	}
	most := slices.Clone(e.Scenarios)
	for longest := 8 * time.Second; longest >= 300*time.Millisecond; longest = longest * 4 / 5 {
		e.Scenarios = slices.Clone(most)
		for i := range e.Scenarios {
			s := &e.Scenarios[i]
			fit := int(longest.Seconds() * found.slowest(i) / responsesPerConnection)
			s.Connections = min(s.Connections, max(fit, leastSchedule, 2*concurrency))
		}
		if e.Estimate() <= e.Preset.Limit {
			return e
		}
	}
	for _, leaveOut := range []func(){
		func() { e.withoutNew = true },
		func() { e.Preset.Steps, e.Preset.FastStep = e.Preset.Steps[:min(2, len(e.Preset.Steps))], 0 },
		func() { e.Preset.Steps = e.Preset.Steps[:1] },
		func() { e.fewer = true },
	} {
		if leaveOut(); len(e.Preset.Steps) > 0 {
			e.LoadSteps = e.Preset.LoadSteps(found.of(0))
		}
		if e.Estimate() <= e.Preset.Limit {
			break
		}
	}
	return e
}

// presumedSchedule is the schedule as far as it is known before anything has been measured.
func (e Experiment) presumedSchedule() Experiment {
	if e.speeds != nil || len(e.Arms) == 0 || len(e.Scenarios) == 0 {
		return e
	}
	var one []float64
	for _, s := range e.Scenarios {
		perSecond, known := presumed[s.Name]
		if !known {
			perSecond = presumedElse
		}
		one = append(one, perSecond)
	}
	found := make(speeds, len(e.Arms))
	for i := range found {
		found[i] = one
	}
	perBoot := bootAndStop + e.Preset.Warmup
	preflight := perBoot + time.Duration(len(e.Scenarios))*2*probeRun
	return e.scheduled(found, 2, perBoot, time.Duration(len(e.Arms))*preflight)
}

// Estimate is roughly how long the experiment will take, from its start.
func (e Experiment) Estimate() time.Duration {
	e = e.presumedSchedule()
	sum := e.spent
	for arm := range e.Arms {
		sum += time.Duration(e.Preset.Blocks) * (e.perBoot + e.lengthOf(arm))
	}
	return sum
}

// lengthOf is about how long all loads of an arm take in one block, with their drains.
func (e Experiment) lengthOf(arm int) (sum time.Duration) {
	for _, load := range e.loads(arm) {
		perSecond := e.speeds[arm][0]
		for i, s := range e.Scenarios {
			if s.Name == load.Scenario.Name {
				perSecond = e.speeds[arm][i]
			}
		}
		under := float64(load.Scenario.Connections) // way, when the load ends
		switch rate := load.Rate(); {
		case load.Mode == loadgen.Open && rate < perSecond:
			under = 1
		case load.Mode == loadgen.Open:
			under = min(float64(load.Scenario.mostOpen()), (rate-perSecond)*load.Duration.Seconds())
		}
		drain := time.Duration(under / perSecond * float64(time.Second))
		sum += load.Duration + min(drain, max(drainTime, load.Drain)) + betweenCells
	}
	return sum
}

// slowness says why a comparison takes longer than its preset allows; empty if it does not.
func (e Experiment) slowness() string {
	estimate, limit := e.Estimate(), e.Preset.Limit
	if limit == 0 || float64(estimate) <= overrun*float64(limit) {
		return ""
	}
	s := e.Scenarios[0]
	return fmt.Sprintf("this takes about %v instead of %v: the slowest topology serves %.2g requests of %s per second, "+
		"so that %d responses on each of %d connections, in %d blocks of %d topologies, need that long",
		estimate.Round(time.Second), limit, e.speeds.slowest(0), s.Name, responsesPerConnection, s.Connections,
		e.Preset.Blocks, len(e.Arms))
}
