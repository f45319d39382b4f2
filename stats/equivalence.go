package stats

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Two one-sided tests, each at this level, decide on equivalence (Schuirmann, "A comparison of the two one-sided
// tests procedure and the power approach for assessing the equivalence of average bioavailability", J.
// Pharmacokinetics and Biopharmaceutics 15, 1987). Both reject at once exactly where the interval of a
// confidence of 1 − 2 × level lies within the margin.
const onesided = 0.05

// TwoOneSided is the method of Equivalence.
const TwoOneSided = "mean of the paired differences, two one-sided t tests at 5 %"

// Answer is the outcome of a test that may leave its question open.
type Answer int

// Answers.
const (
	Open Answer = iota
	Yes
	No
)

// Equivalence tests whether the mean of paired differences lies within ±margin. Yes: both one-sided tests reject
// that it lies beyond. No: one of the opposite tests rejects that it lies within. The interval is that of
// the tests, of a confidence of 90 %; differences may be negative, and so may its ends.
func Equivalence(differences []float64, margin float64) (Interval, Answer) {
	n := len(differences)
	if n == 0 {
		return Interval{Method: NoInterval}, Open
	}
	mean := stat.Mean(differences, nil)
	if n == 1 {
		return Interval{Value: mean, Low: mean, High: mean, N: 1, Method: NoInterval}, Open
	}
	_, sd := stat.MeanStdDev(differences, nil)
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(n - 1)}.Quantile(1 - onesided)
	half := t * sd / math.Sqrt(float64(n))
	i := Interval{
		Value: mean, Low: mean - half, High: mean + half, N: n, Confidence: 1 - 2*onesided, Method: TwoOneSided,
	}
	switch {
	case i.Low > -margin && i.High < margin:
		return i, Yes
	case i.Low > margin || i.High < -margin:
		return i, No
	}
	return i, Open
}
