package stats

import (
	"math"
	"slices"
)

// Evidence weighs paired log-ratios against the hypothesis that their signs are fair coins:
// that swapping the two arms of a pair changes nothing. It may be looked at after every pair,
// and sampling may stop as soon as there is enough: under the hypothesis, the probability that
// it ever reaches 1/α is at most α, however long it goes on (Ville's inequality).
//
// It is the mean over λ of ∏ exp(λx)/cosh(λx), a test martingale for symmetric x (Ramdas et
// al., "Game-theoretic statistics and safe anytime-valid inference", Statistical Science
// 2023; de la Peña 1999 for the symmetric case). Each x is scaled by what is known before
// its pair, and clipped: any odd function of a symmetric variable is symmetric. Half of the
// weight is on the λ that best suits the effect aimed at, judging by the earlier pairs: how a
// pair is weighed may depend on anything known before it.
type Evidence struct {
	// Aim is the log-ratio that matters; zero: none in particular.
	Aim   float64
	logs  [len(lambdas)]float64 // of each product
	aimed float64
}

var lambdas = [...]float64{0.08, 0.15, 0.25, 0.4, 0.6, 0.9, 1.3, 2}

// clip limits the weight of a single pair, in units of the scale.
const clip = 2.5

// Add weighs one log-ratio. The scale is the spread expected before the ratio was seen.
func (e *Evidence) Add(logRatio, scale float64) {
	x := max(-clip, min(clip, logRatio/scale))
	for i, lambda := range lambdas {
		e.logs[i] += weight(lambda * x)
	}
	// For a normal x of mean δ and spread 1, exp(δx)/cosh(δx) is the likelihood ratio of the
	// observed value to its mirror image, and therefore grows fastest.
	e.aimed += weight(aimed(e.Aim, scale) * x)
}

// aimed is the λ that suits a log-ratio best, if that is what pairs of this scale have.
func aimed(aim, scale float64) float64 { return min(2, max(0.05, aim/scale)) }

// weight is log(exp(a)/cosh(a)), without overflow.
func weight(a float64) float64 {
	return a - (math.Abs(a) + math.Log1p(math.Exp(-2*math.Abs(a))) - math.Ln2)
}

// Value is the evidence so far; 1 is none.
func (e *Evidence) Value() float64 {
	top := max(e.aimed, slices.Max(e.logs[:]))
	var sum float64
	for _, l := range e.logs {
		sum += math.Exp(l - top)
	}
	mean := sum / float64(len(lambdas))
	if e.Aim > 0 {
		mean = (mean + math.Exp(e.aimed-top)) / 2
	}
	return math.Exp(min(top, mostEvidence)) * mean
}

// mostEvidence caps the logarithm of the evidence, which would otherwise overflow.
const mostEvidence = 500

// toSigma times its median absolute deviation is the standard deviation of a normal distribution.
const toSigma = 1.4826

// Scale is a robust spread of the values seen so far, shrunk towards an expected one that has the
// weight of a few values: enough to start with, soon outvoted.
func Scale(seen []float64, expected float64) float64 {
	const prior = 4 // values
	if len(seen) == 0 {
		return expected
	}
	sorted := slices.Clone(seen)
	slices.Sort(sorted)
	median := middle(sorted)
	for i, v := range sorted {
		sorted[i] = math.Abs(v - median)
	}
	slices.Sort(sorted)
	spread := toSigma * middle(sorted)
	n := float64(len(seen))
	return max(expected/10, math.Sqrt((n*spread*spread+prior*expected*expected)/(n+prior)))
}
