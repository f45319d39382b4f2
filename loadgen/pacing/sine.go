package pacing

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Sine oscillates around a mean, starting there and rising:
//
//	Rate(t) = Mean + Amplitude·sin(2πt/Period)
//	Λ(t)    = Mean·t + Amplitude·Period/(2π)·(1 − cos(2πt/Period))
type Sine struct {
	Mean, Amplitude float64 // requests per second; Amplitude below Mean
	Period          time.Duration
}

func parseSine(text *Text) Pacer {
	p := Sine{Mean: text.Rate(), Amplitude: text.Rate(), Period: text.Word("per").Time()}
	if p.Amplitude >= p.Mean {
		text.Fail(errors.New("the amplitude must be below the mean, or the rate would reach zero"))
	}
	return p
}

func (p Sine) total(t float64) float64 {
	period := p.Period.Seconds()
	return p.Mean*t + p.Amplitude*period/(2*math.Pi)*(1-math.Cos(2*math.Pi*t/period))
}

// At is part of Curve.
func (p Sine) At(x float64) time.Duration {
	// Λ is increasing, between Mean·t and Mean·t + Amplitude·Period/π.
	low := max(0, (x-p.Amplitude*p.Period.Seconds()/math.Pi)/p.Mean)
	high := x / p.Mean
	for range 64 {
		mid := (low + high) / 2
		if p.total(mid) < x {
			low = mid
		} else {
			high = mid
		}
	}
	return seconds(high)
}

// Due is part of Pacer.
func (p Sine) Due(n uint64) time.Duration { return p.At(float64(n)) }

// Rate is part of Pacer.
func (p Sine) Rate(at time.Duration) float64 {
	return p.Mean + p.Amplitude*math.Sin(2*math.Pi*float64(at)/float64(p.Period))
}

func (p Sine) String() string {
	return fmt.Sprintf("sine %s %s per %v", rateText(p.Mean), rateText(p.Amplitude), p.Period)
}
