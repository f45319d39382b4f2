package plot

import (
	"math"
	"slices"
	"testing"
)

// Sixteen lines of a legend over three decades: the axis stays finite, and has marks.
func TestAxisHasRoomForAnyLegend(t *testing.T) {
	for lines := 0; lines <= 40; lines++ {
		e := extent{low: 3, high: 1500}
		top := e.headroom(lines)
		if !(top >= e.high) || top > e.high*1e6 {
			t.Errorf("%d lines: an axis up to %g", lines, top)
		}
		if ticks := logTicks(e.low, top, 2e3, func(float64) string { return "" }); len(ticks) == 0 || len(ticks) > 200 {
			t.Errorf("%d lines: %d marks", lines, len(ticks))
		}
	}
	if ticks := logTicks(0, math.Inf(1), 1, nil); ticks != nil {
		t.Errorf("an axis without ends has marks: %v", ticks)
	}
}

// Rates from 50 to 100,000 are labelled at the powers of ten alone: the others would overlap.
func TestLongNumbersHaveRoom(t *testing.T) {
	var labels []string
	for _, tick := range (countTicks{}).Ticks(50, 100_000) {
		if tick.Label != "" {
			labels = append(labels, tick.Label)
		}
	}
	if want := []string{"100", "1,000", "10,000", "100,000"}; !slices.Equal(labels, want) {
		t.Errorf("labels %v; want %v", labels, want)
	}
}
