package stats

import "math"

// Rank is the nearest rank of a percentile among n sorted values: ⌈n·percent/100⌉, which is the
// first of Hyndman and Fan's definitions ("Sample quantiles in statistical packages", 1996). At
// least that share of the values is at most as large as the one of this rank, so a percentile is
// always a value that occurred. Ranks are from 1 to n; the rank among no values is 0.
//
// A percentile such as 99.9 is not exact in binary. Like HdrHistogram's reference in Java, this
// takes the next smaller number, so that rounding cannot carry a rank beyond an exact product:
// p99.9 of 1,000 values is the 999th.
func Rank(percent float64, n int64) int64 {
	below := math.Nextafter(percent, math.Inf(-1))
	return min(n, max(1, int64(math.Ceil(below*float64(n)/100))))
}
