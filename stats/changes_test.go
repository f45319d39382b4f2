package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"bench/internal/proof"
)

// The partitions are the best of all, by trying every one.
func TestPartitionsAgainstBruteForce(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	cost := func(series []float64, starts []int) (sum float64) {
		at := append(append([]int{0}, starts...), len(series))
		for i := range len(at) - 1 {
			level, mean := series[at[i]:at[i+1]], 0.0
			for _, v := range level {
				mean += v / float64(len(level))
			}
			for _, v := range level {
				sum += (v - mean) * (v - mean)
			}
		}
		return sum
	}
	compared := 0
	for trial := range 400 {
		n, fewest := 6+random.IntN(11), 1+random.IntN(3)
		series := make([]float64, n)
		for i := range series {
			series[i] = random.NormFloat64()
			if trial%2 == 0 {
				series[i] = float64(random.IntN(4)) // with ties
			}
		}
		least := map[int]float64{}
		for mask := range 1 << (n - 1) {
			var starts []int
			last, allowed := 0, true
			for i := 1; i < n; i++ {
				if mask>>(i-1)&1 == 1 {
					allowed = allowed && i-last >= fewest
					starts, last = append(starts, i), i
				}
			}
			if allowed = allowed && n-last >= fewest; allowed && len(starts) >= 1 && len(starts) <= 5 {
				if best, known := least[len(starts)]; !known || cost(series, starts) < best {
					least[len(starts)] = cost(series, starts)
				}
			}
		}
		got := partitions(series, fewest, 5)
		if len(got) != len(least) {
			t.Fatalf("%d values, levels of %d: partitions with up to %d changes; want %d", n, fewest, len(got), len(least))
		}
		for i, starts := range got {
			if c := cost(series, starts); len(starts) != i+1 || c > least[i+1]+1e-9 {
				t.Errorf("%v: partition %v costs %g; the best with %d changes costs %g", series, starts, c, i+1, least[i+1])
			}
			compared++
		}
	}
	if compared < 1000 {
		t.Errorf("%d partitions compared; want more", compared)
	}
}

// autocorrelated sums up the past: every value is a share of the one before and an innovation.
func autocorrelated(share float64, innovation func(*rand.Rand) float64) func(*rand.Rand, int) []float64 {
	return func(r *rand.Rand, n int) []float64 {
		v := 0.0
		for range 50 {
			v = share*v + innovation(r)
		}
		values := make([]float64, n)
		for i := range values {
			values[i] = v
			v = share*v + innovation(r)
		}
		return values
	}
}

func normal(r *rand.Rand) float64 { return r.NormFloat64() }

// Series without a change, whose noise of 5 % is of kinds that the simulation behind the test does not
// know, rarely show one.
func TestFalseAlarmsOfChanges(t *testing.T) {
	proof.WithoutRace(t)
	// Short, this detects a rate of 5.5 % with a probability of 97 %; in full, one of 1.8 % with 93 %.
	runs := proof.Size(300, 4000)
	most := proof.Alarms{Runs: runs, Allowed: FalseAlarms}.Most()
	for _, row := range []struct {
		says   string
		sd     float64 // of the noise
		series func(r *rand.Rand, n int) []float64
	}{
		{"independent", 1, autocorrelated(0, normal)},
		{"correlated by 0.3", 1 / math.Sqrt(1-0.09), autocorrelated(0.3, normal)},
		{"correlated by 0.6", 1.25, autocorrelated(0.6, normal)},
		{"correlated by 0.6, exponential", 1.25, autocorrelated(0.6, func(r *rand.Rand) float64 {
			return r.ExpFloat64() - 1
		})},
		{"correlated by 0.6, Laplace", 1.25 * math.Sqrt2, autocorrelated(0.6, func(r *rand.Rand) float64 {
			return r.ExpFloat64() * float64(1-2*r.IntN(2))
		})},
		{"correlated by 0.6, uniform", 1.25 / math.Sqrt(12), autocorrelated(0.6, func(r *rand.Rand) float64 {
			return r.Float64() - 0.5
		})},
		{"correlated by -0.4", 1 / math.Sqrt(1-0.16), autocorrelated(-0.4, normal)},
		{"one run in ten disturbed", 1, autocorrelated(0, func(r *rand.Rand) float64 {
			if r.IntN(10) == 0 {
				return 6 * r.ExpFloat64()
			}
			return r.NormFloat64()
		})},
		{"of three runs each", 1, func(r *rand.Rand, n int) []float64 { // neighbours share two of three causes
			causes := make([]float64, n+2)
			for i := range causes {
				causes[i] = r.NormFloat64() / math.Sqrt(3)
			}
			values := make([]float64, n)
			for i := range values {
				values[i] = causes[i] + causes[i+1]
			}
			return values
		}},
	} {
		for _, n := range []int{20, 50, 100} {
			random := rand.New(rand.NewPCG(11, uint64(n)))
			alarms := 0
			for range runs {
				values := row.series(random, n)
				for i := range values {
					values[i] = 2 * (1 + 0.05/row.sd*values[i])
				}
				if len(Changes(values, 4, 0.001)) > 0 {
					alarms++
				}
			}
			t.Logf("%s, %d values: %d of %d series show a change", row.says, n, alarms, runs)
			if alarms > most {
				t.Errorf("%s, %d values: %d of %d series show a change; want at most %d", row.says, n, alarms, runs, most)
			}
		}
	}
}

