package pacing

import (
	"fmt"
	"math"
	"time"
)

// Spike is a base rate with one spike: Peak from From on, for For.
type Spike struct {
	Base, Peak float64       // requests per second
	From       time.Duration // when the spike starts
	For        time.Duration
}

func parseSpike(text *Text) Pacer {
	return Spike{Base: text.Rate(), Peak: text.Rate(), From: text.Word("at").Time(), For: text.Word("for").Time()}
}

// At is part of Curve.
func (p Spike) At(x float64) time.Duration {
	steps := [3]Step{{p.Base, p.From}, {p.Peak, p.For}, {p.Base, math.MaxInt64}}
	return Steps(steps[:]).At(x)
}

// Due is part of Pacer.
func (p Spike) Due(n uint64) time.Duration { return p.At(float64(n)) }

// Rate is part of Pacer.
func (p Spike) Rate(at time.Duration) float64 {
	if at >= p.From && at < p.From+p.For {
		return p.Peak
	}
	return p.Base
}

// Length is part of Bounded: until the spike is over, and as long again.
func (p Spike) Length() time.Duration { return p.From + 2*p.For }

func (p Spike) String() string {
	return fmt.Sprintf("spike %s %s at %v for %v", rateText(p.Base), rateText(p.Peak), p.From, p.For)
}
