package loadgen

import (
	"sync"
	"time"

	"bench/results"
)

// follow calls second every second with what has been recorded, and delta with what is new of it, until
// the function that it returns is called.
func (r *Recorder) follow(second func(Live), delta func([]results.Interval)) (stop func()) {
	if second == nil && delta == nil {
		return func() {}
	}
	if delta != nil {
		r.takeDelta() // from here on it is kept
	}
	done := make(chan struct{})
	var following sync.WaitGroup
	following.Go(func() {
		tick := time.NewTicker(IntervalLength)
		defer tick.Stop()
		for began := time.Now(); ; {
			select {
			case <-done:
				return
			case <-tick.C:
				if delta != nil {
					delta(r.takeDelta())
				}
				if second != nil {
					live := r.live()
					live.Elapsed = time.Since(began)
					second(live)
				}
			}
		}
	})
	return func() { close(done); following.Wait() }
}

func (r *Recorder) live() (l Live) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := -1
	for i, iv := range r.intervals {
		l.Counts = l.Counts.Plus(iv.Counts)
		last = max(last, i)
	}
	if last >= 0 {
		l.Rate = float64(r.intervals[last].Counts.OK) / IntervalLength.Seconds()
		response := results.Total([]results.Interval{*r.intervals[last]}, results.Response)
		p := results.Percentiles(response, 50, 99)
		l.P50, l.P99 = time.Duration(p[0])*time.Microsecond, time.Duration(p[1])*time.Microsecond
	}
	return l
}
