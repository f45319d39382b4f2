package fleet

import (
	"sync"
	"time"

	"bench/loadgen"
	"bench/results"
)

// live is the progress of all workers together.
type live struct {
	mu  sync.Mutex
	sum results.Sum
}

func (l *live) add(intervals []results.Interval) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sum.Add(intervals)
}

func (l *live) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sum = results.Sum{}
}

func (l *live) read(elapsed time.Duration) loadgen.Live {
	l.mu.Lock()
	defer l.mu.Unlock()
	intervals := l.sum.Intervals()
	state := loadgen.Live{Elapsed: elapsed, Counts: results.TotalCounts(intervals)}
	if n := len(intervals); n > 0 {
		p := results.Percentiles(results.Total(intervals[n-1:], results.Response), 50, 99)
		state.P50, state.P99 = time.Duration(p[0])*time.Microsecond, time.Duration(p[1])*time.Microsecond
	}
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
				second(l.read(time.Since(began)))
			}
		}
	})
	return func() { close(done); following.Wait() }
}
