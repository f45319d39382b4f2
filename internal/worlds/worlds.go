// Package worlds simulates servers whose truth is known, for tests of what judges servers. It shares neither code
// nor assumptions with what it tests: no cores, no processes and no events, only requests that take turns. Service
// times vary as much as the world says, servers stand still now and then, are slow after a boot, or remember an
// overload. What a judgement should have been follows from a closed form where there is one, and otherwise from a
// simulation far longer than anything that is judged.
package worlds

import (
	"math"
	"math/rand/v2"
)

// World is a server: requests wait in one queue, first come, first served, for one of several workers. All times are
// in seconds.
type World struct {
	Name    string
	Workers int
	Mean    float64 // of the service times
	Service Service // their distribution
	// Limit and Share are the goal: at most this share of the requests takes longer than the limit.
	Limit, Share float64
	Stall        Stall
	// SlowFor is how long after a boot service takes SlowBy times as long.
	SlowFor, SlowBy float64
	// Spoils is the wait that spoils the server until it is booted again: service then takes SpoiltBy times as long;
	// 0: none does.
	Spoils, SpoiltBy float64
}

// Service is a distribution of service times with a mean of 1.
type Service interface{ Draw(*rand.Rand) float64 }

// Stall makes all workers stand still for a while, again and again.
type Stall struct{ Every, For float64 }

// Lognormal service times have the coefficient of variation CV; 0: they are constant.
type Lognormal struct{ CV float64 }

// Draw returns a service time.
func (l Lognormal) Draw(r *rand.Rand) float64 {
	if l.CV == 0 {
		return 1
	}
	variance := math.Log(1 + l.CV*l.CV)
	return math.Exp(math.Sqrt(variance)*r.NormFloat64() - variance/2)
}

// Exponential service times make the queue M/M/c, whose truth is known in closed form.
type Exponential struct{}

// Draw returns a service time.
func (Exponential) Draw(r *rand.Rand) float64 { return r.ExpFloat64() }

// TwoKinds of requests: most take the same short time, a Rare share takes Longer times that.
type TwoKinds struct{ Rare, Longer float64 }

// Draw returns a service time.
func (k TwoKinds) Draw(r *rand.Rand) float64 {
	short := 1 / (1 - k.Rare + k.Rare*k.Longer)
	if r.Float64() < k.Rare {
		return short * k.Longer
	}
	return short
}

// Boot is a server that was started. Time passes only in its loads.
type Boot struct {
	*World
	random *rand.Rand
	now    float64
	phase  float64   // when the first stall begins
	free   []float64 // when each worker is, in working time: the clock that stands still while the server does
	spoilt bool
}

// Boot starts a server.
func (w *World) Boot(random *rand.Rand) *Boot {
	b := &Boot{World: w, random: random, free: make([]float64, w.Workers)}
	if w.Stall.Every > 0 {
		b.phase = random.Float64() * w.Stall.Every
	}
	return b
}

// Idle lets time pass without requests.
func (b *Boot) Idle(seconds float64) { b.now += seconds }

// working converts a time to the clock that stands still in stalls.
func (b *Boot) working(t float64) float64 {
	s := b.Stall
	if s.Every == 0 {
		return t
	}
	period, within := math.Modf((t + s.Every - b.phase) / s.Every)
	return period*(s.Every-s.For) + max(0, within*s.Every-s.For)
}

// real converts back.
func (b *Boot) real(u float64) float64 {
	s := b.Stall
	if s.Every == 0 {
		return u
	}
	period := math.Floor(u / (s.Every - s.For))
	return period*s.Every + s.For + (u - period*(s.Every-s.For)) + b.phase - s.Every
}

// Answer is one request as its client sees it.
type Answer struct{ Arrived, Took float64 }

// Load sends requests at random, Poisson arrivals, for a time. The answers' arrivals count from its beginning.
func (b *Boot) Load(rate, seconds float64, seen func(Answer)) {
	began := b.now
	for at := began + b.random.ExpFloat64()/rate; at < began+seconds; at += b.random.ExpFloat64() / rate {
		seen(Answer{at - began, b.serve(at)})
	}
	b.now = began + seconds
}

