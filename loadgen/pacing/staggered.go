package pacing

import (
	"errors"
	"fmt"
	"time"
)

// Staggered puts one of two loads that run the same plan at once behind the other, in turns:
// for sixteen requests the first one's come first and the second's a little later, for the next
// sixteen the other way about.
//
// Who comes second finds the caches warm and the cores taken: on real Django, with one load
// behind throughout, that was 1 to 3 % less CPU time for it and 10 % more slow answers, which
// a coin turns from an error into noise. Turns take it out of the pair.
type Staggered struct {
	Of     Pacer // of both
	By     time.Duration
	Second bool // this is the load that begins behind
}

func parseStaggered(text *Text) Pacer {
	p := Staggered{By: text.between(1, time.Hour), Second: !text.Either("first", "second"), Of: text.Pacer()}
	if _, twice := p.Of.(Staggered); twice {
		text.Fail(errors.New("staggered of staggered"))
	}
	return p
}

// staggerTurn is short beside a cell and long beside the requests under way at once.
const staggerTurn = 16

// Due never decreases: a turn in front begins only when the turn before it, which was behind,
// is over.
func (p Staggered) Due(n uint64) time.Duration { return p.shift(p.Of.Due, n) }

// shift is when request n is due, by when the other pacer's are.
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

// WithSeed is part of Random: the other pacer may be.
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
