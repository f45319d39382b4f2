package stats

import "pgregory.net/changepoint"

// Change is a point in a series at which the level of its values changes.
type Change struct {
	Index  int     // of the first value at the new level
	Before float64 // the medians of the two levels
	After  float64
}

// Changes finds the change points of a series. Each level has at least fewest values, and
// adjacent levels have medians that differ by at least the share least. It uses ED-PELT (Haynes, Fearnhead and Eckley,
// "A computationally efficient nonparametric approach for changepoint detection", Statistics
// and Computing 2017), which assumes no distribution.
func Changes(values []float64, fewest int, least float64) (found []Change) {
	if len(values) < 2*fewest {
		return nil
	}
	starts := append([]int{0}, changepoint.NonParametric(values, fewest)...)
	for i := 1; i < len(starts); i++ {
		end := len(values)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		before, after := Median(values[starts[i-1]:starts[i]]), Median(values[starts[i]:end])
		if change := after/before - 1; before > 0 && (change >= least || change <= -least) {
			found = append(found, Change{starts[i], before, after})
		}
	}
	return found
}
