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
	l.counts, l.recent, l.known = results.Counts{}, results.NewHistogram(), 0
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

// behind is how much later than the workers' seconds end their progress is shown: what they recorded has come by then.
const behind = 250 * time.Millisecond

// follow calls second for every second from the workers' start on, until the function that it returns is called.
func (l *live) follow(start time.Time, second func(loadgen.Live)) (stop func()) {
	if second == nil {
		return func() {}
	}
	done := make(chan struct{})
	var following sync.WaitGroup
	following.Go(func() {
		began := start.Add(behind)
		l.since(began)
		for next := began; ; {
			next = next.Add(loadgen.IntervalLength)
			select {
			case <-done:
				return
			case <-time.After(time.Until(next)):
				second(l.state(time.Since(began)))
			}
		}
	})
	return func() { close(done); following.Wait() }
}

// since makes a time the one from which the first rate is counted.
func (l *live) since(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.read = t
}
