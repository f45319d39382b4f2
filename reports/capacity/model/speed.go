package model

import (
	"maps"
	"math"
	"slices"

	"bench/stats"

	"gonum.org/v1/gonum/stat/distuv"
)

// Trial is one that was measured, to be replayed by the simulation.
type Trial struct {
	Arrivals  []float64 // in order
	LeadIn    float64   // requests that ended before do not count
	Slow, All float64   // requests that missed the goal, and that counted
	Boot      int       // of the servers, in which it was
	CPUSpeed  float64   // of the cores during the trial, against that of the model
}

// Speed is how many times as fast as the model a system turned out to be.
type Speed struct {
	Value float64
	SE    float64 // of its logarithm
	Free  int     // degrees of freedom
}

// slowest and fastest are the factors between which a speed is looked for.
const slowest, fastest = 0.6, 1.7

// FitSpeed finds the speed at which the simulation, given the very arrivals of each trial, has
// as many slow requests as were measured. What makes trials of ten seconds scatter is mostly
// the luck of their arrivals, which come in bursts at random; those are known, since bench
// made them, and so need not be left in the result (control variates; Law, Simulation Modeling
// and Analysis, section 11.4). Nor need the CPU speed of a machine that others share. The
// standard error comes from what is left, by trial or by boot, whichever is greater.
//
// It is found by bisection: the faster, the fewer are slow.
func (m *Model) FitSpeed(s System, trials []Trial) (Speed, bool) {
	goal, ok := percentile(m.Goals)
	var slow float64
	for _, t := range trials {
		slow += t.Slow
	}
	if !ok || slow == 0 {
		return Speed{}, false
	}
	expected := func(logSpeed float64) []float64 {
		return m.expected(s.Scaled(math.Exp(logSpeed)), trials, goal.Limit)
	}
	low, high := math.Log(slowest), math.Log(fastest)
	for range 10 {
		middle := (low + high) / 2
		if sum(expected(middle)) > slow {
			low = middle
		} else {
			high = middle
		}
	}
	at := (low + high) / 2
	const step = 0.02
	var slope float64
	less, more := expected(at-step), expected(at+step)
	for i := range trials {
		slope += (more[i] - less[i]) / (2 * step)
	}
	variance, free := scatter(trials, expected(at))
	v := Speed{Value: math.Exp(at), SE: math.Sqrt(variance) / math.Abs(slope), Free: free}
	return v, slope < 0 && v.SE > 0 && v.SE < 0.1 && at > math.Log(0.62) && at < math.Log(1.65)
}

// scatter is the variance of all trials' slow requests together, about what is expected of them,
// with its degrees of freedom.
func scatter(trials []Trial, expected []float64) (variance float64, free int) {
	var byTrial, byBoot float64
	boots := map[int]float64{}
	for i, t := range trials {
		d := t.Slow - expected[i]
		byTrial += d * d
		boots[t.Boot] += d
	}
	for _, boot := range slices.Sorted(maps.Keys(boots)) { // in an order: the same sum each time
		byBoot += boots[boot] * boots[boot]
	}
	n, b := float64(len(trials)), float64(len(boots))
	variance, free = byTrial*n/(n-1), len(trials)-1
	if b > 2 && byBoot*b/(b-1) > variance {
		variance, free = byBoot*b/(b-1), len(boots)-1
	}
	return variance, free
}

// expected is how many requests of each trial the simulation finds slow.
func (m *Model) expected(s System, trials []Trial, limit float64) []float64 {
	slow := make([]float64, len(trials))
	for i, t := range trials {
		counts := func(_ int, end float64) bool { return end >= t.LeadIn }
		for draw := range m.Precision.Draws {
			out := s.AtCPUSpeed(t.CPUSpeed).Replay(t.Arrivals, counts, m.Seed+uint64(draw))
			slow[i] += out.Share(limit) * t.All / float64(m.Precision.Draws)
		}
	}
	return slow
}

// LeastHalf is the least half width of an interval that follows from a Speed. No simulation is a
// server: a narrower one, from a handful of trials that happen to agree, says more of their luck
// than of the rate. It is assumed, and not measured; the report says so.
const LeastHalf = 0.02

// Around is the interval of a rate that follows from the speed: all times being shorter by a
// factor, rates are greater by it.
func (v Speed) Around(rate float64) stats.Interval {
	half := max(LeastHalf, student(v.Free)*v.SE)
	return interval(rate, rate*math.Exp(-half), rate*math.Exp(half), ByReplay, v.Free+1)
}

// How intervals are found.
const (
	ByReplay         = "trials replayed by the model, with their own arrivals and CPU speed; Student's t interval"
	byConfigurations = "the model against each measured configuration; Student's t interval on logarithms"
	byModel          = "the model, with the interval of its correction"
	assumed          = "assumed: nothing was measured that the model could be held against"
)

// confidence is that of all intervals here.
const confidence = 0.9

func interval(value, low, high float64, method string, n int) stats.Interval {
	return stats.Interval{Value: value, Low: low, High: high, Confidence: confidence, Method: method, N: n}
}

// student is the 95 % quantile of Student's distribution, for intervals of 90 %.
func student(free int) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(max(1, free))}.Quantile(0.95)
}

// What a prediction's spread is at least, and how far off it may be when nothing was measured.
const (
	leastSpread   = 0.02
	unknownSpread = 0.3
)

// Correct is the speed that a system has which was not measured, from those of some that were.
func Correct(speeds []Speed) stats.Interval {
	if len(speeds) == 0 {
		// Without a measured rate, nothing says how far the simulation is off.
		return interval(1, math.Exp(-unknownSpread), math.Exp(unknownSpread), assumed, 0)
	}
	n := float64(len(speeds))
	var mean, squares, width float64
	for _, v := range speeds {
		mean += math.Log(v.Value) / n
		width += v.SE
	}
	for _, v := range speeds {
		d := math.Log(v.Value) - mean
		squares += d * d
	}
	width /= n
	between := 0.0
	free := max(1, len(speeds)-1)
	if len(speeds) > 1 {
		between = squares / (n - 1)
	}
	// A system that was not fitted differs from those that were as they differ from each other,
	// and none was measured more finely than its own interval.
	spread := math.Sqrt(max(between, width*width, leastSpread*leastSpread) * (1 + 1/n))
	if len(speeds) < 3 {
		free = 3 // of the simulation's error, not only of these systems: else no interval would be left
	}
	t := student(free) * spread
	return interval(math.Exp(mean), math.Exp(mean-t), math.Exp(mean+t), byConfigurations, len(speeds))
}
