package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bench/reports/page"
	"bench/results"
)

// The tables of a report.

func (r *Report) topologyTitle() string {
	return fmt.Sprintf("Topologies (%s, closed loop with %s)", r.main(), page.Count(r.connections(), "connection"))
}

func (r *Report) topologyTable() page.Table {
	t := page.Table{Columns: page.Columns("topology", "#req/s [95 % CI]", "#CPU time per request", "by tier",
		"#memory (PSS)", "concurrency", "#boot", "#first request")}
	for _, top := range r.Topologies {
		row := []string{top.Name, "excluded"}
		if top.Excluded == "" {
			row = top.row()
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (t Topology) row() []string {
	concurrency := page.Unknown
	if t.Concurrency >= 0 {
		concurrency = results.AtOnce(t.Concurrency, t.EventLoop)
	}
	memory, boot, first := page.Unknown, page.Unknown, page.Unknown
	if t.PSS > 0 {
		memory = page.MiB(t.PSS)
	}
	if t.BootMS > 0 {
		boot, first = page.Micros(int64(t.BootMS*1000)), page.Micros(int64(t.FirstRequestMS*1000))
	}
	return []string{
		t.Name, rateText(t.MaxThroughput), page.Interval(t.CPUTotal, page.Millis), TierList(t.CPU),
		memory, concurrency, boot, first,
	}
}

func (r *Report) scenarioTable() page.Table {
	t := page.Table{Columns: page.Columns("scenario", "#rank", "topology", "#req/s [95 % CI]", "#vs. "+r.Baseline,
		"#p50", "#p99", "#successful responses", "#cells")}
	for _, s := range r.Scenarios {
		for _, p := range s.Order {
			versus := page.Unknown
			if p.Topology == r.Baseline {
				versus = "baseline"
			} else if p.Versus != nil {
				versus = times(*p.Versus)
			}
			l := r.topology(p.Topology).load(s.Name, "closed")
			t.Rows = append(t.Rows, []string{
				s.Name, p.ranked(), p.Topology, rateText(p.Rate), versus,
				page.Micros(p.Response.P50), page.Micros(p.Response.P99), l.successful(), l.cells(),
			})
		}
	}
	return t
}

func (r *Report) latencyTable() page.Table {
	t := page.Table{Columns: page.Columns("#offered", "topology", "#p50", "#p90", "#p99", "#max", "#service p99",
		"#successful responses", "objectives")}
	for _, top := range r.compared() {
		for _, l := range top.Loads {
			if l.Mode != results.OpenLoop {
				continue
			}
			successful, offered := l.successful(), page.Number(l.Offered)+"/s"
			if l.New {
				offered += ", new connections"
			}
			if !l.Sustained {
				successful += " (not sustained)"
			}
			t.Rows = append(t.Rows, []string{
				offered, top.Name, page.Micros(l.Response.P50), page.Micros(l.Response.P90),
				page.Micros(l.Response.P99), page.Micros(l.Response.Max), page.Micros(l.Service.P99), successful,
				objectiveText(l.Objectives),
			})
		}
	}
	return t
}

// successful is the number of successful responses, of all requests.
func (l Load) successful() string {
	return fmt.Sprintf("%s of %s", whole(l.Counts.OK), whole(l.Counts.Intended))
}

// whole writes a whole number.
func whole(n uint64) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return page.Number(float64(n))
}

// cells is the number of cells behind the figures.
func (l Load) cells() string {
	if l.Void == 0 {
		return fmt.Sprint(l.Cells)
	}
	return fmt.Sprintf("%d of %d", l.Cells-l.Void, l.Cells)
}

func objectiveText(list []results.Judged) string {
	var parts []string
	for _, o := range list {
		parts = append(parts, fmt.Sprintf("%s %s (%s)", o.Objective, o.Verdict, page.Judged(o)))
	}
	return strings.Join(parts, "; ")
}

func (r *Report) ratioTable() page.Table {
	t := page.Table{Columns: page.Columns("topology", "scenario", "load", "metric", "#ratio [95 % CI]", "#blocks")}
	for _, top := range r.compared() {
		for _, v := range top.VsBaseline {
			t.Rows = append(t.Rows, []string{top.Name, v.Scenario, v.Load, v.Metric, times(v), fmt.Sprint(v.N)})
		}
	}
	return t
}

func (r *Report) targetTable() page.Table {
	t := page.Table{Columns: page.Columns("scenario", "load", "topology", "target", "#responses", "#p50", "#p99", "#max")}
	for _, top := range r.compared() {
		for _, l := range top.Loads {
			for _, target := range r.targetNames(l.Scenario) {
				s, measured := l.Targets[target]
				if !measured {
					continue
				}
				t.Rows = append(t.Rows, []string{
					l.Scenario, l.Load, top.Name, target, whole(uint64(s.Count)),
					page.Micros(s.P50), page.Micros(s.P99), page.Micros(s.Max),
				})
			}
		}
	}
	return t
}

func (r *Report) targetNames(scenario string) []string {
	var names []string
	for _, s := range r.Scenarios {
		if s.Name == scenario {
			for _, t := range s.Targets {
				names = append(names, t.Name)
			}
		}
	}
	// Targets beyond the hundredth share a name that the scenario does not have.
	for _, t := range r.Topologies {
		for _, l := range t.Loads {
			for _, name := range slices.Sorted(maps.Keys(l.Targets)) {
				if l.Scenario == scenario && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}
