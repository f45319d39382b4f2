package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"bench/reports/page"
)

// Recommendation is what to deploy, by the main scenario.
type Recommendation struct {
	Deploy   string   `json:"deploy,omitempty"` // empty: nothing that was measured decides
	Instead  string   `json:"instead_of"`       // the nearest competitor
	Sentence string   `json:"sentence"`
	Evidence []Versus `json:"evidence"` // throughput, p99 (or p90) at the common rate, CPU time and memory, if known
}

// alike is how far both ends of a ratio's interval may lie from 1 for two figures to be called the same.
const alike = 0.1

// vague is how far below 1 the interval of two rates may reach, and above it likewise, for a choice by other figures.
const vague = 0.25

// recommend chooses among the topologies that are meant for production: the one with the highest throughput, and
// among those that are not shown to serve less, the one with the better tail, less CPU time or less memory, in
// this order. It is nil where intervals or competitors are lacking.
func (r *Report) recommend() *Recommendation {
	main := r.Scenarios[0]
	candidates := slices.DeleteFunc(slices.Clone(main.Order), func(p Place) bool {
		return r.topology(p.Topology).Development || p.Rank == 0
	})
	if len(candidates) == 0 || len(main.Order) < 2 {
		return nil
	}
	slices.SortStableFunc(candidates, func(a, b Place) int {
		return cmp.Or(cmp.Compare(a.Rank, b.Rank), -r.better(a.Topology, b.Topology))
	})
	rec := &Recommendation{Deploy: candidates[0].Topology}
	if len(candidates) > 1 {
		rec.Instead = candidates[1].Topology
	} else {
		rec.Instead = main.Order[slices.IndexFunc(main.Order, func(p Place) bool {
			return p.Topology != rec.Deploy
		})].Topology
	}
	rec.Evidence = r.evidence(rec.Deploy, rec.Instead)
	if len(rec.Evidence) == 0 {
		return nil
	}
	rec.Sentence = r.recommendation(rec)
	return rec
}

// better is 1 if the first of two topologies has the better tail, or less CPU time or memory, in this order;
// -1 if the second has, and 0 if neither is shown to.
func (r *Report) better(one, other string) int {
	for _, v := range r.evidence(one, other) {
		if v.Metric != "max_throughput" && v.direction() != 0 {
			return -v.direction()
		}
	}
	return 0
}

// evidence compares two topologies by what a recommendation considers, the most important first.
func (r *Report) evidence(one, other string) (list []Versus) {
	main, tail := r.main(), ""
	if common := r.commonRate(); common != nil && r.allSustain(common.Load) {
		tail = common.Load
	}
	for _, by := range []struct{ metric, load string }{
		{"max_throughput", "closed"}, {"p99", tail}, {"p90", tail}, {"cpu_ms_per_request", "closed"}, {"pss_bytes", "closed"},
	} {
		if by.metric == "p90" && len(list) > 0 && list[len(list)-1].Metric == "p99" {
			continue // there were enough requests for p99
		}
		if v, has := r.versus(one, other, by.metric, main, by.load); has && v.Known() {
			list = append(list, v)
		}
	}
	return list
}

// recommendation puts a recommendation into words.
func (r *Report) recommendation(rec *Recommendation) string {
	decided := slices.ContainsFunc(rec.Evidence, func(v Versus) bool { return v.direction() != 0 })
	rate := rec.Evidence[0] // ranks rest on it
	if rate.direction() == 0 && (rate.Low < 1-vague || rate.High > 1/(1-vague)) {
		text := fmt.Sprintf("Too little was measured to recommend %s or %s: the ratio of their rates on %s is only known to "+
			"be %s.", rec.Deploy, rec.Instead, r.main(), times(rate.Ratio))
		rec.Deploy = ""
		return text
	}
	if !decided && !r.topology(rec.Instead).Development {
		text := fmt.Sprintf("Nothing that was measured on %s decides between %s and %s: neither throughput nor tail, CPU "+
			"time or memory is shown to differ.", r.main(), rec.Deploy, rec.Instead)
		rec.Deploy = ""
		return text
	}
	var parts []string
	for _, v := range rec.Evidence {
		if text := r.inWords(v); text != "" {
			parts = append(parts, text)
		}
	}
	text := fmt.Sprintf("Deploy %s: %s.", rec.Deploy, strings.Join(parts, "; "))
	if elsewhere := r.elsewhere(rec.Deploy); len(elsewhere) > 0 {
		text += " But " + strings.Join(elsewhere, ", and ") + "."
	}
	return text
}

// elsewhere says which topology serves more requests of a scenario than the recommended one, where the
// difference is more than two figures that are called the same may have.
func (r *Report) elsewhere(deploy string) (clauses []string) {
	for _, s := range r.Scenarios {
		for _, p := range s.Order {
			v, has := r.versus(p.Topology, deploy, "max_throughput", s.Name, "closed")
			if has && v.direction() > 0 && v.Value > 1+alike {
				clauses = append(clauses, fmt.Sprintf("%s%s serves %s as many requests on %s",
					p.Topology, r.onlyDevelopment(p.Topology), times(v.Ratio), r.under(s.Name)))
				break // the highest
			}
		}
	}
	return clauses
}

func (r *Report) onlyDevelopment(topology string) string {
	if r.topology(topology).Development {
		return ", which is not meant for production,"
	}
	return ""
}

// inWords says how a figure of the recommended topology compares; empty if that is not worth a word.
func (r *Report) inWords(v Versus) string {
	mine, theirs := r.topology(v.Topology), r.topology(v.Other)
	switch v.Metric {
	case "max_throughput":
		switch {
		case v.direction() != 0:
			return fmt.Sprintf("%s the rate of %s", times(v.Ratio), v.Other)
		case v.Bound == "" && v.Low > 1-alike && v.High < 1+alike:
			return fmt.Sprintf("same rate as %s (%s)", v.Other, times(v.Ratio))
		}
		return fmt.Sprintf("no difference in rate to %s is shown (%s)", v.Other, times(v.Ratio))
	case "p99", "p90":
		l, m := mine.load(v.Scenario, v.Load), theirs.load(v.Scenario, v.Load)
		at := fmt.Sprintf("%s at %s/s", v.Metric, page.Number(l.Offered))
		us, other := l.Response.P99, m.Response.P99
		if v.Metric == "p90" {
			us, other = l.Response.P90, m.Response.P90
		}
		if v.direction() == 0 {
			return fmt.Sprintf("no difference in %s is shown (%s and %s)", at, page.Micros(us), page.Micros(other))
		}
		return fmt.Sprintf("%s %s instead of %s", at, page.Micros(us), page.Micros(other))
	case "pss_bytes":
		const least = 1 << 20
		if more := mine.PSS - theirs.PSS; v.direction() > 0 && more >= least {
			return page.MiB(more) + " more memory"
		} else if v.direction() < 0 && -more >= least {
			return page.MiB(-more) + " less memory"
		}
	}
	return ""
}
