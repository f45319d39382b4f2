package pacing

import (
	"errors"
	"fmt"
	"time"
)

// Staggered delays one of two loads that run the same plan at once, in turns: for sixteen
// requests the first load's come first and the second's a little later, for the next sixteen
// the other way round.
//
// Whichever comes second finds the caches warm and the cores busy: on real Django, with one load
// always behind, it used 1 to 3 % less CPU time and had 10 % more slow responses. A random
// choice turns that error into noise; turns remove it from the pair.
type Staggered struct {
	Of     Pacer // of both
	By     time.Duration
	Second bool // this is the load that starts behind
}

func parseStaggered(text *Text) Pacer {
	p := Staggered{By: text.between(1, time.Hour), Second: !text.Either("first", "second"), Of: text.Pacer()}
	if _, twice := p.Of.(Staggered); twice {
		text.Fail(errors.New("staggered of staggered"))
	}
	return p
}

// staggerTurn is short compared with a cell and long compared with the requests under way.
const staggerTurn = 16

// Due never decreases: a turn in front starts only when the turn before it, which was behind,
// is over.
func (p Staggered) Due(n uint64) time.Duration { return p.shift(p.Of.Due, n) }

// shift is when request n is due, given the due times of the other pacer.
func (p Staggered) shift(due func(uint64) time.Duration, n uint64) time.Duration {
	turn := n / staggerTurn
	if behind := (turn%2 == 0) == p.Second; behind {
		return due(n) + p.By
	}
	if turn == 0 {
		return due(n)
	}
	over := due(turn*staggerTurn-1) + p.By
	return max(due(n), over)
}

// Reader is part of Ordered.
func (p Staggered) Reader() func(n uint64) time.Duration {
	due := reader(p.Of)
	return func(n uint64) time.Duration { return p.shift(due, n) }
}

// Rate is part of Pacer.
func (p Staggered) Rate(at time.Duration) float64 { return p.Of.Rate(at) }

// Length is part of Bounded.
func (p Staggered) Length() time.Duration {
	if length := Length(p.Of); length > 0 {
		return length + p.By
	}
	return 0
}

// WithSeed is part of Random: the other pacer may be random.
func (p Staggered) WithSeed(seed uint64) Pacer {
	p.Of = WithSeed(p.Of, seed)
	return p
}

func (p Staggered) String() string {
	which := "first"
	if p.Second {
		which = "second"
	}
	return fmt.Sprintf("staggered %v %s %s", p.By, which, p.Of)
}
