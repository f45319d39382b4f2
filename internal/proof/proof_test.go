package proof_test

import (
	"fmt"
	"math"
	"testing"

	"bench/internal/proof"
)

func TestSizeFollowsTheBuildTag(t *testing.T) {
	want := 300
	if proof.Full {
		want = 4000
	}
	if got := proof.Size(300, 4000); got != want {
		t.Errorf("Size(300, 4000) = %d with Full = %v; want %d", got, proof.Full, want)
	}
}

// What a count can detect, against explicit sums of the binomial distribution.
func TestAlarmsAgainstTheBinomialSums(t *testing.T) {
	tail := func(n, from int, p float64) (sum float64) {
		term := math.Pow(1-p, float64(n))
		for k := range n + 1 {
			if k >= from {
				sum += term
			}
			term *= float64(n-k) / float64(k+1) * p / (1 - p)
		}
		return sum
	}
	for _, row := range []struct {
		alarms proof.Alarms
		actual float64
	}{
		{proof.Alarms{Runs: 1000, Allowed: 0.01}, 0.03},
		{proof.Alarms{Runs: 500, Allowed: 0.01}, 0.05},
		{proof.Alarms{Runs: 30, Allowed: 0.2}, 0.5},
	} {
		most := row.alarms.Most()
		more := tail(row.alarms.Runs, most+1, row.alarms.Allowed)
		orMore := tail(row.alarms.Runs, most, row.alarms.Allowed)
		if more >= 0.002 || orMore < 0.002 {
			t.Errorf("%+v: more than %d happen with probability %.5f, %d or more with %.5f; want 0.002 between",
				row.alarms, most, more, most, orMore)
		}
		if got, want := row.alarms.Finds(row.actual), tail(row.alarms.Runs, most+1, row.actual); math.Abs(got-want) > 1e-9 {
			t.Errorf("%+v finds %g with probability %.6f; want %.6f", row.alarms, row.actual, got, want)
		}
	}
}

func ExampleAlarms() {
	short := proof.Alarms{Runs: 1000, Allowed: 0.01}
	fmt.Printf("1,000 runs may raise %d alarms; a rate of 3 %% is detected with %.0f %%\n",
		short.Most(), 100*short.Finds(0.03))
	// Output: 1,000 runs may raise 20 alarms; a rate of 3 % is detected with 97 %
}
