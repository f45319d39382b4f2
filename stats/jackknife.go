package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Jackknifed is the method of Jackknife.
const Jackknifed = "of all blocks together, Student's t interval on logarithms by leaving out a block at a time"

// Jackknife estimates a positive quantity of several blocks together that is not a mean of those of each
// block, such as the ratio of two percentiles of all requests. The function computes it without the
// block of the given index, or with all blocks for -1. The interval comes from how much a block
// matters (the delete-a-group jackknife; Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
// chapter 11), on logarithms.
func Jackknife(blocks int, quantity func(without int) float64) Interval {
	value := quantity(-1)
	if blocks == 0 || !(value > 0) || math.IsInf(value, 1) {
		return Interval{Method: NoInterval}
	}
	if blocks == 1 {
		return Interval{Value: value, Low: value, High: value, N: 1, Method: NoInterval}
	}
	n := float64(blocks)
	logs, mean := make([]float64, blocks), 0.0
	for i := range logs {
		logs[i] = math.Log(quantity(i))
		mean += logs[i] / n
	}
	if math.IsNaN(mean) || math.IsInf(mean, 0) { // without a certain block there is no such quantity
		return Interval{Value: value, Low: value, High: value, N: 1, Method: NoInterval}
	}
	var sum float64
	for _, l := range logs {
		sum += (l - mean) * (l - mean)
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(1 - (1-Level)/2)
	half := t * math.Sqrt(sum*(n-1)/n)
	return Interval{
		Value: value, Low: value * math.Exp(-half), High: value * math.Exp(half), N: blocks,
		Confidence: Level, Method: Jackknifed,
	}
}
