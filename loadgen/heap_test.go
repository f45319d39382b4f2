package loadgen

import (
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"
)

// Long loads keep the heap small until the last one ends, and leave what the user asked for as it was. Short ones
// change nothing.
func TestHeapIsCollectedEarlyWhileLongLoadsRun(t *testing.T) {
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
		is := func(moment string, want int) {
			t.Helper()
			if got := now(); got != want {
				t.Errorf("%s: %d %% %s, want %d", row.says, got, moment, want)
			}
		}
		synctest.Test(t, func(*testing.T) {
			debug.SetGCPercent(row.before)
			first, short, second := collectEarly(), collectEarly(), collectEarly()
			time.Sleep(longLoad - time.Second)
			short()
			is("in loads that are short yet", row.before)
			time.Sleep(2 * time.Second)
			synctest.Wait()
			is("in long loads", row.want)
			first()
			first() // once is enough
			is("in the second load", row.want)
			second()
			is("after the loads", row.before)
		})
	}
}
