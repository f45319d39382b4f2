package compare

import (
	"fmt"
	"slices"
	"strings"

	"bench/reports/page"
	"bench/results"
)

// answer puts the findings into words: the main scenario first, then the others.
func (r *Report) answer() {
	if r.Grade == results.Invalid {
		r.Answer = []string{"The run is not a valid measurement, so it has no result; see the diagnostics."}
		return
	}
	main := r.Scenarios[0]
	if r.Recommendation != nil {
		r.Answer = append(r.Answer, r.Recommendation.Sentence)
	}
	said := len(r.Answer)
	for _, p := range main.Order {
		base := r.topology(r.Baseline)
		if p.Versus == nil || base == nil {
			continue
		}
		note := ""
		if p.Versus.Known() && p.Versus.direction() == 0 {
			note = " This shows no difference: the interval contains 1."
		}
		r.Answer = append(r.Answer, fmt.Sprintf("On %s with %s, %s serves %s as many requests as %s: %s req/s vs. %s.%s",
			main.Name, page.Count(r.connections(), "connection"), p.Topology, times(*p.Versus), r.Baseline,
			page.Number(p.Rate.Value), page.Number(base.MaxThroughput.Value), note))
	}
	if len(r.Answer) == said {
		r.Answer = append(r.Answer, fmt.Sprintf("On %s: %s", main.Name, main.Finding))
	}
	if text := r.nagleAnswer(main.Name); text != "" {
		r.Answer = append(r.Answer, text)
	}
	for _, text := range r.pairFindings(main) {
		r.Answer = append(r.Answer, fmt.Sprintf("On %s, directly: %s.", main.Name, text))
	}
	if text := r.latencyAnswer(main.Name); text != "" {
		r.Answer = append(r.Answer, text)
	}
	for _, s := range r.Scenarios[1:] {
		r.Answer = append(r.Answer, fmt.Sprintf("On %s: %s", r.under(s.Name), s.Finding))
	}
}

// latencyAnswer compares the tail at the highest offered rate that every topology sustains. The
// figures cover all blocks together; their quotient is in the table of ratios.
func (r *Report) latencyAnswer(main string) string {
	common, compared := r.commonRate(), r.compared()
	if common == nil || len(compared) < 2 || !r.allSustain(common.Load) {
		return ""
	}
	var parts []string
	for _, t := range compared {
		parts = append(parts, fmt.Sprintf("%s with %s", page.Micros(t.load(main, common.Load).Response.P99), t.Name))
	}
	return fmt.Sprintf("At %s requests per second, which all of them sustain, p99 is %s.",
		page.Number(common.Offered), page.List(parts))
}

// allSustain reports whether every topology sustains an open-loop rate.
func (r *Report) allSustain(load string) bool {
	return !slices.ContainsFunc(r.compared(), func(t Topology) bool {
		l := t.load(r.main(), load)
		return l == nil || !l.Sustained
	})
}

// finding puts the order of a scenario's topologies into words.
func finding(s Scenario, baseline string) string {
	switch {
	case len(s.Order) == 0:
		return "nothing was measured."
	case len(s.Order) == 1:
		return fmt.Sprintf("%s serves %s req/s; no other topology was measured.",
			s.Order[0].Topology, rateText(s.Order[0].Rate))
	case !slices.ContainsFunc(s.Order, func(p Place) bool { return p.Topology == baseline }):
		return fmt.Sprintf("the baseline, %s, was not measured, so there are no ratios.", baseline)
	}
	var parts []string
	for _, group := range []struct {
		says string
		has  func(Ratio) bool
	}{
		{"higher throughput than " + baseline, func(v Ratio) bool { return v.direction() > 0 }},
		{"lower throughput than " + baseline, func(v Ratio) bool { return v.direction() < 0 }},
		{"no difference from " + baseline + " is shown", func(v Ratio) bool { return v.Known() && v.direction() == 0 }},
		{"one block only, so no verdict", func(v Ratio) bool { return !v.Known() }},
	} {
		var list []string
		for _, p := range s.Order {
			if p.Versus != nil && group.has(*p.Versus) {
				list = append(list, p.Topology+" "+times(*p.Versus))
			}
		}
		if len(list) > 0 {
			parts = append(parts, group.says+": "+strings.Join(list, ", "))
		}
	}
	if len(parts) == 0 {
		return fmt.Sprintf("too little of the baseline, %s, was measured for ratios.", baseline)
	}
	return strings.Join(parts, "; ") + "."
}

// times writes a ratio with its interval, as a factor.
func times(v Ratio) string {
	text := page.Interval(v.Interval, page.Factor)
	switch v.Bound {
	case "":
		return text
	case "unknown":
		return text + " (both are lower bounds)"
	}
	return v.Bound + " " + text
}

// rateText writes a throughput with its interval.
func rateText(v Rate) string {
	text := page.Interval(v.Interval, page.Number)
	if v.LowerBound && v.Measured() {
		return "≥ " + text
	}
	return text
}

// says names a load within a sentence.
func (l Load) says() string {
	switch {
	case l.Mode == results.OpenLoop && l.New:
		return fmt.Sprintf("%s at %s requests per second with new connections", l.Scenario, page.Number(l.Offered))
	case l.Mode == results.OpenLoop:
		return fmt.Sprintf("%s at %s requests per second", l.Scenario, page.Number(l.Offered))
	case l.Load == results.ApartLoad:
		return l.Scenario + " in a closed loop, servers and load generator on cores of their own"
	case l.Load == "closed-new":
		return l.Scenario + " in a closed loop with new connections"
	}
	return l.Scenario + " in a closed loop"
}

func (r *Report) topology(name string) *Topology {
	for i := range r.Topologies {
		if r.Topologies[i].Name == name {
			return &r.Topologies[i]
		}
	}
	return nil
}

// connections is the number of connections of the main scenario's closed loop.
func (r *Report) connections() int { return r.connectionsOf(r.main()) }

// connectionsOf is the number of connections of a scenario's closed loop; 0: it had none.
func (r *Report) connectionsOf(scenario string) int {
	for _, t := range r.compared() {
		if l := t.load(scenario, "closed"); l != nil {
			return l.Connections
		}
	}
	return 0
}

// under is a scenario's name with the number of its connections, where that is not the main scenario's: the
// time of a preset may allow fewer, and on few a server is limited by their number and not by itself.
func (r *Report) under(scenario string) string {
	if n := r.connectionsOf(scenario); n > 0 && n != r.connections() {
		return fmt.Sprintf("%s (%s)", scenario, page.Count(n, "connection"))
	}
	return scenario
}

// main is the name of the main scenario.
func (r *Report) main() string { return r.run.Manifest.Scenarios[0].Name }