// serve answers a request that arrives now.
func (b *Boot) serve(at float64) (took float64) {
	first := 0
	for worker, free := range b.free {
		if free < b.free[first] {
			first = worker
		}
	}
	arrived := b.working(at)
	starts := max(arrived, b.free[first])
	service := b.Mean * b.Service.Draw(b.random)
	if at < b.SlowFor {
		service *= b.SlowBy
	}
	if b.Spoils > 0 && starts-arrived > b.Spoils {
		b.spoilt = true
	}
	if b.spoilt {
		service *= b.SpoiltBy
	}
	b.free[first] = starts + service
	return max(b.real(starts+service)-at, service)
}

// Closed is the rate of a closed loop of a number of connections, over a time.
func (b *Boot) Closed(connections int, seconds float64) (rate float64) {
	began := b.now
	next := make([]float64, connections)
	for i := range next {
		next[i] = began
	}
	for {
		first := 0
		for i, at := range next {
			if at < next[first] {
				first = i
			}
		}
		at := next[first]
		if at >= began+seconds {
			b.now = began + seconds
			return rate / seconds
		}
		next[first] = at + b.serve(at)
		if next[first] < began+seconds {
			rate++
		}
	}
}

// Alone sends one request after the other, for a time.
func (b *Boot) Alone(seconds float64, seen func(took float64)) {
	ends := b.now + seconds
	for b.now < ends {
		took := b.serve(b.now)
		seen(took)
		b.now += took
	}
}

// Bound is the rate that keeps all workers busy: no higher one can be served.
func (w *World) Bound() float64 {
	share := 1.0
	if w.Stall.Every > 0 {
		share -= w.Stall.For / w.Stall.Every
	}
	return share * float64(w.Workers) / w.Mean
}

// slow is the share of slow requests at a rate, by simulation of that many seconds after the boot's first minute.
func (w *World) slow(rate, seconds float64, seed uint64) float64 {
	boot := w.Boot(rand.New(rand.NewPCG(seed, 3)))
	boot.Load(rate, 60, func(Answer) {})
	var slow, all float64
	boot.Load(rate, seconds, func(a Answer) {
		all++
		if a.Took > w.Limit {
			slow++
		}
	})
	return slow / max(1, all)
}

// Capacity is the highest rate at which the goal is met for ever, by simulation: a bisection, and then a line
// through the logarithms of the shares around it. M/M/c is known in closed form: see Erlang.
func (w *World) Capacity(seconds float64) float64 {
	low, high := 0.02*w.Bound(), 0.9999*w.Bound()
	for range 12 {
		if middle := math.Sqrt(low * high); w.slow(middle, seconds/4, 1) <= w.Share {
			low = middle
		} else {
			high = middle
		}
	}
	rate := math.Sqrt(low * high)
	var n, sx, sy, sxx, sxy float64
	for i, f := range []float64{0.97, 0.98, 0.99, 1, 1.01, 1.02, 1.03} {
		at, share := f*rate, 0.0
		if at < 0.9999*w.Bound() {
			share = w.slow(at, seconds, uint64(i+2))
		}
		if share > 0 {
			x, y := math.Log(f), math.Log(share)
			n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
		}
	}
	b := (n*sxy - sx*sy) / (n*sxx - sx*sx)
	a := (sy - b*sx) / n
	return rate * math.Exp((math.Log(w.Share)-a)/b)
}

// Erlang is the capacity of M/M/c, in closed form (Gross and Harris, Fundamentals of Queueing Theory, section 2.3).
func (w *World) Erlang() float64 {
	low, high := 0.0, w.Bound()
	for range 60 {
		if middle := (low + high) / 2; w.erlangSlow(middle) <= w.Share {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// erlangSlow is P(response > limit) of M/M/c.
func (w *World) erlangSlow(rate float64) float64 {
	mu := 1 / w.Mean
	a, c := rate/mu, float64(w.Workers)
	b := 1.0
	for k := 1; k <= w.Workers; k++ {
		b = a * b / (float64(k) + a*b)
	}
	wait := b / (1 - a/c*(1-b))
	spare := c*mu - rate
	if math.Abs(spare-mu) < 1e-9*mu {
		return math.Exp(-mu*w.Limit) * (1 + wait*mu*w.Limit)
	}
	return math.Exp(-mu*w.Limit) + wait*mu/(spare-mu)*(math.Exp(-mu*w.Limit)-math.Exp(-spare*w.Limit))
}
