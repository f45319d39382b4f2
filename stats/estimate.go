package stats

import (
	"maps"
	"math"
	"slices"
	"sort"
	"sync"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Level is the confidence of every interval that is computed here.
const Level = 0.95

// How an interval was computed.
const (
	// SignedRank is the Hodges-Lehmann estimate, the median of all pairwise means of the
	// logarithms, with the exact interval of Wilcoxon's signed-rank test (Hollander, Wolfe
	// and Chicken, Nonparametric Statistical Methods, 2013, section 3.3). It assumes only
	// that the noise is symmetric.
	SignedRank = "Hodges-Lehmann, exact signed-rank interval on logarithms"
	// StudentT is the geometric mean with Student's interval on the logarithms. It assumes
	// normal noise, which cannot be checked with so few blocks; ranks need at least six for a
	// level of 95 %.
	StudentT = "geometric mean, Student's t interval on logarithms"
	// NoInterval marks a single block.
	NoInterval = "one block: no interval"
)

// Estimate estimates a positive quantity from its value in each block. Blocks in which the value
// is not positive are left out.
func Estimate(values map[int]float64) Interval {
	var logs, seen []float64
	for _, block := range slices.Sorted(maps.Keys(values)) {
		if v := values[block]; v > 0 {
			logs, seen = append(logs, math.Log(v)), append(seen, v)
		}
	}
	return FromLogs(logs).reaching(seen)
}

// Ratio estimates other/base from values that are paired by block: drift that affects
// both arms of a block alike cancels out. Blocks that lack either value are left out.
func Ratio(base, other map[int]float64) Interval {
	var logs, seen []float64
	for _, block := range slices.Sorted(maps.Keys(base)) {
		b, o := base[block], other[block]
		if !(b > 0 && o > 0) || math.IsInf(b, 1) && math.IsInf(o, 1) {
			continue
		}
		log := math.Log(o / b)
		if math.IsInf(log, 0) { // the quotient is beyond all numbers
			log = math.Log(o) - math.Log(b)
		}
		logs, seen = append(logs, log), append(seen, o/b)
	}
	return FromLogs(logs).reaching(seen)
}

// FromLogs estimates a positive quantity from its logarithms, one for each block or pair. If they
// are differences between the two arms of a pair, the quantity is a ratio. An infinite logarithm
// counts as the greatest or smallest one of a number, which has the same rank; what is not a number
// is left out. Estimate and ends are numbers in any case: JSON has no infinity.
func FromLogs(logs []float64) Interval {
	logs = slices.DeleteFunc(slices.Clone(logs), math.IsNaN)
	for i, l := range logs {
		logs[i] = max(leastLog, min(greatestLog, l))
	}
	n := len(logs)
	e := Interval{N: n, Confidence: Level}
	var value, low, high float64
	switch {
	case n == 0:
		return Interval{Method: NoInterval}
	case n == 1:
		value, low, high = logs[0], logs[0], logs[0]
		e.Method, e.Confidence = NoInterval, 0
	case n < fewestForRanks:
		value, low, high = student(logs)
		e.Method = StudentT
	default:
		value, low, high = signedRank(logs)
		e.Method = SignedRank
	}
	e.Value, e.Low, e.High = exp(value), exp(low), exp(high)
	return e
}

// leastNumber is the smallest number of full precision.
const leastNumber = 0x1p-1022

var leastLog, greatestLog = math.Log(leastNumber), math.Log(math.MaxFloat64)

// exp is a positive number in any case.
func exp(log float64) float64 { return max(leastNumber, min(math.MaxFloat64, math.Exp(log))) }

// reaching extends an interval to values that lie beyond its ends by no more than a logarithm rounds: the
// interval of equal values contains them.
func (i Interval) reaching(values []float64) Interval {
	if v := i.Value; i.N == 1 && values[0] > 0 && math.Abs(values[0]-v) <= 1e-12*v {
		i.Value, i.Low, i.High = values[0], values[0], values[0]
		return i
	}
	for _, v := range values {
		if math.IsInf(v, 0) {
			continue
		}
		rounds := 4e-16 * v * (1 + math.Abs(math.Log(v))) // two units in the last place of the logarithm, and of v
		if v < i.Low && i.Low-v <= rounds {
			i.Low = v
		}
		if v > i.High && v-i.High <= rounds {
			i.High = v
		}
	}
	return i
}

func student(xs []float64) (value, low, high float64) {
	n := float64(len(xs))
	mean, sd := stat.MeanStdDev(xs, nil)
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(1 - (1-Level)/2)
	half := t * sd / math.Sqrt(n)
	return mean, mean - half, mean + half
}

// fewestForRanks is the smallest n whose widest signed-rank interval, from the smallest to the
// largest value, has a coverage of 95 %: 1 − 2·2⁻ⁿ ≥ 0.95.
const fewestForRanks = 6

func signedRank(xs []float64) (value, low, high float64) {
	var averages []float64 // the Walsh averages
	for i := range xs {
		for j := i; j < len(xs); j++ {
			averages = append(averages, (xs[i]+xs[j])/2)
		}
	}
	slices.Sort(averages)
	m := len(averages)
	value = middle(averages)
	k := criticalRank(len(xs))
	return value, averages[k], averages[m-1-k]
}

// manyRanks is the number beyond which the exact distribution is slow to count.
const manyRanks = 1000

var criticalRanks sync.Map // by n

// criticalRank is the number of Walsh averages to leave out at either end: the largest k
// with P(W < k+1) ≤ (1−Level)/2 for the signed-rank statistic W, whose exact
// distribution counts the subsets of 1…n by their sum.
func criticalRank(n int) int {
	if n > manyRanks {
		return manyCriticalRank(n)
	}
	if k, known := criticalRanks.Load(n); known {
		return k.(int)
	}
	half := n * (n + 1) / 4 // the lower half of the sums
	share := make([]float64, half+1)
	share[0] = 1
	for rank := 1; rank <= n; rank++ {
		for s := half; s >= 0; s-- {
			share[s] /= 2
			if s >= rank {
				share[s] += share[s-rank] / 2
			}
		}
	}
	k, tail := 0, 0.0
	for ; k < half; k++ {
		if tail += share[k]; tail > (1-Level)/2 {
			break
		}
	}
	criticalRanks.Store(n, max(0, k-1))
	return max(0, k-1)
}

// manyCriticalRank is criticalRank by the normal distribution with a correction for continuity and for
// the flatness of that of W (an Edgeworth series).
func manyCriticalRank(n int) int {
	m := float64(n)
	mean, variance := m*(m+1)/4, m*(m+1)*(2*m+1)/24
	flat := -m * (m + 1) * (2*m + 1) * (3*m*m + 3*m - 1) / 240 / (variance * variance)
	return sort.Search(int(mean), func(k int) bool {
		z := (float64(k) + 0.5 - mean) / math.Sqrt(variance)
		return distuv.UnitNormal.CDF(z)-distuv.UnitNormal.Prob(z)*(z*z*z-3*z)*flat/24 > (1-Level)/2
	}) - 1
}
