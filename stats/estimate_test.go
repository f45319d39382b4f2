package stats

import (
	"encoding/json"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"bench/internal/proof"
)

// Reference values: for n ≥ 6, R 4's exp(wilcox.test(log(x), conf.int=TRUE, exact=TRUE)$conf.int) picks the
// same order statistics of the Walsh averages; up to 100, the critical values come from tables of the
// signed-rank test (Hollander, Wolfe and Chicken, table A.4; McCornack, JASA 1965).
func TestCriticalRank(t *testing.T) {
	for _, row := range []struct{ n, want int }{
		// n, and the largest t with P(W ≤ t) ≤ 0.025, from the table.
		{6, 0}, {7, 2}, {8, 3}, {9, 5}, {10, 8}, {12, 13}, {15, 25}, {20, 52}, {25, 89}, {30, 137}, {40, 264}, {50, 434},
		{100, 1955},
		// By whole numbers of any size, in Python.
		{150, 4618}, {151, 4683}, {200, 8444}, {300, 19628},
	} {
		if got := criticalRank(row.n); got != row.want {
			t.Errorf("criticalRank(%d) = %d; want %d", row.n, got, row.want)
		}
	}
}

// Every n up to 320 against the exact number of subsets by their sum, in whole numbers.
func TestCriticalRankAgainstWholeNumbers(t *testing.T) {
	most := proof.Size(160, 320)
	ways := []*big.Int{big.NewInt(1)}
	for n := 1; n <= most; n++ {
		next := make([]*big.Int, n*(n+1)/2+1)
		for s := range next {
			next[s] = new(big.Int)
			if s < len(ways) {
				next[s].Set(ways[s])
			}
			if s >= n {
				next[s].Add(next[s], ways[s-n])
			}
		}
		ways = next
		if n < fewestForRanks {
			continue
		}
		all, tail := new(big.Int).Lsh(big.NewInt(1), uint(n)), new(big.Int)
		want := -1
		for s := 0; ; s++ {
			if tail.Add(tail, ways[s]); new(big.Int).Mul(tail, big.NewInt(40)).Cmp(all) > 0 {
				want = s - 1
				break
			}
		}
		if got := criticalRank(n); got != want {
			t.Errorf("criticalRank(%d) = %d; want %d", n, got, want)
		}
	}
}

// Where the normal distribution takes over, it has the exact rank.
func TestCriticalRankOfMany(t *testing.T) {
	proof.WithoutRace(t)
	for _, n := range []int{200, 300, 500, manyRanks} {
		if exact, normal := criticalRank(n), manyCriticalRank(n); exact != normal {
			t.Errorf("n = %d: exactly %d, by the normal distribution %d", n, exact, normal)
		}
	}
}

// Whatever the values, an estimate is a number within its interval, and equal values lie in theirs.
func TestEstimatesAtTheEdges(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 9))
	for _, v := range []float64{
		1e-307, 1e-300, 1e-9, 0.1, 1, 1.0000000000000002, 5, 49.99, 1239.7, 1e9, 1e300, math.MaxFloat64,
	} {
		for n := 1; n <= 12; n++ {
			values, ones := map[int]float64{}, map[int]float64{}
			for block := range n {
				values[block], ones[block] = v, 1
			}
			for says, i := range map[string]Interval{"estimate": Estimate(values), "ratio": Ratio(ones, values)} {
				if !i.Contains(v) || i.Low > v || i.High < v {
					t.Errorf("the %s of %d values of %g is %+v, which does not contain it", says, n, v, i)
				}
			}
		}
	}
	edges := []float64{math.SmallestNonzeroFloat64, 1e-300, 1, 1e300, math.MaxFloat64, math.Inf(1)}
	for range 2000 {
		base, other := map[int]float64{}, map[int]float64{}
		var logs []float64
		for block := range 1 + random.IntN(14) {
			base[block], other[block] = edges[random.IntN(len(edges))], edges[random.IntN(len(edges))]
			logs = append(logs, []float64{math.Inf(-1), math.Inf(1), math.NaN(), -800, 0, 800}[random.IntN(6)])
		}
		for says, i := range map[string]Interval{
			"ratio": Ratio(base, other), "estimate": Estimate(other), "logarithms": FromLogs(logs),
		} {
			if _, err := json.Marshal(i); err != nil {
				t.Fatalf("%s: %v in %+v", says, err, i)
			}
			if i.Measured() && !(i.Low > 0 && i.Low <= i.Value && i.Value <= i.High) {
				t.Fatalf("%s of %v and %v: %+v", says, base, other, i)
			}
		}
	}
	// One infinite ratio of seven is the greatest: the interval ends there, and the estimate stays.
	logs := []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, math.Inf(1)}
	if i := FromLogs(logs); math.Abs(math.Log(i.Value)-0.4) > 0.051 || i.Low > math.Exp(0.2) {
		t.Errorf("an infinite ratio among seven: %+v", i)
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
