package scenarios

import (
	"math"
	"time"
)

// Batches is how an objective fared, second by second: Part of All, of which at most the share
// Allowed is permitted. For p99 < 100ms: the requests slower than that, all requests, and 0.01.
type Batches struct {
	Part, All []float64
	Allowed   float64
	Limit     time.Duration // of the response time; 0: the objective has none
}

// Excess is how far the share lies above the allowed one, and its standard error, both as multiples
// of the allowed share.
func (b Batches) Excess() (over, se float64) {
	share, se := BatchMeans(b.Part, b.All)
	var part, all float64
	for i := range b.All {
		part, all = part+b.Part[i], all+b.All[i]
	}
	// Seeing no slow request among few does not prove that there are none: use at least the scatter
	// of a Poisson count with one more.
	se = max(se, math.Sqrt(part+1)/max(all, 1))
	if b.Allowed == 0 {
		if share > 0 {
			return math.Inf(1), 0
		}
		return -1, 0
	}
	return share/b.Allowed - 1, se / b.Allowed
}

// BatchMeans is the share of all that is in part, with its standard error from the scatter of
// the batches: requests that queue behind each other are not independent samples, seconds nearly
// are (Law, Simulation Modeling and Analysis, section 9.5.3). With fewer than two batches
// the standard error is infinite.
func BatchMeans(part, all []float64) (share, se float64) {
	var sumPart, sumAll float64
	for i := range all {
		sumPart, sumAll = sumPart+part[i], sumAll+all[i]
	}
	n := float64(len(all))
	if n < 2 || sumAll == 0 {
		return sumPart / max(1, sumAll), math.Inf(1)
	}
	share = sumPart / sumAll
	var squares float64
	for i := range all {
		d := part[i] - share*all[i]
		squares += d * d
	}
	return share, math.Sqrt(squares/(n-1)/n) / (sumAll / n)
}
