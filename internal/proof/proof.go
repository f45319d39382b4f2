// Package proof says how often a test repeats what it proves by counting: a rate of false alarms,
// a coverage of intervals, a power. Under the build tag proof it does so in full (make proof);
// without it in a shortened form (make test, CI), which the race detector can run in seconds
// and which still finds what a mistake does to such a rate. Beside each size stands what it
// can find; Alarms computes it.
package proof

import "gonum.org/v1/gonum/stat/distuv"

// Size is how often a test repeats: short, or under the build tag proof full.
func Size(short, full int) int {
	if Full {
		return full
	}
	return short
}

// Alarms is a test that counts alarms in independent runs, each of which may raise one with the
// probability Allowed.
type Alarms struct {
	Runs    int
	Allowed float64
}

// level is how often chance alone may fail a test.
const level = 0.002

// Most is how many alarms pass: more happen by chance in less than one of five hundred tests.
func (a Alarms) Most() int {
	chance := distuv.Binomial{N: float64(a.Runs), P: a.Allowed}
	most := 0
	for 1-chance.CDF(float64(most)) >= level {
		most++
	}
	return most
}

// Finds is the probability that the test fails where alarms come with another probability.
func (a Alarms) Finds(actual float64) float64 {
	return 1 - distuv.Binomial{N: float64(a.Runs), P: actual}.CDF(float64(a.Most()))
}
