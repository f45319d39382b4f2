package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The interval contains the true ratio as often as it says, with unlike numbers and spreads on both
// sides. 4,000 intervals of 95 % put the share within ±0.7 % at one in twenty; 1.5 % would be four
// standard deviations.
func TestIndependentCoversTheTrueRatio(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(17, 5))
	const truth, times = 1.2, 4000
	for _, row := range []struct{ base, other int }{{3, 3}, {4, 9}, {12, 6}} {
		covered := 0
		for range times {
			var base, other []float64
			for range row.base {
				base = append(base, 100*math.Exp(0.05*random.NormFloat64()))
			}
			for range row.other {
				other = append(other, truth*100*math.Exp(0.15*random.NormFloat64()))
			}
			if Independent(base, other).Contains(truth) {
				covered++
			}
		}
		// Welch's interval is slightly conservative for the smallest samples.
		if share := float64(covered) / times; share < 0.935 || share > 0.98 {
			t.Errorf("%d and %d values: %.3f of the intervals contain the ratio", row.base, row.other, share)
		}
	}
}

func TestIndependentOfFewValues(t *testing.T) {
	if i := Independent(nil, []float64{1}); i.Measured() {
		t.Errorf("from nothing: %+v", i)
	}
	if i := Independent([]float64{2}, []float64{3, 3}); i.Known() || math.Abs(i.Value-1.5) > 1e-12 {
		t.Errorf("one value: %+v", i)
	}
	if i := Independent([]float64{2, 2}, []float64{3, 3}); i.Low != i.High || math.Abs(i.Value-1.5) > 1e-12 {
		t.Errorf("without spread: %+v", i)
	}
	i := Independent([]float64{2, 0, math.Inf(1), 2.2}, []float64{3, 3.2})
	if i.N != 2 || !(i.Low < i.Value && i.Value < i.High) {
		t.Errorf("with zero and infinity, which are left out: %+v", i)
	}
}
