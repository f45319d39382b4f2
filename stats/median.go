package stats

import (
	"math"
	"slices"
)

// Median is the middle value, or the mean of the middle two; 0 without values.
func Median(values []float64) float64 { return middle(slices.Sorted(slices.Values(values))) }

// middle is the median of sorted values.
func middle(sorted []float64) float64 {
	n := len(sorted)
	if n == 0 {
		return 0
	}
	a, b := sorted[(n-1)/2], sorted[n/2]
	if a == b {
		return a // infinities too
	}
	if mean := (a + b) / 2; !math.IsInf(mean, 0) {
		return mean
	}
	return a/2 + b/2
}
