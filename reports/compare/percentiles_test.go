package compare

import (
	"math"
	"testing"

	"bench/results"
)

// The ratio of a percentile is the quotient of the figures in the table of latencies, also where one
// block is unlike the others; with fewer than 10/(1−q) requests in a cell there is none.
func TestPercentileRatiosAgreeWithTheTable(t *testing.T) {
	steady := func(i int) int64 { return 1_000 + int64(i) }
	for _, row := range []struct {
		says     string
		requests int
		p99      bool
	}{{"a thousand requests a cell", 1000, true}, {"one fewer", 999, false}, {"too few for either", 19, false}} {
		run := madeUpRun(6, []arm{
			{name: "runserver", workers: 2, rate: 300, response: steady},
			{name: "uwsgi", workers: 2, rate: 300, response: steady},
		})
		for _, c := range run.Cells {
			h := results.NewHistogram()
			for i := range row.requests {
				us := steady(i)
				if c.Topology == "runserver" && c.Block == 4 && i%7 == 0 {
					us = 60_000 // a bad minute of the baseline
				}
				_ = h.RecordValue(us)
			}
			c.Intervals[0].Hists[results.Series{Kind: results.Response, Target: "home"}] = results.Pack(h)
		}
		r := build(t, run)
		for metric, percent := range map[string]float64{"p50": 50, "p99": 99} {
			v := r.topology("uwsgi").ratio(metric, "page", "rate-200")
			if want := float64(row.requests) >= 10/(1-percent/100)*(1-1e-9); (v != nil) != want {
				t.Errorf("%s: there is a ratio of %s: %v; want %v", row.says, metric, v != nil, want)
			}
			if v == nil {
				continue
			}
			mine, theirs := r.topology("uwsgi").load("page", "rate-200"), r.topology("runserver").load("page", "rate-200")
			figures := map[string][2]int64{
				"p50": {mine.Response.P50, theirs.Response.P50}, "p99": {mine.Response.P99, theirs.Response.P99},
			}
			want := float64(figures[metric][0]) / float64(figures[metric][1])
			if math.Abs(v.Value/want-1) > 1e-12 || v.N != 6 {
				t.Errorf("%s: the ratio of %s is %+v; the table says %v, which is %.4f", row.says, metric, v, figures[metric], want)
			}
			// Five of six blocks are equal, and the sixth decides the figures over all of them.
			if metric == "p99" && v.Direction() != 0 {
				t.Errorf("one bad block shows a difference: %+v", v)
			}
		}
	}
}
