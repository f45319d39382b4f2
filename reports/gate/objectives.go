package gate

import (
	"fmt"

	"bench/reports/page"
	"bench/results"
	"bench/stats"
)

// Kept is whether head meets an absolute objective.
type Kept struct {
	Objective string   `json:"objective"`
	Value     *float64 `json:"value,omitempty"` // over all pairs, as in results.Judged
	Met       bool     `json:"met"`             // over all pairs
	Requests  uint64   `json:"requests"`        // over all pairs
	Needed    uint64   `json:"requests_needed,omitempty"`
	// MissedIn is the number of pairs in which head missed it.
	MissedIn int     `json:"missed_in_pairs"`
	Pairs    int     `json:"pairs"`
	Evidence float64 `json:"evidence_of_a_miss"` // that it is missed in most pairs
	Verdict  Verdict `json:"verdict"`
	judged   results.Judged
}

// objectivesAlpha is the probability, over all objectives, that one that head meets in most pairs is
// called missed. It comes on top of that of the metrics: an objective is not a comparison.
const objectivesAlpha = 0.01

// objectives weighs absolute objectives for head's requests, pair by pair: over all of them together,
// one second of a busy machine would decide.
func objectives(texts []string, pairs []pair) (kept []Kept) {
	if len(pairs) == 0 {
		return nil
	}
	var intervals []results.Interval
	var counts results.Counts
	for _, p := range pairs {
		intervals = append(intervals, p.arms[1].interleaved.Intervals...)
		counts = counts.Plus(p.arms[1].interleaved.Counts)
	}
	response := results.Total(intervals, results.Response)
	for _, text := range texts {
		o, err := results.ParseObjective(text)
		if err != nil {
			continue // results.Load refuses such a manifest
		}
		j := o.Judge(response, counts)
		k := Kept{
			Objective: j.Objective, Value: j.Value, Met: j.Met, Requests: j.Requests, Needed: j.Needed, Pairs: len(pairs),
			judged: j,
		}
		k.weigh(o, pairs, float64(len(texts))/objectivesAlpha)
		kept = append(kept, k)
	}
	return kept
}

// weigh compares each pair's share of requests beyond the limit to the share allowed. Only the side
// counts: the distance is not symmetric, since a quiet pair meets a limit by a little and a disturbed
// one misses it by far, so that a few of those would be evidence.
func (k *Kept) weigh(o results.Objective, pairs []pair, needed float64) {
	evidence := stats.Evidence{Aim: 1}
	for _, p := range pairs {
		var part, whole float64
		for _, iv := range p.arms[1].interleaved.Intervals {
			a, b := o.Share(iv)
			part, whole = part+a, whole+b
		}
		side := -1.0
		if o.Misses(part, whole) {
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

// String is the result in words.
func (k Kept) String() string {
	value := page.Judged(k.judged)
	switch {
	case k.Verdict == Regression:
		return fmt.Sprintf("objective %s missed in %d of %s: %s over all requests",
			k.Objective, k.MissedIn, page.Count(k.Pairs, "pair"), value)
	case k.Verdict == Inconclusive && k.judged.Verdict == results.Undecided:
		return fmt.Sprintf("objective %s undecided: %s", k.Objective, value)
	case k.Verdict == Inconclusive:
		return fmt.Sprintf("objective %s missed (%s over all requests), but only in %d of %s, so this is not proven",
			k.Objective, value, k.MissedIn, page.Count(k.Pairs, "pair"))
	}
	return fmt.Sprintf("objective %s met: %s over all requests", k.Objective, value)
}
