package pacing

import (
	"math"
	"time"
)

// Pacer says when requests are due. Due is a pure function, so no dispatcher is needed: an
// engine with k shards gives shard w the requests w, w+k, w+2k, …
//
// That is all that a load needs. What else there is to know about a pacer, it offers through
// further methods, each an interface of its own: [Curve], [Bounded], [Random], [Ordered].
type Pacer interface {
	// Due is the time of request n since the start of the plan. It never decreases in n.
	Due(n uint64) time.Duration
	// Rate is the intended rate at a time since the start, in requests per second.
	Rate(at time.Duration) float64
	// String describes the pacer so that Parse reads the same one back.
	String() string
}

// Curve is a deterministic pacer: At inverts its cumulative rate Λ(t) = ∫ Rate, so that
// request n of a steady stream is due at Λ⁻¹(n), and a Poisson stream's at Λ⁻¹ of the
// arrival times of a unit-rate process (Çinlar 1975, time change of a Poisson process).
type Curve interface {
	Pacer
	// At is the time by which x requests are due; x need not be whole. Due(n) is At(n).
	At(x float64) time.Duration
}

// Bounded is a pacer with an end.
type Bounded interface {
	Pacer
	// Length is how long the pacer takes to go through everything it describes, and a little
	// more if it holds a rate for ever after; 0 if it has no end after all.
	Length() time.Duration
}

// Length is the length of a pacer that is Bounded; 0 for one without an end.
func Length(p Pacer) time.Duration {
	if b, ends := p.(Bounded); ends {
		return b.Length()
	}
	return 0
}

// Random is a pacer whose arrivals are drawn from a seed.
type Random interface {
	Pacer
	// WithSeed is the same pacer with arrivals drawn from another seed.
	WithSeed(seed uint64) Pacer
}

// WithSeed returns the pacer with its arrivals drawn from the seed, or the same pacer if it
// draws nothing, as most.
func WithSeed(p Pacer, seed uint64) Pacer {
	if r, draws := p.(Random); draws {
		return r.WithSeed(seed)
	}
	return p
}

// Ordered is a pacer whose due times are cheaper to read in order than individually.
type Ordered interface {
	Pacer
	// Reader returns a function that returns what Due does, for one goroutine, and keeps what
	// it needs for the next requests.
	Reader() func(n uint64) time.Duration
}

// Schedule reads a pacer's due times in increasing order of n: it draws no random block more
// than once, and allocates nothing. It is not safe for concurrent use: each shard has its own.
type Schedule struct{ due func(n uint64) time.Duration }

// NewSchedule returns a reader of the pacer's schedule.
func NewSchedule(p Pacer) *Schedule { return &Schedule{reader(p)} }

// Due is the pacer's Due(n).
func (s *Schedule) Due(n uint64) time.Duration { return s.due(n) }

func reader(p Pacer) func(uint64) time.Duration {
	if o, is := p.(Ordered); is {
		return o.Reader()
	}
	return p.Due
}

// Count is the number of requests due before the given time.
func Count(p Pacer, before time.Duration) uint64 {
	if before <= 0 {
		return 0
	}
	high := uint64(1)
	for p.Due(high) < before {
		high *= 2
	}
	low := uint64(0)
	for low < high { // the first n that is not due before
		mid := low + (high-low)/2
		if p.Due(mid) < before {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

func seconds(s float64) time.Duration {
	if s >= math.MaxInt64/1e9 {
		return math.MaxInt64
	}
	return time.Duration(math.Round(s * 1e9))
}
