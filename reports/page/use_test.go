package page

import (
	"testing"
	"time"

	"bench/results"
)

// CPU use is the slope between two readings of a cell, never across cells; a counter that fell counts as 0.
func TestUseByTier(t *testing.T) {
	reading := func(at, cpu time.Duration, tier string) results.Usage {
		return results.Usage{At: at, CPU: cpu, Tier: tier, PSS: 3 << 20}
	}
	use := NewUse([]string{"app", "proxy"})
	use.Add(10, []results.Usage{
		reading(0, 0, "app"), reading(0, 5*time.Second, "proxy"), reading(0, 0, "unknown"),
		reading(2*time.Second, 3*time.Second, "app"), reading(2*time.Second, time.Second, "proxy"),
	})
	use.Add(20, []results.Usage{reading(0, 100*time.Second, "app")})
	figures := use.Figures("x")
	if len(figures) != 2 || !figures[0].Tiers {
		t.Fatalf("%+v", figures)
	}
	cores, memory := figures[0].Series, figures[1].Series
	if len(cores) != 2 || len(cores[0].Points) != 1 || cores[0].Points[0].X != 12 || cores[0].Points[0].Y != 1.5 ||
		cores[1].Points[0].Y != 0 {
		t.Errorf("cores: %+v; want 1.5 of the app at 12 s, and 0 of the proxy", cores)
	}
	if len(memory[0].Points) != 3 || memory[0].Points[2].X != 20 || memory[0].Points[2].Y != 3 {
		t.Errorf("memory: %+v; want three readings of 3 MiB", memory)
	}
	if NewUse([]string{"app"}).Figures("x") != nil {
		t.Error("there are figures without a reading")
	}
}

// The columns of a heat map hold every request once, however many intervals share a column.
func TestHeatColumns(t *testing.T) {
	for _, n := range []int{0, 1, 2, 120, 121, 1000} {
		var intervals []results.Interval
		for i := range n {
			h := results.NewHistogram()
			for us := range int64(20) {
				_ = h.RecordValue(1000 * (us + int64(i)%3 + 1))
			}
			intervals = append(intervals, results.Interval{
				Start: time.Duration(i) * time.Second, Length: time.Second,
				Hists: map[results.Series]*results.Packed{{Kind: results.Response}: results.Pack(h)},
			})
		}
		columns, width := HeatColumns(intervals)
		if len(columns) > mostColumns || float64(len(columns))*width < float64(n) {
			t.Errorf("%d seconds: %d columns of %g s", n, len(columns), width)
		}
		for _, c := range columns {
			sum := 0.0
			for _, share := range c.Shares {
				sum += share
			}
			if sum < 99.999 || sum > 100.001 || c.P50 == 0 || c.P99 < c.P50 {
				t.Errorf("%d seconds: a column of %g %% with p50 %g and p99 %g", n, sum, c.P50, c.P99)
			}
		}
	}
}
