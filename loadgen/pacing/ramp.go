package pacing

import (
	"fmt"
	"math"
	"time"
)

// Ramp goes linearly from one rate to another and stays there:
//
//	Λ(t) = From·t + (To−From)·t²/(2·Over)    for t ≤ Over
type Ramp struct {
	From, To float64 // requests per second
	Over     time.Duration
}

func parseRamp(text *Text) Pacer {
	return Ramp{From: text.Rate(), To: text.Rate(), Over: text.Word("over").Time()}
}

// At is part of Curve.
func (p Ramp) At(x float64) time.Duration {
	over := p.Over.Seconds()
	ramped := (p.From + p.To) / 2 * over // Λ(Over)
	if x >= ramped {
		return seconds(over + (x-ramped)/p.To)
	}
	if x == 0 {
		return 0 // a ramp from zero is 0 ÷ 0 here
	}
	slope := (p.To - p.From) / over
	// The root of slope/2·t² + From·t − x in the form that does not cancel.
	return seconds(2 * x / (p.From + math.Sqrt(max(0, p.From*p.From+2*slope*x))))
}

// Due is part of Pacer.
func (p Ramp) Due(n uint64) time.Duration { return p.At(float64(n)) }

// Rate is part of Pacer.
func (p Ramp) Rate(at time.Duration) float64 {
	if at >= p.Over {
		return p.To
	}
	return p.From + (p.To-p.From)*float64(at)/float64(p.Over)
}

// Length is part of Bounded.
func (p Ramp) Length() time.Duration { return p.Over }

func (p Ramp) String() string {
	return fmt.Sprintf("ramp %s %s over %v", rateText(p.From), rateText(p.To), p.Over)
}
