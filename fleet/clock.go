package fleet

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

// Clock is a monotonic clock: a time since an unknown instant of the machine's own, which no one sets. Wall
// clocks have no part in a load, because they are set, and differ.
type Clock func() time.Duration

// Monotonic is this machine's.
func Monotonic() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// at is the instant at which the clock shows a time.
func (c Clock) at(shown time.Duration) time.Time { return time.Now().Add(shown - c()) }

// shown is the time that the clock shows at an instant.
func (c Clock) shown(at time.Time) time.Duration { return c() + time.Until(at) }

// Offset is how far another clock is ahead of one's own, and how far that may be wrong: whatever share of
// the round trip each way took, it was not less than nothing and not more than all of it.
type Offset struct {
	Ahead time.Duration
	Bound time.Duration
	At    time.Duration // when it was measured, on one's own clock
}

// probe is one exchange: sent and back on one's own clock, came and left on the other.
type probe struct{ sent, came, left, back time.Duration }

func (p probe) roundTrip() time.Duration { return (p.back - p.sent) - (p.left - p.came) }

func (p probe) offset() Offset {
	return Offset{Ahead: ((p.came - p.sent) + (p.left - p.back)) / 2, Bound: p.roundTrip() / 2, At: p.back}
}

// probes is how often a clock is asked. Delays only add to a round trip, so the shortest one is the best.
const probes = 30

// compare asks another clock, and returns the offset by the shortest round trip and the longest one.
func compare(ctx context.Context, own Clock, ask func(context.Context) (came, left time.Duration, err error)) (
	best Offset, worst time.Duration, err error) {
	for i := range probes {
		p := probe{sent: own()}
		if p.came, p.left, err = ask(ctx); err != nil {
			return best, worst, err
		}
		p.back = own()
		if o := p.offset(); i == 0 || o.Bound < best.Bound {
			best = o
		}
		worst = max(worst, p.roundTrip())
	}
	return best, worst, nil
}
