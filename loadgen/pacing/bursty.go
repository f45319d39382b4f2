package pacing

import (
	"fmt"
	"math"
	"time"
)

// Bursty alternates between on and off: PerSecond while on, nothing while off. With Poisson
// arrivals it is an interrupted Poisson process with fixed periods.
type Bursty struct {
	PerSecond float64
	On, Off   time.Duration
}

func parseBursty(text *Text) Pacer {
	return Bursty{PerSecond: text.Rate(), On: text.Word("on").Time(), Off: text.Word("off").Time()}
}

// At is part of Curve.
func (p Bursty) At(x float64) time.Duration {
	on := x / p.PerSecond // time spent on
	period := math.Floor(on / p.On.Seconds())
	return seconds(on + period*p.Off.Seconds())
}

// Due is part of Pacer.
func (p Bursty) Due(n uint64) time.Duration { return p.At(float64(n)) }

// Rate is part of Pacer.
func (p Bursty) Rate(at time.Duration) float64 {
	if at%(p.On+p.Off) < p.On {
		return p.PerSecond
	}
	return 0
}

func (p Bursty) String() string {
	return fmt.Sprintf("bursty %s on %v off %v", rateText(p.PerSecond), p.On, p.Off)
}
