package gate

import (
	"fmt"
	"maps"
	"slices"

	"bench/results"
	"bench/stats"

	"gonum.org/v1/gonum/stat"
)

// attribute finds the endpoint and the tier whose cost moved most, over all pairs: the greatest
// growth among those whose growth is clear of the pairs' own spread. More database queries
// need no pairs.
func attribute(pairs []pair, counters []results.Counter) *Attribution {
	if target := mostQueries(counters); target != "" {
		// Time in the database is time of the tier that waits for it; more queries show it.
		return &Attribution{Tier: "database", Endpoint: target}
	}
	medians, weighted, tiers := growths(pairs)
	w := &Attribution{Endpoint: mostGrown(weighted), Tier: mostGrown(tiers)}
	if w.Endpoint != "" {
		w.Added = stat.Mean(medians[w.Endpoint], nil)
	}
	if w.Tier != "" {
		w.CPU = stat.Mean(tiers[w.Tier], nil)
	}
	if w.Endpoint == "" && w.Tier == "" {
		return nil
	}
	return w
}

// mostQueries is the target that makes the most additional database queries, or none.
func mostQueries(counters []results.Counter) (target string) {
	most := 0
	for _, c := range counters {
		if c.Name == "queries" && c.Head-c.Base > most {
			target, most = c.Target, c.Head-c.Base
		}
	}
	return target
}

// growths are by how much head took longer, pair by pair: the median of each endpoint, in
// milliseconds, alone and weighted by how often it is asked, and the CPU time of a request in
// each tier.
func growths(pairs []pair) (medians, weighted, tiers map[string][]float64) {
	medians, weighted, tiers = map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	for _, p := range pairs {
		base := results.TotalByTarget(p.arms[0].alternate.Intervals, results.Service)
		head := results.TotalByTarget(p.arms[1].alternate.Intervals, results.Service)
		for target, b := range base {
			if h := head[target]; h != nil {
				grown := float64(h.ValueAtPercentile(50)-b.ValueAtPercentile(50)) / 1e3
				medians[target] = append(medians[target], grown)
				weighted[target] = append(weighted[target], grown*float64(b.TotalCount()))
			}
		}
		spent := [2]map[string]float64{perTier(p.arms[0].alternate), perTier(p.arms[1].alternate)}
		for tier := range spent[0] {
			tiers[tier] = append(tiers[tier], spent[1][tier]-spent[0][tier])
		}
	}
	return medians, weighted, tiers
}

func perTier(c *results.Cell) map[string]float64 {
	spent := map[string]float64{}
	for tier, cpu := range results.CPUByTier(c.Usage) {
		spent[tier] = cpu.Seconds() * 1e3 / float64(c.Counts.Sent)
	}
	return spent
}

// mostGrown is the name with the greatest mean growth that is clear of zero: by a t-test at
// 1 %, divided among the candidates (Bonferroni).
func mostGrown(growth map[string][]float64) (name string) {
	greatest := 0.0
	for _, candidate := range slices.Sorted(maps.Keys(growth)) {
		mean, shown := stats.MeanAbove(growth[candidate], attributionAlpha/float64(len(growth)))
		if shown && mean > greatest {
			name, greatest = candidate, mean
		}
	}
	return name
}

// attributionAlpha is the chance that something is named for no reason.
const attributionAlpha = 0.01

func (w Attribution) String() string {
	switch {
	case w.Tier == "database":
		return fmt.Sprintf("endpoint %s makes more database queries", w.Endpoint)
	case w.Endpoint != "" && w.Tier != "":
		return fmt.Sprintf("most in endpoint %s (%+.2f ms) and tier %s (%+.3f ms of CPU per request)",
			w.Endpoint, w.Added, w.Tier, w.CPU)
	case w.Tier != "":
		return fmt.Sprintf("most in tier %s (%+.3f ms of CPU per request)", w.Tier, w.CPU)
	}
	return fmt.Sprintf("most in endpoint %s (%+.2f ms)", w.Endpoint, w.Added)
}
