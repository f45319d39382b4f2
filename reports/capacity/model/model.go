package model

import (
	"math"
	"slices"

	"bench/stats"

	"gonum.org/v1/gonum/stat"
)

// Model is what is known about the servers of one topology: what a request costs them, and how far the
// simulation built on that is off.
type Model struct {
	Cores     int
	Slowdown  float64
	Proxies   []Tier // ahead of the workers, in the order in which requests pass through them
	Generator float64
	Kinds     []Kind
	Goals     []Goal
	// Correction is how many times as fast as the simulation the measured systems turned out to be.
	// Predictions include it.
	Correction stats.Interval
	Seed       uint64
	Precision  Precision
}

// Tier is a tier of a topology, with the CPU time that a request costs it.
type Tier struct {
	Name string
	CPU  float64
}

// Precision is how much is simulated for one result.
type Precision struct {
	// Requests is the number of requests in a simulation whose result counts. Near saturation, it takes a
	// few hundred thousand requests to know the rate of a given p99 to 1 %, because slow ones come in
	// bursts.
	Requests int
	Draws    int // of the service times, for each trial that is replayed
}

// Full is the precision of reports.
var Full = Precision{Requests: 120_000, Draws: 4}

// roughly is the maximum number of requests that are simulated to find the approximate rate.
const roughly = 20_000

// System is the model of a configuration.
func (m *Model) System(c Configuration) System {
	s := System{Configuration: c, Cores: m.Cores, Slowdown: m.Slowdown, Generator: m.Generator, Kinds: m.Kinds}
	for _, tier := range m.Proxies {
		s.Proxies = append(s.Proxies, tier.CPU)
	}
	return s
}

// Ahead is the CPU time that a request costs before it reaches the workers.
func (m *Model) Ahead() (sum float64) {
	for _, tier := range m.Proxies {
		sum += tier.CPU
	}
	return sum
}

// Named is the name of a resource in this model: that of the proxy, if there is only one.
func (m *Model) Named(resource string) string {
	if resource == Proxy && len(m.Proxies) == 1 {
		return m.Proxies[0].Name + " process"
	}
	return resource
}

// Sustains reports whether a system meets the goals at a rate.
func (m *Model) Sustains(s System, rate float64) bool {
	// Under random arrivals, no system reaches this share of its bound.
	const near = 0.995
	return !(rate > near*s.Bound()) && m.met(s.Simulate(rate, m.Precision.Requests, m.Seed))
}

func (m *Model) met(out Simulated) bool {
	return !slices.ContainsFunc(m.Goals, func(g Goal) bool { return !g.Met(out) })
}

// lookedAt are the rates at which the capacity is searched for, relative to a first estimate.
var lookedAt = []float64{0.96, 0.985, 1.01, 1.035}

// Capacity is the highest rate at which a system meets the goals: by bisection, and then by a line through
// the logarithms of the shares of slow requests at rates around it, each with its own random numbers (as
// in a search; see the crossing in scenarios).
func (m *Model) Capacity(s System) float64 {
	rate := m.RoughCapacity(s)
	most := rate * 1.07
	if slices.ContainsFunc(m.Goals, func(g Goal) bool { return g.Statistic != Percentile }) {
		most = rate // another goal may be the one that limits: the bisection respects all
	}
	var best float64
	for _, g := range m.Goals {
		if g.Statistic != Percentile {
			continue
		}
		if at, ok := m.crossing(s, g, rate); ok {
			if at = min(max(at, rate*0.93), most); best == 0 || at < best {
				best = at
			}
		}
	}
	if best == 0 {
		return rate
	}
	return best
}

// crossing is the rate at which the line through the shares of slow requests, at rates around the given
// one, crosses the share that the goal allows.
func (m *Model) crossing(s System, g Goal, rate float64) (at float64, ok bool) {
	var xs, ys []float64
	for i, share := range lookedAt {
		if at := share * rate; at < s.Bound() {
			slow := s.Simulate(at, m.Precision.Requests, m.Seed+uint64(i)).Share(g.Limit)
			xs, ys = append(xs, math.Log(at)), append(ys, math.Log(slow+0.5/float64(m.Precision.Requests)))
		}
	}
	if len(xs) < 2 {
		return 0, false
	}
	a, b := stat.LinearRegression(xs, ys, nil, false)
	return math.Exp((math.Log(g.slow()) - a) / b), b > 0
}

// RoughCapacity is the capacity to within a percent. It bisects the logarithm, since the capacity may be a
// small part of the bound if a lone request already takes nearly as long as it may.
func (m *Model) RoughCapacity(s System) float64 {
	const lowest = 1e-3 // of the bound
	requests := min(roughly, m.Precision.Requests)
	low, high := math.Log(lowest*s.Bound()), math.Log(s.Bound())
	for range 10 {
		middle := (low + high) / 2
		if m.met(s.Simulate(math.Exp(middle), requests, m.Seed)) {
			low = middle
		} else {
			high = middle
		}
	}
	return math.Exp((low + high) / 2)
}

// Prediction is what the model says about a configuration.
type Prediction struct {
	Capacity stats.Interval
	Limits   []Limit   // of each resource alone, the scarcest first
	Latency  []Latency // at Shares of the capacity, if requested
}

// Latency is the latency at one share of a predicted capacity.
type Latency struct{ Share, Rate, P50, P99 float64 }

// Shares of the capacity at which the latency is predicted.
var Shares = []float64{0.5, 0.7, 0.85}

// Predict predicts the capacity of a configuration and, if requested, the latency at shares of it.
func (m *Model) Predict(c Configuration, latency bool) Prediction {
	by := m.Correction
	s := m.System(c).Scaled(by.Value)
	rate := m.Capacity(s)
	p := Prediction{
		Capacity: interval(rate, rate*by.Low/by.Value, rate*by.High/by.Value, byModel, by.N),
		Limits:   s.Limits(),
	}
	for i := range p.Limits {
		p.Limits[i].Resource = m.Named(p.Limits[i].Resource)
	}
	if !latency {
		return p
	}
	for _, share := range Shares {
		out := s.Simulate(share*rate, m.Precision.Requests, m.Seed)
		p.Latency = append(p.Latency, Latency{share, share * rate, out.Quantile(0.5), out.Quantile(0.99)})
	}
	return p
}

// AtCPUSpeed is the share of a configuration's capacity that remains on cores of another speed: all of it
// if requests mostly wait.
func (m *Model) AtCPUSpeed(c Configuration, speed float64) float64 {
	s := m.System(c).Scaled(m.Correction.Value)
	return m.Capacity(s.AtCPUSpeed(speed)) / m.Capacity(s)
}
