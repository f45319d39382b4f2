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
	// LeftOut is why an objective about which nothing is proven is left out of the verdict.
	LeftOut string `json:"left_out,omitempty"`
	judged  results.Judged
}

// objectivesAlpha is the probability, over all objectives, that one that head meets in most pairs is
// called missed. It comes on top of that of the metrics: an objective is not a comparison.
const objectivesAlpha = 0.01

// objectives weighs absolute objectives for head's requests, pair by pair: over all of them together,
// one second of a busy machine would decide. Planned is the number of pairs that there is time for; 0:
// not known.
func objectives(texts []string, pairs []pair, planned int) (kept []Kept) {
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
		k.leaveOut(o, pairs, planned)
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
		side := -1.0
		if misses(o, p.arms[1]) {
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

// misses reports whether an arm of one pair is beyond the limit.
func misses(o results.Objective, arm measured) bool {
	var part, whole float64
	for _, iv := range arm.interleaved.Intervals {
		a, b := o.Share(iv)
		part, whole = part+a, whole+b
	}
	return o.Misses(part, whole)
}

// alike is the probability above which head misses an objective no more often than base: a level for
// leaving an objective out, not for accusing head, and therefore a high one.
const alike = 0.25

// leaveOut leaves an objective out of the verdict, on whose account a gate would measure until its time is
// up and then say nothing: one that needs more requests than the planned pairs hold and is not missed so
// far, and one at whose limit both versions are. Whether head is worse than base there is the question of
// McNemar's test (Psychometrika 1947): of the pairs in which only one version misses it, are more head's?
func (k *Kept) leaveOut(o results.Objective, pairs []pair, planned int) {
	if k.Verdict != Inconclusive {
		return
	}
	if k.judged.Verdict == results.Undecided {
		if needs := k.Needed * uint64(k.Pairs) / max(1, k.Requests); planned > 0 && needs >= uint64(max(planned, k.Pairs)) {
			k.LeftOut = fmt.Sprintf("it takes %s, and the pairs planned hold about %s", page.Count(k.Needed, "request"),
				page.Number(float64(k.Requests)/float64(k.Pairs)*float64(planned)))
		}
		return
	}
	var only [2]uint64
	base := 0
	for _, p := range pairs {
		ofBase, ofHead := misses(o, p.arms[0]), misses(o, p.arms[1])
		switch {
		case ofBase && !ofHead:
			only[0]++
		case ofHead && !ofBase:
			only[1]++
		}
		if ofBase {
			base++
		}
	}
	if base > 0 && stats.AtLeast(float64(only[1]), only[0]+only[1], 0.5) > alike {
		k.LeftOut = fmt.Sprintf("base misses it in %d of %s and head in %d", base, page.Count(k.Pairs, "pair"), k.MissedIn)
	}
}

// String is the result in words.
func (k Kept) String() string {
	value := page.Judged(k.judged)
	switch {
	case k.LeftOut != "":
		return fmt.Sprintf("objective %s is left out: %s", k.Objective, k.LeftOut)
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
