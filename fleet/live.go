package fleet

import (
	"sync"
	"time"

	"bench/loadgen"
	"bench/results"
)

// live is the progress of all workers together: what has come, and the response times of what came last.
type live struct {
	mu     sync.Mutex
	counts results.Counts
	recent *results.Histogram
	known  uint64    // successful responses when it was read last
	read   time.Time // when that was
}

func (l *live) add(intervals []results.Interval) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, iv := range intervals {
		l.counts = l.counts.Plus(iv.Counts)
		for series, h := range iv.Hists {
			if series.Kind == results.Response {
				h.MergeInto(l.recent)
			}
		}
	}
}

func (l *live) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts, l.recent, l.known, l.read = results.Counts{}, results.NewHistogram(), 0, time.Now()
}

// state is the progress so far, with what has come since it was asked for last.
func (l *live) state(elapsed time.Duration) loadgen.Live {
	l.mu.Lock()
	defer l.mu.Unlock()
	state, now := loadgen.Live{Elapsed: elapsed, Counts: l.counts}, time.Now()
	if passed := now.Sub(l.read).Seconds(); passed > 0 {
		state.Rate = float64(l.counts.OK-l.known) / passed
	}
	p := results.Percentiles(l.recent, 50, 99)
	state.P50, state.P99 = micros(p[0]), micros(p[1])
	l.known, l.read = l.counts.OK, now
	l.recent.Reset()
	return state
}

// follow calls second every second until the function that it returns is called.
func (l *live) follow(second func(loadgen.Live)) (stop func()) {
	if second == nil {
		return func() {}
	}
	done := make(chan struct{})
	var following sync.WaitGroup
	following.Go(func() {
		tick := time.NewTicker(loadgen.IntervalLength)
		defer tick.Stop()
		for began := time.Now(); ; {
			select {
			case <-done:
				return
			case <-tick.C:
				second(l.state(time.Since(began)))
			}
		}
	})
	return func() { close(done); following.Wait() }
}
