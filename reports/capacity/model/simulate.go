package model

import (
	"math"
	"math/rand/v2"
	"slices"

	"bench/stats"
)

// Simulated is the result of a simulation.
type Simulated struct {
	Responses []float64 // of the requests that count, in no particular order
}

// Simulate runs the system under Poisson arrivals: count requests, after a tenth of that number as a
// lead-in. It is a pure function. With the same seed, the arrivals at two rates differ only by the rate.
func (s System) Simulate(rate float64, count int, seed uint64) Simulated {
	random := rand.New(rand.NewPCG(seed, 1))
	lead, at := count/10, 0.0
	arrivals := make([]float64, lead+count)
	for i := range arrivals {
		at += random.ExpFloat64() / rate
		arrivals[i] = at
	}
	return s.Replay(arrivals, func(request int, _ float64) bool { return request >= lead }, seed)
}

// Replay lets requests arrive at the given times, in order. It keeps the response times of those that
// count, which may depend on their number and on when they ended.
func (s System) Replay(arrivals []float64, counts func(request int, end float64) bool, seed uint64) Simulated {
	sim := newSimulation(s, len(arrivals), seed)
	out := Simulated{Responses: make([]float64, 0, len(arrivals))}
	for next := 0; ; {
		step, e := sim.next()
		if next < len(arrivals) && arrivals[next] <= sim.now+step {
			sim.advance(arrivals[next] - sim.now)
			sim.arrive()
			next++
			continue
		}
		if math.IsInf(step, 1) {
			return out
		}
		sim.advance(step)
		if n := sim.happen(e); n >= 0 && counts(n, sim.now) {
			r := &sim.requests[n]
			out.Responses = append(out.Responses, sim.now-r.arrived+r.outside)
		}
	}
}

// Quantile is a quantile of the response times by nearest rank, in seconds. It sorts them.
func (s Simulated) Quantile(q float64) float64 {
	if len(s.Responses) == 0 {
		return math.Inf(1)
	}
	slices.Sort(s.Responses)
	return s.Responses[stats.Rank(q*100, int64(len(s.Responses)))-1]
}

// Mean is the mean of the response times, in seconds. It sorts them, because sums from the smallest up are
// the most precise.
func (s Simulated) Mean() float64 {
	slices.Sort(s.Responses)
	return sum(s.Responses) / float64(len(s.Responses))
}

// Share is the share of the requests that took at least as long as a limit in seconds.
func (s Simulated) Share(limit float64) float64 {
	slow := 0
	for _, r := range s.Responses {
		if r >= limit {
			slow++
		}
	}
	return float64(slow) / float64(max(1, len(s.Responses)))
}

func sum(values []float64) (sum float64) {
	for _, v := range values {
		sum += v
	}
	return sum
}
