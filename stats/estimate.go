package stats

import (
	"maps"
	"math"
	"slices"

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
	var logs []float64
	for _, block := range slices.Sorted(maps.Keys(values)) {
		if v := values[block]; v > 0 {
			logs = append(logs, math.Log(v))
		}
	}
	return FromLogs(logs)
}

// Ratio estimates other/base from values that are paired by block: drift that affects
// both arms of a block alike cancels out. Blocks that lack either value are left out.
func Ratio(base, other map[int]float64) Interval {
	var logs []float64
	for _, block := range slices.Sorted(maps.Keys(base)) {
		if b, o := base[block], other[block]; b > 0 && o > 0 {
			logs = append(logs, math.Log(o/b))
		}
	}
	return FromLogs(logs)
}

// FromLogs estimates a positive quantity from its logarithms, one for each block or pair. If they
// are differences between the two arms of a pair, the quantity is a ratio.
func FromLogs(logs []float64) Interval {
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
	e.Value, e.Low, e.High = math.Exp(value), math.Exp(low), math.Exp(high)
	return e
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

// manyRanks is the number beyond which the exact distribution is slow to count and close to normal.
const manyRanks = 150

// criticalRank is the number of Walsh averages to leave out at either end: the largest k
// with P(W < k+1) ≤ (1−Level)/2 for the signed-rank statistic W, whose exact
// distribution counts the subsets of 1…n by their sum.
func criticalRank(n int) int {
	if n > manyRanks {
		mean, variance := float64(n)*float64(n+1)/4, float64(n)*float64(n+1)*float64(2*n+1)/24
		return int(distuv.Normal{Mu: mean, Sigma: math.Sqrt(variance)}.Quantile((1-Level)/2)) - 1
	}
	sums := n * (n + 1) / 2
	ways := make([]float64, sums+1)
	ways[0] = 1
	for rank := 1; rank <= n; rank++ {
		for s := sums; s >= rank; s-- {
			ways[s] += ways[s-rank]
		}
	}
	tail, limit := 0.0, (1-Level)/2*math.Pow(2, float64(n))
	for k := range ways {
		if tail += ways[k]; tail > limit {
			return k - 1
		}
	}
	return 0
}
