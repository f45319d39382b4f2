package reports

import (
	"fmt"
	"slices"
	"strings"

	"bench/results"
	"bench/stats"
)

// ratios compares a topology to the baseline, metric by metric and load by load.
func ratios(base, other []*results.Cell, loads []Load) []Ratio {
	list := []Ratio{}
	add := func(name, scenario, load string, f metric) {
		match := func(cells []*results.Cell) []*results.Cell {
			return slices.DeleteFunc(slices.Clone(cells), func(c *results.Cell) bool { return c.Scenario != scenario || c.Load != load })
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
		if name == "max_rate" {
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
			add("max_rate", l.Scenario, l.Load, rate)
		}
		add("p50", l.Scenario, l.Load, responsePercentile(50))
		add("p99", l.Scenario, l.Load, responsePercentile(99))
		add("cpu_ms_per_request", l.Scenario, l.Load, cpuPerRequest)
	}
	if len(loads) > 0 {
		first := loads[0]
		add("boot_ms", first.Scenario, first.Load, func(c *results.Cell) float64 { return c.Boot.BootMS })
		add("pss_bytes", first.Scenario, first.Load, func(c *results.Cell) float64 { return float64(results.PeakPSS(c.Usage)) })
	}
	return list
}

// bound says what a ratio is when one of its figures is only a lower bound: a rate that the
// generator limited, a latency of a load that was not kept up with.
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

// finding says a scenario's order in words.
func finding(s Scenario, baseline string) string {
	switch {
	case len(s.Order) == 0:
		return "Nothing was measured."
	case len(s.Order) == 1:
		return fmt.Sprintf("%s serves %s req/s; there is nothing to compare it to.", s.Order[0].Topology, rateText(s.Order[0].Rate))
	case !slices.ContainsFunc(s.Order, func(p Place) bool { return p.Topology == baseline }):
		return fmt.Sprintf("The baseline %s was not measured, so there are no ratios.", baseline)
	}
	var better, worse, same, single []string
	for _, p := range s.Order {
		if p.Versus == nil {
			continue
		}
		text := fmt.Sprintf("%s %s", p.Topology, times(*p.Versus))
		switch {
		case p.Versus.Confidence == 0:
			single = append(single, text)
		case p.Versus.direction() > 0:
			better = append(better, text)
		case p.Versus.direction() < 0:
			worse = append(worse, text)
		default:
			same = append(same, text)
		}
	}
	var parts []string
	for _, part := range []struct {
		says string
		list []string
	}{
		{baseline + " beaten", better}, {baseline + " ahead", worse},
		{"no difference shown", same}, {"one block, no verdict", single},
	} {
		if len(part.list) > 0 {
			parts = append(parts, part.says+": "+strings.Join(part.list, ", "))
		}
	}
	if len(parts) == 0 {
		return fmt.Sprintf("Too little of the baseline %s was measured, so there are no ratios.", baseline)
	}
	return strings.Join(parts, "; ") + "."
}

// times writes a ratio with its interval, as a factor.
func times(v Ratio) string {
	prefix := ""
	switch v.Bound {
	case "unknown":
		prefix = "(both are bounds) "
	case "":
	default:
		prefix = v.Bound + " "
	}
	if v.Confidence == 0 {
		return fmt.Sprintf("%s%s× (one block, no interval)", prefix, factor(v.Value))
	}
	return fmt.Sprintf("%s%s× [%s, %s]", prefix, factor(v.Value), factor(v.Low), factor(v.High))
}

// factor keeps three significant digits.
func factor(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}
