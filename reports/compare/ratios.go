package compare

import (
	"slices"

	"bench/results"
	"bench/stats"
)

// comparison is a figure by which two topologies are compared under a load.
type comparison struct {
	metric string
	of     func(base, other []*results.Cell) stats.Interval
	on     func(l Load, first bool) bool // the loads on which it is compared
}

// comparisons are the rows of the table of ratios, for each load.
var comparisons = []comparison{
	{"max_throughput", paired(rate), closedLoop},
	{"p50", percentile(50), measuredLoad},
	{"p99", percentile(99), measuredLoad},
	{"p90", percentile(90), never}, // for recommendations of runs with too few requests for p99
	{"cpu_ms_per_request", paired(cpuPerRequest), measuredLoad},
	{"boot_ms", paired(func(c *results.Cell) float64 { return c.Boot.BootMS }), firstLoad},
	{"pss_bytes", paired(func(c *results.Cell) float64 { return float64(results.PeakPSS(c.Usage)) }), firstLoad},
}

func closedLoop(l Load, _ bool) bool { return l.Rate.Measured() && l.Mode == results.ClosedLoop }

// measuredLoad leaves out the load step that only tells delays of TCP from others.
func measuredLoad(l Load, _ bool) bool {
	return l.Rate.Measured() && (l.step() || l.Mode == results.ClosedLoop)
}

func never(Load, bool) bool { return false }

func firstLoad(_ Load, first bool) bool { return first }

// paired compares a figure of each cell, paired by block.
func paired(f metric) func(base, other []*results.Cell) stats.Interval {
	return func(base, other []*results.Cell) stats.Interval {
		return stats.Ratio(perBlock(base, f), perBlock(other, f))
	}
}

// percentile compares a percentile of all response times together.
func percentile(percent float64) func(base, other []*results.Cell) stats.Interval {
	return func(base, other []*results.Cell) stats.Interval { return percentileRatio(base, other, percent) }
}

// ratios compares a topology to the baseline, metric by metric and load by load.
func ratios(base, other []*results.Cell, loads []Load) []Ratio {
	list := []Ratio{}
	for i, l := range loads {
		for _, c := range comparisons {
			if !c.on(l, i == 0) {
				continue
			}
			if v, has := ratio(base, other, l, c); has {
				list = append(list, v)
			}
		}
	}
	return list
}

// ratio compares one metric under one load; it is false if there is nothing to compare.
func ratio(base, other []*results.Cell, l Load, c comparison) (Ratio, bool) {
	all := under(base, l)
	mine, theirs := valid(under(other, l)), valid(all)
	if 2*(len(all)-len(theirs)) >= len(all) {
		return Ratio{}, false // the rest of a mostly void baseline is not a baseline
	}
	v := Ratio{Metric: c.metric, Scenario: l.Scenario, Load: l.Load, Interval: c.of(theirs, mine)}
	if !v.Measured() {
		return Ratio{}, false
	}
	switch {
	case c.metric == "max_throughput":
		v.Bound = bound(mostly(mine, "generator-bound"), mostly(theirs, "generator-bound"))
	case slices.Contains([]string{"p50", "p90", "p99"}, c.metric) && l.Mode == results.OpenLoop:
		// Response times leave out what was not sent or not answered in time.
		v.Bound = bound(slices.ContainsFunc(mine, fellBehind), slices.ContainsFunc(theirs, fellBehind))
	}
	return v, true
}

// under are the cells of a load.
func under(cells []*results.Cell, l Load) []*results.Cell {
	return slices.DeleteFunc(slices.Clone(cells), func(c *results.Cell) bool {
		return c.Scenario != l.Scenario || c.Load != l.Load
	})
}

// bound qualifies a ratio of which a figure is only a lower bound: a rate that the generator limited,
// or a latency at a rate that was not sustained.
func bound(mine, baseline bool) string {
	switch {
	case mine && baseline:
		return "unknown"
	case mine:
		return "at least"
	case baseline:
		return "at most"
	}
	return ""
}

// direction is the side of 1 on which a ratio is shown to lie: a lower bound can only win, an upper
// bound can only lose.
func (v Ratio) direction() int {
	d := v.Direction()
	if v.Bound == "unknown" || v.Bound == "at least" && d < 0 || v.Bound == "at most" && d > 0 {
		return 0
	}
	return d
}
