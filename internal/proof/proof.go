// Package proof sets the number of repetitions of statistical tests, which count false alarms,
// the coverage of intervals or power. With the build tag proof they run at full size (make
// proof); without it at a reduced size (make test, CI), which takes seconds under the race
// detector and still detects what a mistake does to such a rate. A comment next to each size
// says what it can detect; Alarms computes it.
package proof

import (
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// WithoutRace leaves a test of one goroutine out of a run with the race detector, which finds nothing in
// it and makes it five to ten times slower. make test runs the packages of such tests once more, without.
func WithoutRace(t testing.TB) {
	t.Helper()
	if raceDetector {
		t.Skip("one goroutine: make test runs this without the race detector")
	}
}

// Size is the number of repetitions of a test: short, or full under the build tag proof.
func Size(short, full int) int {
	if Full {
		return full
	}
	return short
}

// Alarms is a test that counts alarms in independent runs, each of which may raise one with
// probability Allowed.
type Alarms struct {
	Runs    int
	Allowed float64
}

// level is the probability that chance alone fails a test.
const level = 0.002

// Most is the number of alarms that passes: chance exceeds it in fewer than one of 500 tests.
func (a Alarms) Most() int {
	chance := distuv.Binomial{N: float64(a.Runs), P: a.Allowed}
	most := 0
	for 1-chance.CDF(float64(most)) >= level {
		most++
	}
	return most
}

// Finds is the probability that the test fails if alarms have the actual probability given.
func (a Alarms) Finds(actual float64) float64 {
	return 1 - distuv.Binomial{N: float64(a.Runs), P: actual}.CDF(float64(a.Most()))
}
