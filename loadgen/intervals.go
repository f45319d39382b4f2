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
	if len(r.intervals) >= maxIntervals {
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

// maxIntervals limits the memory of a long run: beyond it, intervals become twice as long.
const maxIntervals = 120

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
	}
	h.Reset()
}
