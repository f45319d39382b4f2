package loadgen

import (
	"runtime/debug"
	"testing"
)

// Loads that overlap keep the heap small until the last one ends, and leave what the user asked for as it was.
func TestHeapIsCollectedEarlyWhileLoadsRun(t *testing.T) {
	now := func() int {
		p := debug.SetGCPercent(100)
		debug.SetGCPercent(p)
		return p
	}
	defer debug.SetGCPercent(now())
	for _, row := range []struct {
		says         string
		before, want int
	}{
		{"as Go does by default", 100, growth},
		{"the user wants less", 10, 10},
		{"the user has switched it off", -1, -1},
	} {
		debug.SetGCPercent(row.before)
		first := collectEarly()
		second := collectEarly()
		first()
		first() // once is enough
		if got := now(); got != row.want {
			t.Errorf("%s: %d %% during a load, want %d", row.says, got, row.want)
		}
		second()
		if got := now(); got != row.before {
			t.Errorf("%s: %d %% after the loads, want %d", row.says, got, row.before)
		}
	}
}
