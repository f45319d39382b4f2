package compare

import (
	"fmt"
	"slices"
	"strings"

	"bench/reports/page"
	"bench/stats"
)

// Versus is the ratio of one topology's figure to that of another which is not the baseline.
type Versus struct {
	Topology string `json:"topology"`
	Other    string `json:"other"`
	Ratio
}

// versus compares two topologies by one figure under one load; it is false if there is nothing to compare.
func (r *Report) versus(topology, other string, metric, scenario, load string) (Versus, bool) {
	t := r.topology(topology)
	if t == nil {
		return Versus{}, false
	}
	l := t.load(scenario, load)
	if l == nil {
		return Versus{}, false
	}
	for _, c := range comparisons {
		if c.metric == metric {
			v, has := ratio(r.cells[other], r.cells[topology], *l, c)
			return Versus{topology, other, v}, has
		}
	}
	return Versus{}, false
}

// pairs compares all topologies of a scenario but the baseline by their throughput, each with those below it
// in the order.
func (r *Report) pairs(s Scenario) (list []Versus) {
	for i, upper := range s.Order {
		for _, lower := range s.Order[i+1:] {
			if upper.Topology == r.Baseline || lower.Topology == r.Baseline {
				continue
			}
			if v, has := r.versus(upper.Topology, lower.Topology, "max_throughput", s.Name, "closed"); has {
				list = append(list, v)
			}
		}
	}
	return list
}

// rank gives every topology of a scenario the rank after all those that are shown to serve more. Those between
// which no difference is shown may share one. Without intervals there are no ranks.
func (r *Report) rank(s *Scenario) {
	ranks := make([]int, len(s.Order))
	for i, p := range s.Order {
		ranks[i] = 1
		for _, upper := range s.Order[:i] {
			v, has := r.versus(upper.Topology, p.Topology, "max_throughput", s.Name, "closed")
			if !has || !v.Known() {
				return
			}
			if v.direction() > 0 {
				ranks[i]++
			}
		}
		if i > 0 { // the order of the estimates is kept
			ranks[i] = max(ranks[i], ranks[i-1])
		}
	}
	for i, rank := range ranks {
		s.Order[i].Rank = rank
		s.Order[i].Tied = slices.Index(ranks, rank) != i || slices.Contains(ranks[i+1:], rank)
	}
}

// ranked writes a rank: 1, or 1= if it is shared.
func (p Place) ranked() string {
	switch {
	case p.Rank == 0:
		return page.Unknown
	case p.Tied:
		return fmt.Sprintf("%d=", p.Rank)
	}
	return fmt.Sprint(p.Rank)
}

// pairFindings say outright how neighbours in the order compare that the ratios to the baseline compare only
// by way of it.
func (r *Report) pairFindings(s Scenario) (list []string) {
	last := ""
	for _, p := range s.Order {
		if p.Topology == r.Baseline {
			continue
		}
		if v, has := r.versus(last, p.Topology, "max_throughput", s.Name, "closed"); has && v.Known() {
			list = append(list, pairFinding(v))
		}
		last = p.Topology
	}
	return list
}

func pairFinding(v Versus) string {
	if v.direction() == 0 {
		return fmt.Sprintf("no difference between %s and %s is shown: %s", v.Topology, v.Other, times(v.Ratio))
	}
	return fmt.Sprintf("%s serves %s as many as %s", v.Topology, times(v.Ratio), v.Other)
}

// Multiplicity is how many ratios a report tests, and how many of them say that there is a difference.
type Multiplicity struct {
	Ratios   int     `json:"ratios"`
	Differ   int     `json:"exclude_1"` // the intervals that do not contain 1
	ByChance float64 `json:"by_chance"` // of these, expected if nothing differed
	Deciding int     `json:"deciding"`  // ratios of throughput, on which ranks rest
}

// multiplicity counts the intervals of the report.
func (r *Report) multiplicity() (m Multiplicity) {
	count := func(v Ratio) {
		if !v.Known() {
			return
		}
		m.Ratios++
		if v.Direction() != 0 {
			m.Differ++
		}
		if v.Metric == "max_throughput" {
			m.Deciding++
		}
	}
	for _, t := range r.Topologies {
		for _, v := range t.VsBaseline {
			count(v)
		}
	}
	for _, s := range r.Scenarios {
		for _, v := range s.Pairs {
			count(v.Ratio)
		}
	}
	m.ByChance = float64(m.Ratios) * (1 - stats.Level)
	return m
}

// multiplicityNote says how many of the differences chance alone would show.
func (r *Report) multiplicityNote() (Note, bool) {
	m := r.Multiplicity
	if m.Ratios < 2 {
		return Note{}, false
	}
	return Note{"multiplicity", fmt.Sprintf("The report holds %d ratios, each with a %.0f %% interval of its own. If "+
		"nothing differed, about %s of these would exclude 1 by chance; %d do. Ranks and findings rest on the %d ratios of "+
		"throughput; a single other ratio that barely excludes 1 is a hint, not a finding.",
		m.Ratios, 100*stats.Level, strings.TrimSuffix(page.Number(m.ByChance), ".0"), m.Differ, m.Deciding)}, true
}