// The limit of 200 values serves longer series.
func TestFalseAlarmsOfLongSeries(t *testing.T) {
	proof.WithoutRace(t)
	// Short, this detects a rate of 12 % with a probability of 86 %; in full, one of 2 % with 67 %.
	runs := proof.Size(60, 1500)
	most := proof.Alarms{Runs: runs, Allowed: FalseAlarms}.Most()
	random := rand.New(rand.NewPCG(12, 1))
	alarms := 0
	for range runs {
		values := autocorrelated(0.6, normal)(random, 500)
		for i := range values {
			values[i] = math.Exp(0.04 * values[i])
		}
		if len(Changes(values, 4, 0.001)) > 0 {
			alarms++
		}
	}
	t.Logf("%d of %d series show a change", alarms, runs)
	if alarms > most {
		t.Errorf("%d of %d series show a change; want at most %d", alarms, runs, most)
	}
}

// What is found: a step, and a step that is taken back, in units of the noise.
func TestChangesAreFound(t *testing.T) {
	runs := proof.Size(100, 1000)
	for _, row := range []struct {
		n      int
		share  float64 // correlation
		step   float64 // in standard deviations of a value
		back   bool
		least  float64 // share of the series in which exactly these changes are found, within two values
		within int
	}{
		{24, 0, 5, false, 0.8, 1}, {24, 0, 6, true, 0.7, 1}, {50, 0, 3, false, 0.9, 2}, {50, 0, 4, true, 0.9, 2},
		{100, 0, 2, false, 0.9, 6}, {50, 0.6, 5, false, 0.7, 3}, {100, 0.6, 4, true, 0.75, 4},
	} {
		random := rand.New(rand.NewPCG(13, uint64(row.n)))
		want := []int{row.n * 7 / 12}
		if row.back {
			want = []int{row.n / 3, 2 * row.n / 3}
		}
		found := 0
		for range runs {
			values := autocorrelated(row.share, normal)(random, row.n)
			for i := range values {
				values[i] *= math.Sqrt(1 - row.share*row.share)
				if i >= want[0] && (len(want) == 1 || i < want[1]) {
					values[i] += row.step
				}
				values[i] = math.Exp(0.03 * values[i])
			}
			got := Changes(values, 4, 0.001)
			if slices.EqualFunc(got, want, func(c Change, at int) bool { return max(c.Index-at, at-c.Index) <= row.within }) {
				found++
			}
		}
		says := fmt.Sprintf("%d values correlated by %g, a step of %g standard deviations", row.n, row.share, row.step)
		t.Logf("%s, taken back: %v: found in %.0f %%", says, row.back, 100*float64(found)/float64(runs))
		if share := float64(found) / float64(runs); share < row.least {
			t.Errorf("%s, taken back: %v: found in %.0f %%; want %.0f %%", says, row.back, share*100, row.least*100)
		}
	}
}

func TestChangesOfSeriesWithoutNoise(t *testing.T) {
	step := []float64{2, 2, 2, 2, 2, 2, 2.5, 2.5, 2.5, 2.5, 2.5, 2.5}
	if found := Changes(step, 4, 0.03); len(found) != 1 || found[0] != (Change{6, 2, 2.5}) {
		t.Errorf("a step without noise: %+v", found)
	}
	for says, series := range map[string][]float64{
		"equal values": {3, 3, 3, 3, 3, 3, 3, 3}, "zeros": make([]float64, 12),
		"one outlier": {2, 2, 2, 2, 2, 90, 2, 2, 2, 2, 2, 2}, "infinities": {1, 1, 1, 1, math.Inf(1), 1, 1, 1, 1},
	} {
		if found := Changes(series, 4, 0.03); found != nil {
			t.Errorf("%s: %+v", says, found)
		}
	}
}
