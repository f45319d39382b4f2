package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"bench/loadgen"
)

// speed is the throughput of a closed loop, in responses per second, as far as it is known: few on some
// connections, and all on as many as the scenario has.
type speed struct {
	few, all float64
	full     int // connections that keep all workers busy, if few on tried ones do
	tried    int // connections on which there are few responses per second
	most     int // connections that the scenario has
}

// steady is a speed that does not depend on the number of connections.
func steady(perSecond float64, most int) speed {
	return speed{few: perSecond, all: perSecond, full: 1, tried: 1, most: most}
}

// on is the least that a speed can be on some connections. What each further connection brings decreases
// (the throughput of a closed network is concave in its customers), so that it lies on or above the
// lines between the known points.
func (s speed) on(connections int) float64 {
	switch {
	case connections < s.full:
		return max(leastSpeed, s.few*float64(connections)/float64(s.full))
	case connections <= s.tried:
		return s.few
	case connections >= s.most:
		return s.all
	}
	return s.few + (s.all-s.few)*float64(connections-s.tried)/float64(s.most-s.tried)
}

// speeds are those of all arms, each in the order of the scenarios.
type speeds [][]speed

// most are the arms' throughputs of a scenario, on all its connections.
func (s speeds) most(scenario int) (all []float64) {
	for _, arm := range s {
		all = append(all, arm[scenario].all)
	}
	return all
}

// slowest is the throughput of the slowest arm on some connections.
func (s speeds) slowest(scenario, connections int) float64 {
	least := s[0][scenario].on(connections)
	for _, arm := range s {
		least = min(least, arm[scenario].on(connections))
	}
	return least
}

// What an experiment takes beside its loads.
const (
	bootAndStop  = 1300 * time.Millisecond
	betweenCells = 60 * time.Millisecond // counters, files
	overrun      = 1.05                  // of the limit, from which on it is said
)

// leastConnections is how few connections a schedule may get down to.
const leastConnections = 4

// presumed are throughputs of the slowest built-in topology, on a core or two, until the rate search
// has measured them. Any other app is taken to be as fast as a page of the bundled one.
var presumed = map[string]float64{"page": 250, "static": 900, "cpu": 250, "io": 95, "json": 900}

const presumedElse = 250

// scheduled fits the loads into the preset's limit, now that the speeds of the arms are known. Closed
// loops get ten responses per connection. The side scenarios have as many connections as the preset says,
// whatever is compared: a server with a thread for each connection is limited by their number, and a
// ratio that depended on how many topologies are compared would be no finding. Where the main scenario's
// loops take the slowest arm too long, they get fewer connections, the same for all arms, and the loads
// which the main question needs least are left out. A slow app gets few connections everywhere, but enough
// to keep all workers busy, and if even that does not fit, it takes longer.
func (e Experiment) scheduled(found speeds, concurrency int, perBoot, spent time.Duration) Experiment {
	e.speeds, e.perBoot, e.spent = found, perBoot, spent
	e.LoadSteps = e.Preset.LoadSteps(found.most(0))
	sides := cmp.Or(e.Preset.SideConnections, e.Scenarios[0].Connections)
	asked := atMost(e.Scenarios, e.Scenarios[0].Connections, sides)
	for _, stage := range []struct {
		leaveOut   func()
		main, side int // connections, at least
	}{
		{func() {}, 32, sides},
		{func() { e.withoutClosed, e.Preset.FastStep = true, 0 }, 32, sides},
		{func() { e.withoutNew = true }, 16, sides},
		{func() {}, leastConnections, leastConnections},
		{func() { e.Preset.Steps, e.Preset.FastStep = e.Preset.Steps[:min(2, len(e.Preset.Steps))], 0 }, leastConnections,
			leastConnections},
		{func() { e.Preset.Steps = e.Preset.Steps[:1] }, leastConnections, leastConnections},
		{func() { e.fewer = true }, leastConnections, leastConnections},
	} {
		if stage.leaveOut(); len(e.Preset.Steps) > 0 {
			e.LoadSteps = e.Preset.LoadSteps(found.most(0))
		}
		for _, n := range fewer(asked, max(stage.main, 2*concurrency), max(stage.side, 2*concurrency)) {
			if e.Scenarios = atMost(asked, n.main, n.side); e.fits() {
				return e
			}
		}
	}
	return e
}

// fits reports whether the experiment keeps its preset's time.
func (e Experiment) fits() bool { return e.Preset.Limit == 0 || e.Estimate() <= e.Preset.Limit }

// connections are how many the main scenario, and each other one, may have.
type connections struct{ main, side int }

// fewer are ever fewer connections, down to the least: first of the side scenarios, then of the main one.
func fewer(asked []Scenario, main, side int) (all []connections) {
	now := connections{main: max(main, asked[0].Connections)}
	for _, s := range asked[1:] {
		now.side = max(now.side, s.Connections)
	}
	for all = append(all, now); now.side > side; all = append(all, now) {
		now.side = max(side, now.side*7/8)
	}
	for ; now.main > main; all = append(all, now) {
		now.main = max(main, now.main*7/8)
	}
	return all
}

// atMost are scenarios with no more than some connections.
func atMost(asked []Scenario, main, side int) []Scenario {
	all := slices.Clone(asked)
	all[0].Connections = min(all[0].Connections, main)
	for i := range all[1:] {
		all[i+1].Connections = min(all[i+1].Connections, side)
	}
	return all
}

// presumedSchedule is the schedule as far as it is known before anything has been measured.
func (e Experiment) presumedSchedule() Experiment {
	if e.speeds != nil || len(e.Arms) == 0 || len(e.Scenarios) == 0 {
		return e
	}
	var one []speed
	for _, s := range e.Scenarios {
		perSecond, known := presumed[s.Name]
		if !known {
			perSecond = presumedElse
		}
		one = append(one, steady(perSecond, s.Connections))
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
		sum += time.Duration(e.Preset.Apart) * (e.perBoot + e.loads(arm)[0].Duration)
	}
	return sum
}

// lengthOf is about how long all loads of an arm take in one block, with their drains.
func (e Experiment) lengthOf(arm int) (sum time.Duration) {
	for _, load := range e.loads(arm) {
		speed := e.speeds[arm][0]
		for i, s := range e.Scenarios {
			if s.Name == load.Scenario.Name {
				speed = e.speeds[arm][i]
			}
		}
		perSecond, under := speed.on(load.Scenario.Connections), float64(load.Scenario.Connections)
		if load.Mode == loadgen.Open { // under way, when the load ends
			perSecond = speed.all
			under = min(float64(load.Scenario.mostOpen()), max(1, (load.Rate()-perSecond)*load.Duration.Seconds()))
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
		estimate.Round(time.Second), limit, e.speeds.slowest(0, s.Connections), s.Name, responsesPerConnection, s.Connections,
		e.Preset.Blocks, len(e.Arms))
}
