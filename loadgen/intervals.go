package loadgen

import (
	"maps"
	"slices"
	"time"

	"bench/results"
)

// IntervalLength is the length of an interval of the record.
const IntervalLength = time.Second

// merge adds filled sets to the intervals and returns them empty.
func (r *Recorder) merge() {
	defer close(r.drained)
	for s := range r.full {
		r.add(s)
		r.free <- s
	}
}

func (r *Recorder) add(s *set) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.intervals) >= maxIntervals || len(r.intervals) >= fewIntervals && r.overBudget() {
		r.coarsen()
	}
	r.addTo(r.intervals, s)
	if r.delta != nil {
		r.addTo(r.delta, s)
	}
	s.clear()
}

// addTo adds a set to the interval that it belongs to.
func (r *Recorder) addTo(intervals map[int]*results.Interval, s *set) {
	iv := r.interval(intervals, s.interval/r.length)
	iv.Counts = iv.Counts.Plus(s.ended.counts())
	iv.Counts.StaleRetry += s.stale
	for k, byName := range s.hists {
		for i, h := range byName {
			mergeInto(iv, results.Series{Kind: recordedKinds[k], Target: r.names[i]}, h)
		}
	}
	for k, h := range s.overall {
		mergeInto(iv, results.Series{Kind: overallKinds[k]}, h)
	}
}

// clear empties a set that has been added.
func (s *set) clear() {
	for _, list := range append(s.hists[:], s.overall[:]) {
		for _, h := range list {
			if h != nil && h.TotalCount() > 0 {
				h.Reset()
			}
		}
	}
	s.ended, s.stale, s.used = byClass{}, 0, false
}

// interval is the interval of a number; a new one if there is none yet.
func (r *Recorder) interval(of map[int]*results.Interval, number int) *results.Interval {
	if of[number] == nil {
		length := time.Duration(r.length) * IntervalLength
		of[number] = &results.Interval{
			Start: time.Duration(number) * length, Length: length, Hists: map[results.Series]*results.Packed{},
		}
	}
	return of[number]
}

// takeDelta returns what was added since the last call, in time order, and keeps it no longer.
func (r *Recorder) takeDelta() (delta []results.Interval) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, number := range slices.Sorted(maps.Keys(r.delta)) {
		delta = append(delta, *r.delta[number])
	}
	r.delta = map[int]*results.Interval{}
	return delta
}

// How much of a long run is kept: after its first minute, the memory of its intervals grows no more. A
// longer interval has more different values, so that in the end there are fewer than maxIntervals.
const (
	maxIntervals = 120
	fewIntervals = 12 // are kept in any case
	firstMinute  = 60
	leastBudget  = 128 << 10 // bytes that are not worth saving
)

// overBudget reports whether the intervals take more memory than those of the run's first minute did.
func (r *Recorder) overBudget() bool {
	if r.length == 1 && len(r.intervals) <= firstMinute {
		return false
	}
	var size int
	for _, iv := range r.intervals {
		for _, h := range iv.Hists {
			size += h.GetMemorySize()
		}
	}
	if r.budget == 0 {
		r.budget = max(size, leastBudget)
	}
	return size > r.budget
}

// coarsen merges every two intervals into one.
func (r *Recorder) coarsen() {
	r.length *= 2
	r.intervals = r.halved(r.intervals)
	if r.delta != nil {
		r.delta = r.halved(r.delta)
	}
}

// halved are intervals of half the length that they have now, two merged into each.
func (r *Recorder) halved(old map[int]*results.Interval) map[int]*results.Interval {
	intervals := map[int]*results.Interval{}
	for _, number := range slices.Sorted(maps.Keys(old)) {
		from := old[number]
		iv := r.interval(intervals, number/2)
		iv.Counts = iv.Counts.Plus(from.Counts)
		for series, h := range from.Hists {
			if iv.Hists[series] == nil {
				iv.Hists[series] = h
				continue
			}
			iv.Hists[series].Merge(h)
			iv.Hists[series].Compact()
		}
	}
	return intervals
}

func mergeInto(iv *results.Interval, series results.Series, h *results.Histogram) {
	if h == nil || h.TotalCount() == 0 {
		return
	}
	if packed := iv.Hists[series]; packed == nil {
		iv.Hists[series] = results.Pack(h)
	} else {
		packed.MergeFrom(h)
		packed.Compact()
	}
}
