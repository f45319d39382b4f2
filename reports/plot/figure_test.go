package plot

import (
	"math"
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
		if ticks := logTicks(e.low, top, func(float64) string { return "" }); len(ticks) == 0 || len(ticks) > 200 {
			t.Errorf("%d lines: %d marks", lines, len(ticks))
		}
	}
	if ticks := logTicks(0, math.Inf(1), nil); ticks != nil {
		t.Errorf("an axis without ends has marks: %v", ticks)
	}
}
