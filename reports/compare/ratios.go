package compare

import (
	"slices"

	"bench/results"
	"bench/stats"
)

// ratios compares a topology to the baseline, metric by metric and load by load.
func ratios(base, other []*results.Cell, loads []Load) []Ratio {
	list := []Ratio{}
	add := func(name, scenario, load string, f metric) {
		match := func(cells []*results.Cell) []*results.Cell {
			return slices.DeleteFunc(slices.Clone(cells), func(c *results.Cell) bool {
				return c.Scenario != scenario || c.Load != load
			})
		}
		all := match(base)
		mine, theirs := valid(match(other)), valid(all)
		if 2*(len(all)-len(theirs)) >= len(all) {
			return // what is left of a baseline that mostly failed is none
		}
		e := stats.Ratio(perBlock(theirs, f), perBlock(mine, f))
		if e.N == 0 {
			return
		}
		v := Ratio{Metric: name, Scenario: scenario, Load: load, Interval: e}
		if name == "max_throughput" {
			v.Bound = bound(mostly(mine, "generator-bound"), mostly(theirs, "generator-bound"))
		}
		if latency := name == "p50" || name == "p99"; latency && mine[0].Mode == results.OpenLoop {
			// What was not sent, or not answered in time, is in no response time.
			v.Bound = bound(slices.ContainsFunc(mine, fellBehind), slices.ContainsFunc(theirs, fellBehind))
		}
		list = append(list, v)
	}
	for _, l := range loads {
		if l.Rate.N == 0 {
			continue
		}
		if l.Mode == results.ClosedLoop {
			add("max_throughput", l.Scenario, l.Load, rate)
		}
		add("p50", l.Scenario, l.Load, responsePercentile(50))
		add("p99", l.Scenario, l.Load, responsePercentile(99))
		add("cpu_ms_per_request", l.Scenario, l.Load, cpuPerRequest)
	}
	if len(loads) > 0 {
		first := loads[0]
		add("boot_ms", first.Scenario, first.Load, func(c *results.Cell) float64 { return c.Boot.BootMS })
		add("pss_bytes", first.Scenario, first.Load,
			func(c *results.Cell) float64 { return float64(results.PeakPSS(c.Usage)) })
	}
	return list
}

// bound says what a ratio is when one of its figures is only a lower bound: a rate that the
// generator limited, a latency at a rate that was not sustained.
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

// direction says on which side of 1 a ratio is shown to lie: a lower bound can only win, an
// upper bound only lose.
func (v Ratio) direction() int {
	d := v.Direction()
	if v.Bound == "unknown" || v.Bound == "at least" && d < 0 || v.Bound == "at most" && d > 0 {
		return 0
	}
	return d
}
