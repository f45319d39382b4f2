package stats

import "gonum.org/v1/gonum/stat/distuv"

// AtLeast is the probability of k or more successes in n independent trials that each succeed with
// probability p.
func AtLeast(k float64, n uint64, p float64) float64 {
	if k <= 0 {
		return 1
	}
	return 1 - distuv.Binomial{N: float64(n), P: p}.CDF(k-1)
}
