package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
)

// Change is a point in a series at which the level of its values changes.
type Change struct {
	Index  int     // of the first value at the new level
	Before float64 // the medians of the two levels
	After  float64
}

// FalseAlarms is the probability that Changes finds any in a series without changes, whose noise
// is correlated from one value to the next by at most Correlated.
const (
	FalseAlarms = 0.01
	Correlated  = 0.6
)

// mostChanges is the number of changes that are looked for at most.
const mostChanges = 5

// Changes finds the change points of a series, at most five. Each level has at least fewest
// values, and adjacent levels have medians that differ by at least the share least.
//
// Detection is exact: for each number of changes, the partition with the smallest sum of squares
// (segment neighbourhood; Auger and Lawrence, "Algorithms for the optimal identification of segment
// neighborhoods", 1989). Then comes a test, because something is always detected: of all partitions,
// the one with the most changes holds in which every pair of adjacent levels differs by more than
// chance explains, given the spread and the correlation of what the levels leave over. How much chance
// explains is known by simulation of the whole procedure on series without changes (surprise). A series
// of positive values is taken in logarithms: noise and changes are shares of the level.
func Changes(values []float64, fewest int, least float64) (found []Change) {
	unbounded := func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }
	if len(values) < 2*fewest || slices.ContainsFunc(values, unbounded) {
		return nil
	}
	var starts []int
	limit := surprise(len(values), fewest)
	series := clipped(levels(values))
	for _, p := range partitions(series, fewest, mostChanges) {
		if weakest(series, p) >= limit {
			starts = p
		}
	}
	at := append(append([]int{0}, starts...), len(values))
	for i := 1; i+1 < len(at); i++ {
		before, after := Median(values[at[i-1]:at[i]]), Median(values[at[i]:at[i+1]])
		if change := after/before - 1; before > 0 && (change >= least || change <= -least) {
			found = append(found, Change{at[i], before, after})
		}
	}
	return found
}

// levels are the logarithms of positive values; other values stay as they are.
func levels(values []float64) []float64 {
	if slices.Min(values) <= 0 {
		return values
	}
	logs := make([]float64, len(values))
	for i, v := range values {
		logs[i] = math.Log(v)
	}
	return logs
}

// clipped is the series with each value drawn to the median of its neighbourhood, as far as it is an outlier
// among the distances from those: a disturbed run is no level. A median of seven follows a step.
func clipped(series []float64) []float64 {
	const around, far = 3, 2.5 // values on either side; standard deviations
	middles, distances := make([]float64, len(series)), make([]float64, len(series))
	for i, v := range series {
		middles[i] = Median(series[max(0, i-around):min(len(series), i+around+1)])
		distances[i] = math.Abs(v - middles[i])
	}
	most := far * toSigma * Median(distances)
	cut := make([]float64, len(series))
	for i, v := range series {
		cut[i] = max(middles[i]-most, min(middles[i]+most, v))
	}
	return cut
}

// sums answers for the sums of squares of any segment.
type sums struct{ value, square []float64 }

func newSums(series []float64) sums {
	s := sums{make([]float64, len(series)+1), make([]float64, len(series)+1)}
	shift := Median(series) // keeps the squares small
	for i, v := range series {
		s.value[i+1], s.square[i+1] = s.value[i]+v-shift, s.square[i]+(v-shift)*(v-shift)
	}
	return s
}

// about is the sum of squares about the mean of a segment.
func (s sums) about(from, to int) float64 {
	sum := s.value[to] - s.value[from]
	return max(0, s.square[to]-s.square[from]-sum*sum/float64(to-from))
}

