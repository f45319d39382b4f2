package capacity

import (
	"maps"
	"math"
	"slices"
	"strings"

	"bench/results"
	"bench/stats"
)

// Arrivals are the times at which the requests of an open-loop cell were due, in seconds, in
// order. They follow from the cell's rate and seed, and are for whoever knows the pacer to say.
type Arrivals func(*results.Cell) []float64

// speed is how many times as fast as the model a size turned out to be.
type speed struct {
	value float64
	se    float64 // of its logarithm
	free  int     // degrees of freedom
	pace  float64 // of the machine in the trials: their median
}

// Trials that a size's speed is taken from: near the limit, long enough, and not so overloaded
// that only the backlog counts.
const (
	assistWithin = 0.3
	assistMost   = 0.5
	assistLeast  = 3.5 // seconds, with the lead-in
	assistFewest = 4
	// No simulation is a server: an interval narrower than this on each side, from a handful of
	// trials that happen to agree, says more of their luck than of the rate. It is assumed, and
	// not measured; the report says so.
	leastHalf = 0.02
)

// draws of the service times, for each trial; fewer in tests of what does not depend on them.
var draws = 4

// observed is one trial for the comparison.
type observed struct {
	arrivals []float64
	leadIn   float64
	slow     float64
	all      float64
	boot     int
	pace     float64 // of the machine during the trial, against the whole run: by the CPU time of a request
}

// assisted finds the speed at which the simulation, given the very arrivals of each trial, has
// as many slow requests as were measured. What makes trials of ten seconds scatter is mostly
// the luck of their arrivals, which come in bursts at random; those are known, since bench
// made them, and so need not be left in the result (control variates; Law, Simulation Modeling
// and Analysis, section 11.4). Nor need the pace of a machine that others share: how much CPU
// time a request took in a trial says how fast the cores were in it. The standard error comes
// from what is left, by trial or by boot, whichever is greater.
func (m *Model) assisted(run *results.Run, size results.Size, arrivals Arrivals) (speed, bool) {
	v, known := m.speeds[size.Topology]
	if !known {
		if found, ok := m.findSpeed(run, size, arrivals); ok {
			v = &found
		}
		m.speeds[size.Topology] = v
	}
	if v == nil {
		return speed{}, false
	}
	return *v, true
}

func (m *Model) findSpeed(run *results.Run, size results.Size, arrivals Arrivals) (speed, bool) {
	objective, ok := m.percentile()
	if bound := size.Goals[0]; !ok || arrivals == nil || bound.Low <= 0 || bound.High <= 0 || size.Died != "" {
		return speed{}, false
	}
	near := m.roughly(m.System(size))
	var trials []observed
	var paces []float64
	for _, c := range run.Cells {
		if c.Topology != size.Topology || !strings.HasPrefix(c.Load, results.TrialLoad) || c.Grade == results.Invalid || c.Duration < assistLeast {
			continue
		}
		pace := m.pace(c)
		if math.Abs(math.Log(c.Rate/pace/near)) > assistWithin {
			continue
		}
		if n := c.Counts; n.HTTPError+n.BadBody+n.ConnectError+n.Reset > 0 {
			return speed{}, false // the simulation knows no errors: the search has the say
		}
		o := observed{arrivals: arrivals(c), leadIn: c.LeadIn, boot: c.Block, pace: pace}
		for _, iv := range c.Counted() {
			slow, all := objective.Share(iv)
			o.slow, o.all = o.slow+slow, o.all+all
		}
		if o.all > 0 && o.slow <= assistMost*o.all {
			trials, paces = append(trials, o), append(paces, pace)
		}
	}
	if len(trials) < assistFewest {
		return speed{}, false
	}
	v, ok := m.fitSpeed(m.System(size), trials, objective.Limit/1e6)
	v.pace = stats.Median(paces)
	return v, ok
}

// pace is how fast the machine's cores were during a cell, against the whole run: by the CPU
// time of a request.
func (m *Model) pace(c *results.Cell) float64 {
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

// fitSpeed solves for the speed by bisection: the faster, the fewer are slow.
func (m *Model) fitSpeed(s System, trials []observed, limit float64) (speed, bool) {
	var slow float64
	for _, o := range trials {
		slow += o.slow
	}
	if slow == 0 {
		return speed{}, false
	}
	low, high := math.Log(0.6), math.Log(1.7)
	for range 10 {
		middle := (low + high) / 2
		var sum float64
		for _, e := range m.expected(s.Scaled(math.Exp(middle)), trials, limit) {
			sum += e
		}
		if sum > slow {
			low = middle
		} else {
			high = middle
		}
	}
	at := (low + high) / 2
	const step = 0.02
	var slope float64
	less, more := m.expected(s.Scaled(math.Exp(at-step)), trials, limit), m.expected(s.Scaled(math.Exp(at+step)), trials, limit)
	here := m.expected(s.Scaled(math.Exp(at)), trials, limit)
	var byTrial, byBoot float64
	boots := map[int]float64{}
	for i, o := range trials {
		slope += (more[i] - less[i]) / (2 * step)
		d := o.slow - here[i]
		byTrial += d * d
		boots[o.boot] += d
	}
	for _, boot := range slices.Sorted(maps.Keys(boots)) { // in an order: the same sum each time
		byBoot += boots[boot] * boots[boot]
	}
	n := float64(len(trials))
	variance, free := byTrial*n/(n-1), len(trials)-1
	if b := float64(len(boots)); b > 2 && byBoot*b/(b-1) > variance {
		variance, free = byBoot*b/(b-1), len(boots)-1
	}
	v := speed{value: math.Exp(at), se: math.Sqrt(variance) / math.Abs(slope), free: free}
	return v, slope < 0 && v.se > 0 && v.se < 0.1 && at > math.Log(0.62) && at < math.Log(1.65)
}

// expected is how many requests of each trial the simulation finds slow.
func (m *Model) expected(s System, trials []observed, limit float64) []float64 {
	slow := make([]float64, len(trials))
	for i, o := range trials {
		for draw := range draws {
			out := s.paced(o.pace).run(o.arrivals, func(_ int, end float64) bool { return end >= o.leadIn }, m.seed+uint64(draw))
			slow[i] += out.Share(limit) * o.all / float64(draws)
		}
	}
	return slow
}
