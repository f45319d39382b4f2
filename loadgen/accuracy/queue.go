package accuracy

import (
	"math"
	"time"

	"bench/loadgen/pacing"
)

// meanResponse is the mean response time of the first n arrivals of a pacer at
// first-come-first-served workers: Lindley's recursion, for several workers Kiefer and
// Wolfowitz's. It is exact for these arrivals and these service times, however few.
func meanResponse(p pacing.Pacer, service func(uint64) time.Duration, workers int, n uint64) time.Duration {
	schedule := pacing.NewSchedule(p)
	free := make([]time.Duration, workers)
	var sum float64
	for i := range n {
		first := 0
		for w := range free {
			if free[w] < free[first] {
				first = w
			}
		}
		due := schedule.Due(i)
		free[first] = max(free[first], due) + service(i)
		sum += float64(free[first] - due)
	}
	return time.Duration(sum / float64(n))
}

// theory is the mean response time in the long run: Pollaczek and Khinchine's formula for
// one worker (M/D/1, M/M/1), Erlang's C formula for several (M/M/c).
func theory(law string, rate float64, mean time.Duration, workers int) time.Duration {
	s := mean.Seconds()
	rho := rate * s / float64(workers)
	var wait float64
	switch {
	case law == "constant": // one worker
		wait = rho * s / (2 * (1 - rho))
	default:
		wait = erlangC(workers, rate*s) * s / (float64(workers) * (1 - rho))
	}
	return time.Duration((s + wait) * float64(time.Second))
}

// erlangC is the probability that an arrival has to wait, with an offered load of a workers.
func erlangC(workers int, a float64) float64 {
	// By the recursion for Erlang's B, which does not overflow.
	b := 1.0
	for k := 1; k <= workers; k++ {
		b = a * b / (float64(k) + a*b)
	}
	rho := a / float64(workers)
	return b / (1 - rho*(1-b))
}

func relative(got, want float64) float64 { return math.Abs(got-want) / math.Abs(want) }
