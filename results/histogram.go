package results

import (
	"fmt"
	"time"

	"bench/stats"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// The project's only histogram geometry: microseconds from 1 µs to 1 h at three
// significant digits. Histograms of one geometry merge without loss, and the relative
// error of any quantile is below 0.1 %.
const (
	LowestMicros      = 1
	HighestMicros     = int64(time.Hour / time.Microsecond)
	SignificantDigits = 3
)

// Histogram counts durations in microseconds.
type Histogram = hdr.Histogram

// Packed is a histogram that uses memory only for the values that occurred: a dense one takes
// 188 KB, and a run keeps thousands of them. It is for storing and merging; values are
// recorded in dense ones.
type Packed = hdr.PackedHistogram

// Pack returns the histogram in packed form.
func Pack(h *Histogram) *Packed {
	p := hdr.NewPacked(LowestMicros, HighestMicros, SignificantDigits)
	p.MergeFrom(h)
	p.Compact()
	return p
}

// NewHistogram returns an empty histogram of the project's geometry.
func NewHistogram() *Histogram { return hdr.New(LowestMicros, HighestMicros, SignificantDigits) }

// Micros converts a duration to the unit of the histograms, rounding to the nearest, and
// reports whether the value had to be clamped into the range they cover.
func Micros(d time.Duration) (us int64, clamped bool) {
	us = int64((d + 500*time.Nanosecond) / time.Microsecond)
	switch {
	case us < 0:
		return 0, true
	case us > HighestMicros:
		return HighestMicros, true
	}
	return us, false
}

// Summary is the figures of a histogram that JSON output and reports show, in microseconds.
type Summary struct {
	Count int64   `json:"count"`
	Min   int64   `json:"min"`
	Mean  float64 `json:"mean"`
	P50   int64   `json:"p50"`
	P75   int64   `json:"p75"`
	P90   int64   `json:"p90"`
	P95   int64   `json:"p95"`
	P99   int64   `json:"p99"`
	P999  int64   `json:"p99_9"`
	P9999 int64   `json:"p99_99"`
	Max   int64   `json:"max"`
}

// Summarize returns the summary of a histogram; zeros if it is empty.
func Summarize(h *Histogram) Summary {
	if h == nil || h.TotalCount() == 0 {
		return Summary{}
	}
	q := Percentiles(h, 50, 75, 90, 95, 99, 99.9, 99.99)
	return Summary{
		Count: h.TotalCount(), Min: h.Min(), Mean: h.Mean(), Max: h.Max(),
		P50: q[0], P75: q[1], P90: q[2], P95: q[3], P99: q[4], P999: q[5], P9999: q[6],
	}
}

// Percentile is the value of a percentile by nearest rank (stats.Rank), as the largest value that
// the histogram cannot tell from it; 0 if the histogram is empty. All percentiles of the project come
// from here or from stats.Rank: the library's own functions round p·n to the nearest integer,
// so that among 60 requests p99 would leave out the slowest.
func Percentile(h *Histogram, percent float64) int64 { return Percentiles(h, percent)[0] }

// Percentiles are the values of several percentiles, in ascending order, of one histogram.
func Percentiles(h *Histogram, percents ...float64) []int64 {
	ranks := make([]int64, len(percents))
	for i, percent := range percents {
		ranks[i] = stats.Rank(percent, h.TotalCount())
	}
	return atRanks(h, ranks)
}

// atRanks are the values of some ranks, in ascending order.
func atRanks(h *Histogram, ranks []int64) []int64 {
	values, next := make([]int64, len(ranks)), 0
	var seen int64
	for _, bar := range h.Distribution() {
		seen += bar.Count
		for next < len(ranks) && seen >= ranks[next] {
			values[next] = bar.To
			next++
		}
	}
	return values
}

// decodeHistogram reads a base64 V2 compressed histogram of the geometry that all of bench have.
func decodeHistogram(encoded []byte) (*Packed, error) {
	err := CheckHistogram(encoded, func(h HistogramHeader) (int64, error) {
		if h.Lowest != LowestMicros || h.Highest != HighestMicros || h.Digits != SignificantDigits || h.Offset != 0 {
			return 0, fmt.Errorf("covers %d..%d at %d digits, want %d..%d at %d",
				h.Lowest, h.Highest, h.Digits, LowestMicros, HighestMicros, SignificantDigits)
		}
		return 32 << 10, nil // the geometry has fewer
	})
	if err != nil {
		return nil, err
	}
	h, err := hdr.DecodePacked(encoded)
	if err != nil {
		return nil, fmt.Errorf("histogram: %w", err)
	}
	return h, nil
}
