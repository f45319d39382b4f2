package capacity

import (
	"math"
	"slices"
	"strings"
	"time"

	"bench/loadgen/pacing"
	"bench/reports/capacity/model"
	"bench/results"
	"bench/stats"
)

// arrivals are the times in seconds at which the requests of an open-loop cell were due, in order,
// according to its pacer. A cell with an unknown pacer has none.
func arrivals(c *results.Cell) []float64 {
	pacer, err := pacing.Parse(c.Pacer)
	if err != nil {
		return nil
	}
	times := make([]float64, pacing.Count(pacer, time.Duration(math.Round(c.Duration*1e9))))
	schedule := pacing.NewSchedule(pacer)
	for n := range times {
		times[n] = schedule.Due(uint64(n)).Seconds()
	}
	return times
}

// speed is how many times as fast as the model a configuration turned out to be.
type speed struct {
	model.Speed
	cpuSpeed float64 // of the machine in the trials: their median
}

// A configuration's speed is taken from trials that are near the limit, long enough, and not so
// overloaded that only the backlog counts.
const (
	assistWithin = 0.3
	assistMost   = 0.5
	assistLeast  = 3.5 // seconds, with the lead-in
	assistFewest = 4
)

// assisted is the speed at which the simulation, given the exact arrivals of each trial and the CPU speed
// of the machine during it, has as many slow requests as were measured.
func (m *Model) assisted(run *results.Run, found results.Configuration) (speed, bool) {
	v, known := m.speeds[found.Topology]
	if !known {
		if fitted, ok := m.findSpeed(run, found); ok {
			v = &fitted
		}
		m.speeds[found.Topology] = v
	}
	if v == nil {
		return speed{}, false
	}
	return *v, true
}

func (m *Model) findSpeed(run *results.Run, found results.Configuration) (speed, bool) {
	if m.varies() {
		return speed{}, false // a few trials hold too few of the long requests
	}
	if bound := found.Goals[0]; bound.Low <= 0 || bound.High <= 0 || found.Died != "" {
		return speed{}, false
	}
	trials, ok := m.trials(run, found)
	if !ok || len(trials) < assistFewest {
		return speed{}, false
	}
	var speeds []float64
	for _, t := range trials {
		speeds = append(speeds, t.CPUSpeed)
	}
	v, ok := m.queueing.FitSpeed(m.system(found), trials)
	return speed{v, stats.Median(speeds)}, ok
}

// trials are the trials of a configuration from which its speed can be taken. They are not ok if any had
// errors, which the simulation does not know: then the result of the search stands.
func (m *Model) trials(run *results.Run, found results.Configuration) (trials []model.Trial, ok bool) {
	objective, ok := m.percentile()
	if !ok {
		return nil, false
	}
	near := m.queueing.RoughCapacity(m.system(found))
	for _, c := range run.Cells {
		trial := c.Topology == found.Topology && strings.HasPrefix(c.Load, results.TrialLoad)
		if !trial || c.Grade == results.Invalid || c.Duration < assistLeast {
			continue
		}
		speed := m.cpuSpeed(c)
		if math.Abs(math.Log(c.Rate/speed/near)) > assistWithin {
			continue
		}
		if n := c.Counts; n.HTTPError+n.BadBody+n.ConnectError+n.Reset > 0 {
			return nil, false
		}
		t := model.Trial{Arrivals: arrivals(c), LeadIn: c.LeadIn, Boot: c.Block, CPUSpeed: speed}
		for _, iv := range c.Counted() {
			slow, all := objective.Share(iv)
			t.Slow, t.All = t.Slow+slow, t.All+all
		}
		if t.All > 0 && t.Slow <= assistMost*t.All {
			trials = append(trials, t)
		}
	}
	return trials, true
}

// cpuSpeed is how fast the machine's cores ran during a cell, relative to the whole run, judged by the CPU
// time per request.
func (m *Model) cpuSpeed(c *results.Cell) float64 {
	k, ok := costOf(c, m.Cores)
	if !ok {
		return 1
	}
	return m.expectedCPU(k.busy) / k.total
}

// percentile is the objective used to find the speed: the first on a percentile.
func (m *Model) percentile() (results.Objective, bool) {
	at := slices.IndexFunc(m.objectives, func(o results.Objective) bool { return o.Quantile > 0 })
	if at < 0 {
		return results.Objective{}, false
	}
	return m.objectives[at], true
}

// varies reports whether the time that requests of some kind occupy a worker varies.
func (m *Model) varies() bool {
	return slices.ContainsFunc(m.queueing.Kinds, func(k model.Kind) bool { return len(k.Varies) > 0 })
}
