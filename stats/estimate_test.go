package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"bench/internal/proof"
)

// Reference values: for n ≥ 6, R 4's exp(wilcox.test(log(x), conf.int=TRUE)$conf.int) picks the
// same order statistics of the Walsh averages; the critical values come from tables of the
// signed-rank test (Hollander, Wolfe and Chicken, table A.4).
func TestCriticalRank(t *testing.T) {
	for _, row := range []struct{ n, want int }{
		// n, and the largest t with P(W ≤ t) ≤ 0.025, from the table.
		{6, 0}, {7, 2}, {8, 3}, {9, 5}, {10, 8}, {12, 13}, {15, 25}, {20, 52},
	} {
		if got := criticalRank(row.n); got != row.want {
			t.Errorf("criticalRank(%d) = %d; want %d", row.n, got, row.want)
		}
	}
}

func blocks(values ...float64) map[int]float64 {
	byBlock := map[int]float64{}
	for i, v := range values {
		byBlock[i+1] = v
	}
	return byBlock
}

func TestEstimate(t *testing.T) {
	for _, row := range []struct {
		says   string
		values []float64
		want   Interval
	}{
		{"no values give no estimate", nil, Interval{Method: NoInterval}},
		{"one block has no interval", []float64{5}, Interval{Value: 5, Low: 5, High: 5, N: 1, Method: NoInterval}},
		{"equal blocks give an interval of width zero", []float64{5, 5, 5}, Interval{5, 5, 5, 0.95, StudentT, 3}},
		// t(0.975, 2) = 4.30265; logs 0, 1, 2: mean 1, sd 1.
		{
			"three blocks use Student's t", []float64{1, math.E, math.E * math.E},
			Interval{math.E, math.Exp(1 - 4.30265/math.Sqrt(3)), math.Exp(1 + 4.30265/math.Sqrt(3)), 0.95, StudentT, 3},
		},
		{
			"six blocks span the whole sample", []float64{1, 2, 4, 8, 16, 32},
			Interval{math.Pow(2, 2.5), 1, 32, 0.95, SignedRank, 6},
		},
	} {
		got := Estimate(blocks(row.values...))
		close := func(a, b float64) bool { return math.Abs(a-b) <= 1e-4*(1+math.Abs(b)) }
		if !close(got.Value, row.want.Value) || !close(got.Low, row.want.Low) || !close(got.High, row.want.High) ||
			got.Confidence != row.want.Confidence || got.N != row.want.N || got.Method != row.want.Method {
			t.Errorf("%s: Estimate(%v) = %+v; want %+v", row.says, row.values, got, row.want)
		}
	}
}

func TestRatioIsPairedByBlock(t *testing.T) {
	// The machine slows to half its speed over the blocks; the ratio stays 2.
	base := map[int]float64{1: 100, 2: 80, 3: 60, 4: 50, 5: 200, 9: 1}
	other := map[int]float64{1: 200, 2: 160, 3: 120, 4: 100, 5: 400, 7: 3}
	got := Ratio(base, other)
	if math.Abs(got.Value-2) > 1e-12 || math.Abs(got.High-got.Low) > 1e-9 || got.N != 5 {
		t.Errorf("Ratio = %+v; want 2 without spread, from 5 blocks", got)
	}
}

func TestRatioIsAntisymmetric(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		a, b := map[int]float64{}, map[int]float64{}
		for block := range 2 + random.IntN(10) {
			a[block], b[block] = math.Exp(random.NormFloat64()), math.Exp(random.NormFloat64())
		}
		forth, back := Ratio(a, b), Ratio(b, a)
		if math.Abs(forth.Value*back.Value-1) > 1e-9 || math.Abs(forth.Low*back.High-1) > 1e-9 {
			t.Fatalf("Ratio(a, b) = %+v but Ratio(b, a) = %+v", forth, back)
		}
	}
}

// Both methods have the coverage that they claim.
func TestCoverage(t *testing.T) {
	for _, n := range []int{3, 5, 6, 12} {
		random := rand.New(rand.NewPCG(7, uint64(n)))
		trials := proof.Size(1500, 4000) // detect a coverage of 92 % instead of 95 % with a probability of 98 %
		covered := 0
		for range trials {
			values := make([]float64, n)
			for i := range values {
				values[i] = 3 * math.Exp(0.1*random.NormFloat64())
			}
			if e := Estimate(blocks(values...)); e.Low <= 3 && 3 <= e.High {
				covered++
			}
		}
		// Exact levels lie between 95 and 97 %; the standard error is 0.35 % with 4,000 trials, 0.6 % with 1,500.
		share := float64(covered) / float64(trials)
		t.Logf("%d blocks: the 95 %% interval covered the truth in %.1f %% of %d runs", n, share*100, trials)
		if share < 0.935 || share > 0.985 {
			t.Errorf("%d blocks: the interval covers %.1f %%; want about 95 %%", n, share*100)
		}
	}
}
