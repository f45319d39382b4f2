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
	number := s.interval / r.length
	iv := r.intervals[number]
	if iv == nil {
		iv = r.interval(number)
		r.intervals[number] = iv
	}
	iv.Counts = iv.Counts.Plus(s.ended.counts())
	iv.Counts.StaleRetry += s.stale
	for k, byName := range s.hists {
		for i, h := range byName {
			mergeInto(iv, results.Series{Kind: recordedKinds[k], Target: r.names[i]}, h)
		}
	}
	mergeInto(iv, results.Series{Kind: results.Connect}, s.connect)
	mergeInto(iv, results.Series{Kind: results.Wakeup}, s.wakeup)
	s.ended, s.stale, s.used = byClass{}, 0, false
}

func (r *Recorder) interval(number int) *results.Interval {
	length := time.Duration(r.length) * IntervalLength
	return &results.Interval{
		Start: time.Duration(number) * length, Length: length, Hists: map[results.Series]*results.Packed{},
	}
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
	old := r.intervals
	r.intervals = map[int]*results.Interval{}
	for _, number := range slices.Sorted(maps.Keys(old)) {
		from := old[number]
		iv := r.intervals[number/2]
		if iv == nil {
			iv = r.interval(number / 2)
			r.intervals[number/2] = iv
		}
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
	h.Reset()
}