// partitions are the best partitions into levels with 1, 2, … most changes, each as the starts of its
// levels but the first.
func partitions(series []float64, fewest, most int) (best [][]int) {
	n, s := len(series), newSums(series)
	cost := make([]float64, n+1) // of the best partition of the values before each index
	for to := range cost {
		cost[to] = math.Inf(1)
		if to >= fewest {
			cost[to] = s.about(0, to)
		}
	}
	var from [][]int // for each number of changes, the start of the last level
	for changes := 1; changes <= most && (changes+1)*fewest <= n; changes++ {
		next, start := make([]float64, n+1), make([]int, n+1)
		for to := range next {
			next[to] = math.Inf(1)
			for at := changes * fewest; at <= to-fewest; at++ {
				if c := cost[at] + s.about(at, to); c < next[to] {
					next[to], start[to] = c, at
				}
			}
		}
		cost, from = next, append(from, start)
		p, to := make([]int, changes), n
		for i := changes - 1; i >= 0; i-- {
			to = from[i][to]
			p[i] = to
		}
		best = append(best, p)
	}
	return best
}

// weakest is the smallest difference between adjacent levels of a partition, in units of its standard
// error. What the levels leave over gives the spread and the correlation of neighbours, which is
// corrected for being too small in short series; a correlation ρ makes a mean as uncertain as
// (1−ρ)/(1+ρ) as many values would.
func weakest(series []float64, starts []int) float64 {
	at := append(append([]int{0}, starts...), len(series))
	count := len(at) - 1
	means, rest := make([]float64, count), make([]float64, len(series))
	for i := range means {
		for _, v := range series[at[i]:at[i+1]] {
			means[i] += v
		}
		means[i] /= float64(at[i+1] - at[i])
		for j := at[i]; j < at[i+1]; j++ {
			rest[j] = series[j] - means[i]
		}
	}
	var squares, products float64
	for i, r := range rest {
		squares += r * r
		if i > 0 {
			products += r * rest[i-1]
		}
	}
	n, k := float64(len(series)), float64(count)
	const exact = 1e-20 // of a series whose values are the same but for rounding
	variance := max(squares/max(1, n-k), exact)
	rho := 0.0
	if squares > exact {
		rho = max(0, min(mostCorrelated, (products/squares*n+2*k)/(max(1, n-3-2*k))))
	}
	least := math.Inf(1)
	for i := range count - 1 {
		before, after := float64(at[i+1]-at[i]), float64(at[i+2]-at[i+1])
		least = min(least, math.Abs(means[i+1]-means[i])/math.Sqrt(variance*(1/before+1/after)*(1+rho)/(1-rho)))
	}
	return least
}

// mostCorrelated keeps a correlation that is estimated to be nearly 1 from explaining everything.
const mostCorrelated = 0.8

// How surprise is simulated: the number of series, the share of them that may alarm (somewhat less than
// FalseAlarms, so that the chance of a finite number does not carry it beyond), and the longest series.
const (
	surpriseSeries = 4000
	surpriseShare  = 0.7 * FalseAlarms
	warmup         = 20  // values before the first one, which make it like any other
	surpriseMost   = 200 // longer series have the limit of this length, which falls with the length
)

var surprises sync.Map // by length and fewest

// surprise is the limit of weakest that a series of this length without changes reaches in a share of
// cases of less than FalseAlarms, by any number of changes: the quantile of simulated series whose
// neighbours are correlated by Correlated and whose noise has a long tail on one side, as times do. Less
// correlated series, and noise without such a tail, reach it more rarely.
func surprise(length, fewest int) float64 {
	length = min(length, surpriseMost)
	key := [2]int{length, fewest}
	if v, known := surprises.Load(key); known {
		return v.(float64)
	}
	random := rand.New(rand.NewPCG(1, uint64(length)))
	reached := make([]float64, surpriseSeries)
	series := make([]float64, length)
	for i := range reached {
		last := 0.0
		for j := -warmup; j < length; j++ {
			if last = Correlated*last + random.ExpFloat64(); j >= 0 {
				series[j] = last
			}
		}
		cut := clipped(series)
		for _, p := range partitions(cut, fewest, mostChanges) {
			reached[i] = max(reached[i], weakest(cut, p))
		}
	}
	slices.Sort(reached)
	limit := reached[Rank(100*(1-surpriseShare), surpriseSeries)-1]
	surprises.Store(key, limit)
	return limit
}
