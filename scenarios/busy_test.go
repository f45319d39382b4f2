package scenarios

import (
	"math"
	"testing"
	"time"

	"bench/results"
)

// Of hosts, the busiest counts; of one machine, all its cores. A cell whose hosts could not be read counts for nothing.
func TestTheBusiestHostDecidesTheRate(t *testing.T) {
	cell := func(front, app time.Duration) *results.Cell {
		return &results.Cell{Elapsed: 2, Hosts: []results.HostUsage{
			{Host: "app", Cores: 4, CPU: app}, {Host: "front", Cores: 1, CPU: front},
		}}
	}
	unread := &results.Cell{Elapsed: 2}
	for _, row := range []struct {
		says  string
		cells [2]*results.Cell
		want  float64
	}{
		{"the app's", [2]*results.Cell{cell(100*time.Millisecond, 2*time.Second), cell(0, 2*time.Second)}, 0.5},
		{"the proxy's", [2]*results.Cell{cell(time.Second, time.Second), cell(time.Second, time.Second)}, 1},
		{"one cell was not read", [2]*results.Cell{cell(time.Second, 0), unread}, 0.5},
	} {
		if got := busyShare(row.cells); math.Abs(got-row.want) > 1e-9 {
			t.Errorf("%s: %g, want %g", row.says, got, row.want)
		}
	}
}
