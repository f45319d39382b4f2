package gate

import (
	"fmt"

	"bench/reports/page"
	"bench/results"
	"bench/stats"
)

// Kept is whether head keeps an absolute limit.
type Kept struct {
	Objective string  `json:"objective"`
	Value     float64 `json:"value"` // over all pairs: microseconds, or a share
	Met       bool    `json:"met"`   // over all pairs
	// MissedIn is in how many pairs head missed it.
	MissedIn int     `json:"missed_in_pairs"`
	Pairs    int     `json:"pairs"`
	Evidence float64 `json:"evidence_of_a_miss"` // that it is missed in most pairs
	Verdict  Verdict `json:"verdict"`
	share    bool
}

// objectivesAlpha is the chance that a limit which head keeps in most pairs is called missed,
// over all objectives. It is beside that of the metrics: a limit is no comparison.
const objectivesAlpha = 0.01

// objectives weighs absolute limits on head's requests, pair by pair: over all of them, one
// second in which the machine was somebody else's would decide.
func objectives(texts []string, pairs []pair) (kept []Kept) {
	if len(pairs) == 0 {
		return nil
	}
	var intervals []results.Interval
	var counts results.Counts
	for _, p := range pairs {
		intervals = append(intervals, p.arms[1].alternate.Intervals...)
		counts = counts.Plus(p.arms[1].alternate.Counts)
	}
	response := results.Total(intervals, results.Response)
	for _, text := range texts {
		o, err := results.ParseObjective(text)
		if err != nil {
			continue // Load refuses a manifest with such a one
		}
		k := Kept{
			Objective: o.String(), Value: o.Value(response, counts), Met: o.Met(response, counts), Pairs: len(pairs),
			share: o.Metric == "errors",
		}
		k.weigh(o, pairs, float64(len(texts))/objectivesAlpha)
		kept = append(kept, k)
	}
	return kept
}

// weigh holds each pair's share of requests beyond the limit against the one allowed. Only on
// which side it lies counts: by how much is not symmetric, since a quiet pair keeps a limit by
// little and a disturbed one misses it by far, and would make evidence of a few of those.
func (k *Kept) weigh(o results.Objective, pairs []pair, needed float64) {
	evidence := stats.Evidence{Aim: 1}
	for _, p := range pairs {
		var part, whole float64
		for _, iv := range p.arms[1].alternate.Intervals {
			a, b := o.Share(iv)
			part, whole = part+a, whole+b
		}
		side := -1.0
		if part >= o.Allowed()*whole && part > 0 {
			side = 1
			k.MissedIn++
		}
		evidence.Add(side, 0.5)
		k.Evidence = max(k.Evidence, evidence.Value())
	}
	switch {
	case k.Evidence >= needed:
		k.Verdict = Regression
	case k.Met:
		k.Verdict = Pass
	default:
		k.Verdict = Inconclusive
	}
}

// String says it in words.
func (k Kept) String() string {
	value := page.Micros(int64(k.Value)) + " over all successful responses"
	if k.share {
		value = page.Percent(k.Value) + " over all requests"
	}
	switch k.Verdict {
	case Regression:
		return fmt.Sprintf("objective %s missed in %d of %s: %s", k.Objective, k.MissedIn, page.Count(k.Pairs, "pair"), value)
	case Inconclusive:
		return fmt.Sprintf("objective %s missed (%s), but only in %d of %s: not proven",
			k.Objective, value, k.MissedIn, page.Count(k.Pairs, "pair"))
	}
	return fmt.Sprintf("objective %s met: %s", k.Objective, value)
}
