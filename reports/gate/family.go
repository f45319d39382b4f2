package gate

import (
	"math"
	"slices"

	"bench/results"
	"bench/stats"
)

// The mix hides what becomes of one target: twelve more queries on one page of five were 3.6 % of the
// mix's CPU time. So each target's median latency is tested as well. The targets are one family, which
// has a share of Alpha of its own, divided by closed testing: a target is found to be slower if every set
// of targets that contains it is. A set is tested by the mean of its members' evidence, which is evidence
// itself, whatever the dependence (Vovk and Wang, "E-values: calibration, combination and applications",
// Annals of Statistics 2021; closed testing: Marcus, Peritz and Gabriel, Biometrika 1976). So the
// probability that any target is named wrongly is at most targetsAlpha, after any pair. It does not
// wait for the mix to be slower (gatekeeping would), because then nothing would be found that
// the mix hides.

// targetsAlpha is the probability of a false alarm that is allotted to the targets.
const targetsAlpha = 0.15 * Alpha

// The smallest slowdown of a single target that matters, and the spread of its pairs that is expected
// before any has been seen.
const (
	targetEffect = 0.1
	targetSpread = 0.06
)

// family are the tests of all targets of a mix; empty where it has one, which the metrics test.
type family []tests

func familyOf(targets []string) (f family) {
	if len(targets) < 2 {
		return nil
	}
	for _, name := range targets {
		f = append(f, testsOf(targetMetric(name)))
	}
	return f
}

// targetMetric is the median latency of one target.
func targetMetric(name string) Metric {
	return Metric{
		Name: name, Unit: "ms", Alpha: targetsAlpha, Effect: targetEffect, Spread: targetSpread,
		cost: func(_ *results.Gate, arm measured) float64 {
			h := results.TotalByTarget(arm.interleaved.Intervals, results.Response)[name]
			if h == nil || h.TotalCount() == 0 {
				return math.NaN()
			}
			return float64(results.Percentile(h, 50)) / 1e3
		},
	}
}

// targetsOf are the targets that both versions responded to, in any of the pairs.
func targetsOf(pairs []pair) (names []string) {
	seen := map[string]bool{}
	for _, p := range pairs {
		for _, arm := range p.arms {
			for target := range results.TotalByTarget(arm.interleaved.Intervals, results.Response) {
				seen[target] = true
			}
		}
	}
	for name := range seen {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// metrics are what is tested of the targets.
func (f family) metrics() (metrics []Metric) {
	for _, t := range f {
		metrics = append(metrics, t.first.metric)
	}
	return metrics
}

func (f family) add(ratios []*Ratio) {
	for i, r := range ratios {
		if i < len(f) && r != nil {
			f[i].first.observe(*r)
			if f[i].confirming {
				f[i].second.add(*r)
			}
		}
	}
	now := make([]float64, len(f))
	for i := range f {
		now[i] = f[i].first.now
	}
	for i, evidence := range closed(now) {
		f[i].first.latch(evidence)
	}
}

// closed is the evidence that is left of each when all sets that contain it have to be rejected: the
// smallest of the sets' means, for which the others with the least evidence count.
func closed(evidence []float64) []float64 {
	order := make([]int, len(evidence))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case evidence[a] < evidence[b]:
			return -1
		case evidence[a] > evidence[b]:
			return 1
		}
		return 0
	})
	out := make([]float64, len(evidence))
	for i, own := range evidence {
		sum, least := own, own
		size := 1.0
		for _, other := range order {
			if other == i {
				continue
			}
			sum, size = sum+evidence[other], size+1
			least = min(least, sum/size)
		}
		out[i] = least
	}
	return out
}

// fewest is the number of pairs before which a gate does not pass: with fewer, not even a clear slowdown of
// one target could be suspected.
func (f family) fewest() int {
	if len(f) == 0 {
		return 0
	}
	return 1 + int(math.Ceil(math.Log2(float64(len(f))/passLevel)))
}

func (f family) suspect() bool {
	return slices.ContainsFunc(f, func(t tests) bool { return t.suspect() })
}

// estimate is the estimated ratio so far; 1 without pairs.
func (w *weigher) estimate() float64 {
	if len(w.logs) == 0 {
		return 1
	}
	return stats.FromLogs(w.logs).Value
}
