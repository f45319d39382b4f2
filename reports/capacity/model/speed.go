package model

import (
	"maps"
	"math"
	"slices"

	"bench/stats"

	"gonum.org/v1/gonum/stat/distuv"
)

// Trial is a measured trial, to be replayed by the simulation.
type Trial struct {
	Arrivals  []float64 // in order
	LeadIn    float64   // requests that ended during it do not count
	Slow, All float64   // requests that missed the goal, of all that count
	Boot      int       // of the servers
	CPUSpeed  float64   // of the cores during the trial, relative to that of the model
}

// Speed is how many times as fast as the model a system turned out to be.
type Speed struct {
	Value float64
	SE    float64 // of its logarithm
	Free  int     // degrees of freedom
	// Left is the share of the bound that is left at the capacity, where service times vary: how much that is follows
	// from their distribution, of which only a sample is known. 0: they do not vary.
	Left float64
}

// leftOff is how far off the simulation may be about Left, relatively, as a standard deviation.
const leftOff = 0.3

// usuallyOff is how far off 1 a speed is expected to be where searches leave much in doubt, as a standard deviation.
const usuallyOff = 0.05

// variance of what is known of the speed's logarithm.
func (v Speed) variance() float64 {
	return v.SE*v.SE + leastSpread*leastSpread + leftOff*leftOff*v.Left*v.Left
}

// slowest and fastest are the factors between which a speed is searched for.
const slowest, fastest = 0.6, 1.7

// FitSpeed finds the speed at which the simulation, given the exact arrivals of each trial, has as many
// slow requests as were measured. What makes trials of ten seconds scatter is mostly the randomness of
// their arrivals, which come in bursts. The arrivals are known, since bench made them, and so this noise
// can be removed (control variates; Law, Simulation Modeling and Analysis, section 11.4), and so can the
// CPU speed of a shared machine. The standard error comes from what is left, by trial or by boot,
// whichever is larger.
//
// The speed is found by bisection: the faster the system, the fewer requests are slow.
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

// scatter is the variance of the number of slow requests in all trials together around the expected
// number, with its degrees of freedom.
func scatter(trials []Trial, expected []float64) (variance float64, free int) {
	var byTrial, byBoot float64
	boots := map[int]float64{}
	for i, t := range trials {
		d := t.Slow - expected[i]
		byTrial += d * d
		boots[t.Boot] += d
	}
	for _, boot := range slices.Sorted(maps.Keys(boots)) { // sorted, for the same sum each time
		byBoot += boots[boot] * boots[boot]
	}
	n, b := float64(len(trials)), float64(len(boots))
	variance, free = byTrial*n/(n-1), len(trials)-1
	if b > 2 && byBoot*b/(b-1) > variance {
		variance, free = byBoot*b/(b-1), len(boots)-1
	}
	return variance, free
}

// expected is the number of slow requests in the simulation of each trial.
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

// LeastHalf is the minimum half-width of an interval that follows from a Speed. No simulation is a server:
// a narrower interval, from a handful of trials that happen to agree, would owe more to luck. It is
// assumed and not measured, and the report says so.
const LeastHalf = 0.02

// Around is the interval of a rate that follows from the speed: if all times are shorter by a factor, rates
// are higher by the same factor.
func (v Speed) Around(rate float64) stats.Interval {
	half := max(LeastHalf, student(v.Free)*v.SE)
	return interval(rate, rate*math.Exp(-half), rate*math.Exp(half), ByReplay, v.Free+1)
}

// How an interval was computed.
const (
	ByReplay         = "trials replayed by the model, with their own arrivals and CPU speed; Student's t interval"
	byConfigurations = "the model compared to each measured configuration; Student's t interval on logarithms"
	byModel          = "the model, with the interval of its correction"
	assumed          = "assumed: nothing was measured that the model could be compared to"
)

// confidence is the confidence of all intervals here.
const confidence = 0.9

func interval(value, low, high float64, method string, n int) stats.Interval {
	return stats.Interval{Value: value, Low: low, High: high, Confidence: confidence, Method: method, N: n}
}

// student is the 95 % quantile of Student's distribution, for 90 % intervals.
func student(free int) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(max(1, free))}.Quantile(0.95)
}

// The minimum spread of a prediction, and its spread if nothing was measured.
const (
	leastSpread   = 0.02
	unknownSpread = 0.3
)

// Correct is the expected speed of a system that was not measured, from the speeds of some that were.
func Correct(speeds []Speed) stats.Interval {
	if len(speeds) == 0 {
		// Without any measured capacity, it is unknown how far off the simulation is.
		return interval(1, math.Exp(-unknownSpread), math.Exp(unknownSpread), assumed, 0)
	}
	n := float64(len(speeds))
	var mean, squares, width float64
	var weights float64
	if speeds[0].Left > 0 {
		weights = 1 / (usuallyOff * usuallyOff) // of a speed of 1
	}
	for _, v := range speeds {
		weight := 1.0
		if v.Left > 0 {
			weight = 1 / v.variance()
		}
		mean, weights = mean+weight*math.Log(v.Value), weights+weight
		width += v.SE
	}
	mean /= weights
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
	// A system that was not fitted differs from those that were as these differ from each other, and no
	// speed is known better than its own interval.
	spread := math.Sqrt(max(between, width*width, leastSpread*leastSpread) * (1 + 1/n))
	if len(speeds) < 3 {
		free = 3 // of the simulation's error in general: with fewer, the interval would be useless
	}
	t := student(free) * spread
	return interval(math.Exp(mean), math.Exp(mean-t), math.Exp(mean+t), byConfigurations, len(speeds))
}
