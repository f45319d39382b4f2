package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// What a sequential test can show, before it is carried out. The logarithm of Evidence is a random walk
// whose steps have a mean and a spread; after n pairs it is about normal, so that a threshold is reached
// within n pairs with a known probability. It is computed for normal noise; the tests compare it to
// simulated sequences of other noise.

// PairsFor is the number of pairs after which the evidence for a difference, a log-ratio, reaches 1/level
// with the given probability: for a pass, the difference is the margin that the noise hides.
func PairsFor(difference, spread, level, probability float64) float64 {
	mean, sd, cost := steps(difference, difference, spread)
	if mean <= 0 {
		return math.Inf(1)
	}
	// n·mean − z·√n·sd = log(1/level) + cost, a quadratic equation in √n.
	z := distuv.UnitNormal.Quantile(probability)
	need := math.Log(1/level) + cost
	root := (z*sd + math.Sqrt(z*z*sd*sd+4*mean*need)) / (2 * mean)
	return root * root
}

// Detectable is the smallest slowdown, as a ratio, of which the evidence reaches 1/level with the given
// probability within a number of pairs of this spread, where it aims at a log-ratio.
func Detectable(spread float64, pairs int, aim, level, probability float64) float64 {
	z := distuv.UnitNormal.Quantile(probability)
	shown := func(difference float64) bool {
		mean, sd, cost := steps(difference, aim, spread)
		n := float64(pairs)
		return n*mean-z*math.Sqrt(n)*sd >= math.Log(1/level)+cost
	}
	const largest = 5 // a log-ratio: 148 times as slow
	low, high := 0.0, float64(largest)
	if pairs == 0 || !shown(high) {
		return math.Inf(1)
	}
	for range 16 {
		if middle := (low + high) / 2; shown(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return math.Exp(high)
}

// steps are mean and standard deviation of what a pair adds to the logarithm of the evidence, for normal
// noise of the given spread around a difference, and what the mixture costs once: of the weights in it,
// those are taken that add most.
func steps(difference, aim, spread float64) (mean, sd, cost float64) {
	delta := difference / spread
	mean = math.Inf(-1)
	try := func(lambda, price float64) {
		if m, s := moments(lambda, delta); m > mean {
			mean, sd, cost = m, s, price
		}
	}
	try(aimed(aim, spread), math.Ln2)
	for _, lambda := range lambdas {
		try(lambda, math.Log(2*float64(len(lambdas))/neighbours))
	}
	return mean, sd, cost
}

// neighbours is how many weights of the mixture add about as much as the best.
const neighbours = 3

// moments are mean and standard deviation of a pair's weight, by the trapezoidal rule.
func moments(lambda, delta float64) (mean, sd float64) {
	const width, step = 5.0, 0.2
	var sum, squares, whole float64
	for z := -width; z <= width; z += step {
		density := math.Exp(-z * z / 2)
		w := weight(lambda * max(-clip, min(clip, delta+z)))
		sum, squares, whole = sum+density*w, squares+density*w*w, whole+density
	}
	mean = sum / whole
	return mean, math.Sqrt(max(0, squares/whole-mean*mean))
}
