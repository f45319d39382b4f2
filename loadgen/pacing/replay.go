package pacing

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Replay repeats recorded arrival times, Speed times as fast.
type Replay struct {
	Times []time.Duration // since the first, in order
	Speed float64
}

// Due is never, for requests beyond the recorded ones.
func (p Replay) Due(n uint64) time.Duration {
	if n >= uint64(len(p.Times)) {
		return math.MaxInt64
	}
	return time.Duration(float64(p.Times[n]) / p.Speed)
}

// Rate is the mean rate over the second around the given time.
func (p Replay) Rate(at time.Duration) float64 {
	first, _ := slices.BinarySearch(p.Times, time.Duration(float64(at-time.Second/2)*p.Speed))
	last, _ := slices.BinarySearch(p.Times, time.Duration(float64(at+time.Second/2)*p.Speed))
	return float64(last - first)
}

// Length is part of Bounded: the last request is part of it.
func (p Replay) Length() time.Duration {
	if len(p.Times) == 0 {
		return 0
	}
	return time.Duration(float64(p.Times[len(p.Times)-1])/p.Speed) + time.Millisecond
}

// String describes the replay. It does not contain the times, so Parse does not read it, and
// Replay is not among the Kinds; a plan written as JSON contains the times separately.
func (p Replay) String() string {
	return fmt.Sprintf("replay of %d arrivals at %g times their speed", len(p.Times), p.Speed)
}
