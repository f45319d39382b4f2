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

// arrivals are the times at which the requests of an open-loop cell were due, in seconds, in
// order: what its pacer says. There are none for a cell whose pacer is not understood.
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

// Trials that a configuration's speed is taken from: near the limit, long enough, and not so overloaded
// that only the backlog counts.
const (
	assistWithin = 0.3
	assistMost   = 0.5
	assistLeast  = 3.5 // seconds, with the lead-in
	assistFewest = 4
)

// assisted is the speed at which the simulation, given the very arrivals of each trial and the
// CPU speed that the machine had in it, has as many slow requests as were measured.
func (m *Model) assisted(run *results.Run, size results.Configuration) (speed, bool) {
	v, known := m.speeds[size.Topology]
	if !known {
		if found, ok := m.findSpeed(run, size); ok {
			v = &found
		}
		m.speeds[size.Topology] = v
	}
	if v == nil {
		return speed{}, false
	}
	return *v, true
}

func (m *Model) findSpeed(run *results.Run, size results.Configuration) (speed, bool) {
	if bound := size.Goals[0]; bound.Low <= 0 || bound.High <= 0 || size.Died != "" {
		return speed{}, false
	}
	trials, ok := m.trials(run, size)
	if !ok || len(trials) < assistFewest {
		return speed{}, false
	}
	var speeds []float64
	for _, t := range trials {
		speeds = append(speeds, t.CPUSpeed)
	}
	v, ok := m.queueing.FitSpeed(m.system(size), trials)
	return speed{v, stats.Median(speeds)}, ok
}

// trials are those of a configuration that its speed can be taken from; not ok, if it cannot: the
// simulation knows no errors, so that where there were some, the search has the say.
func (m *Model) trials(run *results.Run, size results.Configuration) (trials []model.Trial, ok bool) {
	objective, ok := m.percentile()
	if !ok {
		return nil, false
	}
	near := m.queueing.RoughCapacity(m.system(size))
	for _, c := range run.Cells {
		trial := c.Topology == size.Topology && strings.HasPrefix(c.Load, results.TrialLoad)
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

// cpuSpeed is how fast the machine's cores were during a cell, relative to the whole run, by the
// CPU time of a request.
func (m *Model) cpuSpeed(c *results.Cell) float64 {
	k, ok := costOf(c, m.Cores)
	if !ok {
		return 1
	}
	return m.expectedCPU(k.busy) / k.total
}

// percentile is the objective that the speed is found by: the first on a percentile.
func (m *Model) percentile() (results.Objective, bool) {
	at := slices.IndexFunc(m.objectives, func(o results.Objective) bool { return o.Quantile > 0 })
	if at < 0 {
		return results.Objective{}, false
	}
	return m.objectives[at], true
}
