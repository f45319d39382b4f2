package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"bench/internal/proof"
	"bench/stats"

	"gonum.org/v1/gonum/stat/distuv"
)

// The interval is that of the textbooks: mean ± t × sd/√n, with t from the tables of Student's distribution (5 % in
// the upper tail).
func TestEquivalenceHasTheIntervalOfTheTables(t *testing.T) {
	for _, row := range []struct {
		n int
		t float64
	}{{2, 6.314}, {3, 2.920}, {4, 2.353}, {5, 2.132}, {6, 2.015}, {10, 1.833}, {31, 1.697}} {
		differences := make([]float64, row.n)
		var sum, squares float64
		for i := range differences {
			differences[i] = math.Sin(float64(7*i)) + 0.3
			sum += differences[i]
		}
		mean := sum / float64(row.n)
		for _, d := range differences {
			squares += (d - mean) * (d - mean)
		}
		half := row.t * math.Sqrt(squares/float64(row.n-1)/float64(row.n))
		got, _ := stats.Equivalence(differences, 1)
		if math.Abs(got.Value-mean) > 1e-12 || math.Abs(got.High-mean-half) > 5e-4*half || got.Confidence != 0.9 {
			t.Errorf("n = %d: %+v; want %g ± %g", row.n, got, mean, half)
		}
	}
}

func TestEquivalenceAnswers(t *testing.T) {
	for _, row := range []struct {
		says        string
		differences []float64
		want        stats.Answer
	}{
		{"nothing", nil, stats.Open},
		{"a single pair", []float64{0}, stats.Open},
		{"close together", []float64{0.1, -0.1, 0.05, -0.02}, stats.Yes},
		{"equal", []float64{0, 0, 0}, stats.Yes},
		{"close together, but elsewhere", []float64{2.1, 1.9, 2.05, 1.98}, stats.No},
		{"elsewhere, on the other side", []float64{-2.1, -1.9, -2.05, -1.98}, stats.No},
		{"exactly at the margin", []float64{1, 1, 1}, stats.Open},
		{"scattered: no difference shown does not prove equivalence", []float64{3, -3, 2, -2}, stats.Open},
	} {
		if _, got := stats.Equivalence(row.differences, 1); got != row.want {
			t.Errorf("%s: %v; want %v", row.says, got, row.want)
		}
	}
}

// power is how often two one-sided tests show equivalence, of n normal differences with a mean and a standard
// deviation of 1: the mean has to lie within margin − t·s/√n of 0, for the s that occurs. It is integrated over the
// distribution of s², apart from the code under test.
func power(n int, mean, margin, t float64) (sum float64) {
	freedom := float64(n - 1)
	chi := distuv.ChiSquared{K: freedom}
	root := math.Sqrt(float64(n))
	const steps = 4000
	for i := range steps {
		s := math.Sqrt(chi.Quantile((float64(i)+0.5)/steps) / freedom)
		if room := margin*root - t*s; room > 0 {
			sum += distuv.UnitNormal.CDF(room-mean*root) - distuv.UnitNormal.CDF(-room-mean*root)
		}
	}
	return sum / steps
}

// Of differences whose true mean lies exactly at the margin, at most 5 % are called equivalent; and those of equal
// arms as often as the theory says. The shortened form would notice a rate of 7 %.
func TestEquivalenceKeepsItsLevel(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	repeats := proof.Size(4000, 200_000)
	for _, row := range []struct {
		n         int
		mean, t   float64
		wantAbove float64
	}{{4, 2, 2.353, 0.02}, {6, 2, 2.015, 0.04}, {12, 2, 1.796, 0.04}, {6, 0, 2.015, 0.9}} {
		const margin = 2
		yes, no := 0, 0
		for range repeats {
			differences := make([]float64, row.n)
			for i := range differences {
				differences[i] = row.mean + random.NormFloat64()
			}
			switch _, answer := stats.Equivalence(differences, margin); answer {
			case stats.Yes:
				yes++
			case stats.No:
				no++
			}
		}
		share, want := float64(yes)/float64(repeats), power(row.n, row.mean, margin, row.t)
		if scatter := math.Sqrt(want*(1-want)/float64(repeats)) + 1e-4; math.Abs(share-want) > 4*scatter {
			t.Errorf("n = %d, mean %g: equivalent in %.4f; want %.4f", row.n, row.mean, share, want)
		}
		if share < row.wantAbove || row.mean == margin && share > 0.05+4*math.Sqrt(0.05*0.95/float64(repeats)) {
			t.Errorf("n = %d, mean %g: equivalent in %.4f", row.n, row.mean, share)
		}
		if wrong := float64(no) / float64(repeats); wrong > 0.05+4*math.Sqrt(0.05*0.95/float64(repeats)) {
			t.Errorf("n = %d, mean %g: different in %.4f; want at most 5 %%", row.n, row.mean, wrong)
		}
	}
}
