package results

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Sum adds up intervals of several recordings of one load, or of the same one bit by bit. Their order does
// not matter, and nothing is rounded: every bucket of a histogram is the sum of the same buckets. Intervals
// of different lengths, of which each is a multiple of the shorter ones, are added up in the longest. The
// zero value is an empty sum.
type Sum struct {
	length time.Duration
	at     map[time.Duration]*Interval // by start
}

// Add adds intervals, which it neither changes nor keeps.
func (s *Sum) Add(intervals []Interval) {
	for _, iv := range intervals {
		if iv.Length > s.length {
			s.lengthen(iv.Length)
		}
		s.add(iv)
	}
}

func (s *Sum) lengthen(length time.Duration) {
	old := s.Intervals()
	s.length, s.at = length, map[time.Duration]*Interval{}
	for _, iv := range old {
		s.add(iv)
	}
}

func (s *Sum) add(iv Interval) {
	start := iv.Start.Truncate(s.length)
	sum := s.at[start]
	if sum == nil {
		sum = &Interval{Start: start, Length: s.length, Hists: map[Series]*Packed{}}
		s.at[start] = sum
	}
	sum.Counts = sum.Counts.Plus(iv.Counts)
	for series, h := range iv.Hists {
		if sum.Hists[series] == nil {
			sum.Hists[series] = hdr.NewPacked(LowestMicros, HighestMicros, SignificantDigits)
		}
		sum.Hists[series].Merge(h)
		sum.Hists[series].Compact()
	}
}

// Intervals are those of the sum, in time order.
func (s *Sum) Intervals() (all []Interval) {
	for _, start := range slices.Sorted(maps.Keys(s.at)) {
		all = append(all, *s.at[start])
	}
	return all
}

// Merge is the sum of several recordings.
func Merge(recordings ...[]Interval) []Interval {
	var sum Sum
	for _, intervals := range recordings {
		sum.Add(intervals)
	}
	return sum.Intervals()
}

// intervalRecord is an interval as it travels between machines.
type intervalRecord struct {
	Start  time.Duration     `json:"start_ns"`
	Length time.Duration     `json:"length_ns"`
	Counts Counts            `json:"counts"`
	Hists  []histogramRecord `json:"histograms"`
}

// histogramRecord is a histogram in the V2 compressed form of HdrHistogram, in base64.
type histogramRecord struct {
	Kind   Kind   `json:"kind"`
	Target string `json:"target,omitempty"`
	Data   string `json:"data"`
}

// MarshalJSON writes an interval with its histograms, every bucket as it is.
func (iv Interval) MarshalJSON() ([]byte, error) {
	r := intervalRecord{Start: iv.Start, Length: iv.Length, Counts: iv.Counts, Hists: []histogramRecord{}}
	byTag := func(a, b Series) int { return strings.Compare(a.tag(), b.tag()) }
	for _, series := range slices.SortedFunc(maps.Keys(iv.Hists), byTag) {
		data, err := iv.Hists[series].Encode()
		if err != nil {
			return nil, fmt.Errorf("histogram %s: %w", series.tag(), err)
		}
		r.Hists = append(r.Hists, histogramRecord{series.Kind, series.Target, string(data)})
	}
	return json.Marshal(r)
}

// longestInterval bounds what an interval from elsewhere may claim to be.
const longestInterval = 1 << 10 * time.Hour

// UnmarshalJSON reads what MarshalJSON writes, and refuses what cannot be an interval.
func (iv *Interval) UnmarshalJSON(data []byte) error {
	var r intervalRecord
	if err := json.Unmarshal(data, &r); err != nil {
		return err
	}
	if r.Length <= 0 || r.Length > longestInterval || r.Start < 0 || r.Start > longestInterval || r.Start%r.Length != 0 {
		return fmt.Errorf("interval of %v from %v: want one that starts at a multiple of its length", r.Length, r.Start)
	}
	if err := r.Counts.Check(); err != nil {
		return fmt.Errorf("interval from %v: %w", r.Start, err)
	}
	*iv = Interval{Start: r.Start, Length: r.Length, Counts: r.Counts, Hists: map[Series]*Packed{}}
	for _, h := range r.Hists {
		series := Series{h.Kind, h.Target}
		if !slices.Contains(Kinds, h.Kind) || iv.Hists[series] != nil {
			return fmt.Errorf("interval from %v: unknown or second histogram %s", r.Start, series.tag())
		}
		packed, err := decodeHistogram([]byte(h.Data))
		if err != nil {
			return fmt.Errorf("interval from %v: %w", r.Start, err)
		}
		iv.Hists[series] = packed
	}
	return nil
}
