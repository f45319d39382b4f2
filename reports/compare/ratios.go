package compare

import (
	"slices"

	"bench/results"
	"bench/stats"
)

// ratios compares a topology to the baseline, metric by metric and load by load.
func ratios(base, other []*results.Cell, loads []Load) []Ratio {
	list := []Ratio{}
	add := func(l Load, name string, f metric) {
		of := func(base, other []*results.Cell) stats.Interval {
			return stats.Ratio(perBlock(base, f), perBlock(other, f))
		}
		if v, has := ratio(base, other, l, name, of); has {
			list = append(list, v)
		}
	}
	addPercentile := func(l Load, name string, percent float64) {
		of := func(base, other []*results.Cell) stats.Interval { return percentileRatio(base, other, percent) }
		if v, has := ratio(base, other, l, name, of); has {
			list = append(list, v)
		}
	}
	for _, l := range loads {
		if !l.Rate.Measured() {
			continue
		}
		if l.Mode == results.ClosedLoop {
			add(l, "max_throughput", rate)
		}
		addPercentile(l, "p50", 50)
		addPercentile(l, "p99", 99)
		add(l, "cpu_ms_per_request", cpuPerRequest)
	}
	if len(loads) > 0 {
		add(loads[0], "boot_ms", func(c *results.Cell) float64 { return c.Boot.BootMS })
		add(loads[0], "pss_bytes", func(c *results.Cell) float64 { return float64(results.PeakPSS(c.Usage)) })
	}
	return list
}

// ratio compares one metric under one load; it is false if there is nothing to compare.
func ratio(
	base, other []*results.Cell, l Load, name string, of func(base, other []*results.Cell) stats.Interval,
) (Ratio, bool) {
	all := under(base, l)
	mine, theirs := valid(under(other, l)), valid(all)
	if 2*(len(all)-len(theirs)) >= len(all) {
		return Ratio{}, false // the rest of a mostly void baseline is not a baseline
	}
	v := Ratio{
		Metric: name, Scenario: l.Scenario, Load: l.Load,
		Interval: of(theirs, mine),
	}
	if !v.Measured() {
		return Ratio{}, false
	}
	switch {
	case name == "max_throughput":
		v.Bound = bound(mostly(mine, "generator-bound"), mostly(theirs, "generator-bound"))
	case (name == "p50" || name == "p99") && l.Mode == results.OpenLoop:
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
