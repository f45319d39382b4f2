package accuracy

import (
	"math"
	"testing"
)

// A machine whose speed drifts makes no difference between two tools that measure it in turns; what one of them always
// misses does.
func TestTurnsAreHeldAgainstTheirNeighbours(t *testing.T) {
	for _, row := range []struct {
		says            string
		ours, wrk       []float64
		apart, atMostSE float64
	}{
		{"a steady machine", []float64{100, 100, 100}, []float64{100, 100}, 0, 1e-12},
		{"one that gets slower by a fifth each turn", []float64{100, 64, 40.96}, []float64{80, 51.2}, 0, 1e-12},
		{"a tenth is missing", []float64{90, 90, 90}, []float64{100, 100}, -0.1, 1e-12},
		{"scatter", []float64{100, 110, 100}, []float64{100, 110}, 0, 0.1},
	} {
		apart, se := Throughput{Ours: row.ours, Wrk: row.wrk}.apart()
		if math.Abs(apart-row.apart) > 1e-9 || se > row.atMostSE {
			t.Errorf("%s: %g ± %g; want %g", row.says, apart, se, row.apart)
		}
	}
}
