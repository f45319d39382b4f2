package model

import (
	"math"
	"slices"
	"strings"

	"bench/stats"

	"gonum.org/v1/gonum/stat"
)

// Model is what is known of one topology's servers: what a request costs them, and how far the
// simulation that follows from it is off.
type Model struct {
	Cores     int
	Slowdown  float64
	Proxies   []Tier // ahead of the workers, in the order in which requests pass them
	Generator float64
	Kinds     []Kind
	Goals     []Goal
	// Correction is how many times as fast as the simulation the systems that were measured
	// turned out to be. Predictions are made with it.
	Correction stats.Interval
	Seed       uint64
	Precision  Precision
}

// Tier is one of a topology's tiers, with the CPU time that a request costs it.
type Tier struct {
	Name string
	CPU  float64
}

// Precision is how much is simulated for one answer.
type Precision struct {
	// Requests of a simulation whose result counts. A p99 near saturation is known to 1 % in the
	// rate from a few hundred thousand requests only: slow ones come in bursts.
	Requests int
	Draws    int // of the service times, for each trial that is replayed
}

// Full is the precision of a report.
var Full = Precision{Requests: 120_000, Draws: 4}

// roughly is how many requests are simulated, at most, where only the region is looked for.
const roughly = 20_000

// System is the model in a configuration.
func (m *Model) System(c Configuration) System {
	s := System{Configuration: c, Cores: m.Cores, Slowdown: m.Slowdown, Generator: m.Generator, Kinds: m.Kinds}
	for _, tier := range m.Proxies {
		s.Proxies = append(s.Proxies, tier.CPU)
	}
	return s
}

// Ahead is the CPU time that a request costs before it comes to the workers.
func (m *Model) Ahead() (sum float64) {
	for _, tier := range m.Proxies {
		sum += tier.CPU
	}
	return sum
}

// Named says which process "the proxy's" is, where there is only one.
func (m *Model) Named(resource string) string {
	if resource == Proxy && len(m.Proxies) == 1 {
		return "the process of " + m.Proxies[0].Name
	}
	return strings.ReplaceAll(resource, Proxy, "a proxy's process")
}

// Sustains reports whether a system keeps the goals at a rate.
func (m *Model) Sustains(s System, rate float64) bool {
	// The share of its bound that no system reaches under random arrivals.
	const near = 0.995
	return !(rate > near*s.Bound()) && m.met(s.Simulate(rate, m.Precision.Requests, m.Seed))
}

func (m *Model) met(out Simulated) bool {
	return !slices.ContainsFunc(m.Goals, func(g Goal) bool { return !g.Met(out) })
}

// lookedAt are the rates at which a limit is looked for, against where it is thought to be.
var lookedAt = []float64{0.96, 0.985, 1.01, 1.035}

// Capacity is the greatest rate at which a system keeps the goals: by bisection, and then by a
// line through the logarithms of the shares of slow requests at rates around it, each with
// random numbers of its own (as in a search; see the crossing in scenarios).
func (m *Model) Capacity(s System) float64 {
	rate := m.RoughCapacity(s)
	most := rate * 1.07
	if slices.ContainsFunc(m.Goals, func(g Goal) bool { return g.Statistic != Percentile }) {
		most = rate // another goal may be the one that binds: the bisection knows of all
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

// crossing is the rate at which the line through the shares of slow requests, at rates around
// the one given, passes what the goal allows.
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

// RoughCapacity is the capacity to within a percent: by bisection of its logarithm, since it may
// be a small part of the bound where a request alone nearly takes as long as it may.
func (m *Model) RoughCapacity(s System) float64 {
	const orders = 1e-3 // of the bound, down to which is looked
	requests := min(roughly, m.Precision.Requests)
	low, high := math.Log(orders*s.Bound()), math.Log(s.Bound())
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

// Prediction is what the model says of a configuration.
type Prediction struct {
	Capacity stats.Interval
	Limits   []Limit   // of each resource by itself, the scarcest first
	Latency  []Latency // at the Shares of the capacity, if they were asked for
}

// Latency is that at one share of a predicted capacity.
type Latency struct{ Share, Rate, P50, P99 float64 }

// Shares of the capacity at which the latency is predicted.
var Shares = []float64{0.5, 0.7, 0.85}

// Predict says what a configuration can do, with the latency at shares of it or without.
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

// AtCPUSpeed is the share of a configuration's capacity that cores of another speed leave: all of
// it where requests mostly wait.
func (m *Model) AtCPUSpeed(c Configuration, speed float64) float64 {
	s := m.System(c).Scaled(m.Correction.Value)
	return m.Capacity(s.AtCPUSpeed(speed)) / m.Capacity(s)
}
