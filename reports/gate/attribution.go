package gate

import (
	"fmt"
	"maps"
	"slices"

	"bench/results"
	"bench/stats"

	"gonum.org/v1/gonum/stat"
)

// attribute finds the endpoint and the tier whose cost grew most over all pairs, among those whose
// growth stands out from the spread of the pairs. More database queries need no pairs.
func attribute(pairs []pair, counters []results.Counter) *Attribution {
	if target := mostQueries(counters); target != "" {
		// Time in the database counts for the tier that waits for it; the queries reveal it.
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

// mostQueries is the target with the most additional database queries, if any.
func mostQueries(counters []results.Counter) (target string) {
	most := 0
	for _, c := range counters {
		if c.Name == "queries" && c.Head-c.Base > most {
			target, most = c.Target, c.Head-c.Base
		}
	}
	return target
}

// growths are by how much head took longer, pair by pair: the median of each endpoint in
// milliseconds, alone and weighted by the number of its requests, and the CPU time per request in
// each tier.
func growths(pairs []pair) (medians, weighted, tiers map[string][]float64) {
	medians, weighted, tiers = map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	for _, p := range pairs {
		base := results.TotalByTarget(p.arms[0].interleaved.Intervals, results.Service)
		head := results.TotalByTarget(p.arms[1].interleaved.Intervals, results.Service)
		for target, b := range base {
			if h := head[target]; h != nil {
				grown := float64(results.Percentile(h, 50)-results.Percentile(b, 50)) / 1e3
				medians[target] = append(medians[target], grown)
				weighted[target] = append(weighted[target], grown*float64(b.TotalCount()))
			}
		}
		spent := [2]map[string]float64{perTier(p.arms[0].interleaved), perTier(p.arms[1].interleaved)}
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

// mostGrown is the name with the largest mean growth that is shown to be above zero: by a t-test at
// 1 %, divided among the candidates (Bonferroni).
func mostGrown(growth map[string][]float64) (name string) {
	most := 0.0
	for _, candidate := range slices.Sorted(maps.Keys(growth)) {
		mean, shown := stats.MeanAbove(growth[candidate], attributionAlpha/float64(len(growth)))
		if shown && mean > most {
			name, most = candidate, mean
		}
	}
	return name
}

// attributionAlpha is the probability of naming something without cause.
const attributionAlpha = 0.01

func (w Attribution) String() string {
	switch {
	case w.Tier == "database":
		return fmt.Sprintf("endpoint %s makes more database queries", w.Endpoint)
	case w.Endpoint != "" && w.Tier != "":
		return fmt.Sprintf("most in endpoint %s (%+.2f ms) and tier %s (%+.3f ms of CPU time per request)",
			w.Endpoint, w.Added, w.Tier, w.CPU)
	case w.Tier != "":
		return fmt.Sprintf("most in tier %s (%+.3f ms of CPU time per request)", w.Tier, w.CPU)
	}
	return fmt.Sprintf("most in endpoint %s (%+.2f ms)", w.Endpoint, w.Added)
}
