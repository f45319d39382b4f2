// Package gate decides whether one version of an app is slower than another, from a run of
// pairs. It may be asked after every pair: looking often costs no certainty.
package gate

import (
	"fmt"
	"slices"
	"strings"

	"bench/results"
)

// Verdict is what a gate says, of a metric or of all.
type Verdict string

const (
	Pass         Verdict = "pass"         // proven: not slower by as much as matters
	Small        Verdict = "small"        // slower, provably, by less than matters
	Regression   Verdict = "regression"   // slower, provably, by more
	Inconclusive Verdict = "inconclusive" // neither is proven
	Unfit        Verdict = "unfit"        // this machine, or the base, is no measure
)

// Where is the place whose cost moved most.
type Where struct {
	Endpoint string  `json:"endpoint,omitempty"`
	Added    float64 `json:"endpoint_added_ms,omitempty"` // to a request of it, at the median
	Tier     string  `json:"tier,omitempty"`
	CPU      float64 `json:"tier_added_ms,omitempty"` // of CPU time, to a request
}

// Report is a gate's verdict with its grounds. It is computed from a run alone.
type Report struct {
	Schema     string            `json:"schema"`
	Verdict    Verdict           `json:"verdict"`
	Reason     string            `json:"reason"`
	Metrics    []Result          `json:"metrics"`
	Counters   []results.Counter `json:"counters_moved"`
	Objectives []Kept            `json:"objectives,omitempty"`
	Where      *Where            `json:"where,omitempty"`
	Pairs      int               `json:"pairs"`
	Void       int               `json:"void_pairs"` // not counted, by rules that do not look at the arms' difference
	// HeadFailed is the pairs in which base answered, and head did not.
	HeadFailed int     `json:"head_failed_pairs"`
	Elapsed    float64 `json:"elapsed_s"`
	// Partial tells that the run was ended before it had decided.
	Partial  bool            `json:"partial,omitempty"`
	Duel     *results.Duel   `json:"duel"`
	Warnings []results.Cause `json:"warnings"`
}

// Schema of the report as JSON.
const Schema = "bench.gate/1"

// Judge decides on a run that has ended.
func Judge(run *results.Run, metrics []Metric) Report {
	return judge(run, metrics, run.Manifest.Status == results.Partial, true)
}

// JudgeSoFar decides on a run under way. Absolute limits wait for its end: looked at after
// every pair, noise would sooner or later cross them.
func JudgeSoFar(run *results.Run, metrics []Metric) Report { return judge(run, metrics, false, false) }

func judge(run *results.Run, metrics []Metric, partial, ended bool) Report {
	d := run.Manifest.Duel
	r := Report{Schema: Schema, Duel: d, Elapsed: run.Manifest.Elapsed, Partial: partial, Warnings: run.Manifest.Warnings}
	if r.Warnings == nil {
		r.Warnings = []results.Cause{}
	}
	pairs, void, failed := pairsOf(run.Cells)
	r.Pairs, r.Void, r.HeadFailed = len(pairs), void, failed
	r.Counters = moved(d.Counters)
	finding, confirming := pairs, []pair(nil)
	if d.ConfirmFrom > 0 {
		at := slices.IndexFunc(pairs, func(p pair) bool { return p.number >= d.ConfirmFrom })
		if at < 0 {
			at = len(pairs)
		}
		finding, confirming = pairs[:at], pairs[at:]
	}
	for _, m := range metrics {
		found := m.judge(d, finding)
		if d.ConfirmFrom > 0 && found.Verdict == Regression {
			found = m.confirm(d, found, confirming)
		}
		r.Metrics = append(r.Metrics, found)
	}
	if ended {
		r.Objectives = objectives(run, pairs)
	}
	r.Where = where(pairs, r)
	r.decide()
	return r
}

// objectives are the absolute limits, judged on all of head's requests.
func objectives(run *results.Run, pairs []pair) (kept []Kept) {
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
	for _, text := range run.Manifest.Objectives {
		o, err := results.ParseObjective(text)
		if err != nil {
			continue // Load refuses a manifest with such a one
		}
		kept = append(kept, Kept{o.String(), o.Value(response, counts), o.Met(response, counts)})
	}
	return kept
}

// Kept is whether head keeps an absolute limit.
type Kept struct {
	Objective string  `json:"objective"`
	Value     float64 `json:"value"`
	Met       bool    `json:"met"`
}

// ByMetrics reports whether a regression rests on measured metrics, and so needs to be
// confirmed; exact counters and a head that fails do not.
func (r Report) ByMetrics() bool {
	return r.Duel.FailedArm == "" && !slices.ContainsFunc(r.Counters, worse) &&
		slices.ContainsFunc(r.Metrics, func(m Result) bool { return m.Verdict == Regression })
}

// Confirmed reports whether a regression has passed its second test.
func (r Report) Confirmed() bool {
	return slices.ContainsFunc(r.Metrics, func(m Result) bool { return m.Verdict == Regression && m.Confirm != nil })
}

// moved are the exact counters that differ.
func moved(all []results.Counter) []results.Counter {
	out := []results.Counter{}
	for _, c := range all {
		if c.Base != c.Head {
			out = append(out, c)
		}
	}
	return out
}

// worse reports whether a counter moved the way that needs no statistics to be a regression:
// more database queries, or an answer that fails.
func worse(c results.Counter) bool {
	switch c.Name {
	case "queries":
		return c.Head > c.Base
	case "status":
		return c.Head >= 500 && c.Base < 500
	}
	return false
}

func (r *Report) decide() {
	d := r.Duel
	count := map[Verdict]int{}
	var regressed []string
	for _, m := range r.Metrics {
		count[m.Verdict]++
		if m.Verdict == Regression {
			regressed = append(regressed, fmt.Sprintf("%s %+.1f %% [%+.1f, %+.1f]", m.Name, (m.Ratio-1)*100, (m.Low-1)*100, (m.High-1)*100))
		}
	}
	for _, o := range r.Objectives {
		if !o.Met && r.Pairs >= FewestPairs {
			regressed = append(regressed, fmt.Sprintf("objective %s missed (%g)", o.Objective, o.Value))
		}
	}
	for _, c := range r.Counters {
		if worse(c) {
			regressed = append(regressed, fmt.Sprintf("%s of %s: %d, was %d", c.Name, c.Target, c.Head, c.Base))
		}
	}
	switch {
	case d.FailedArm == results.Head:
		r.Verdict, r.Reason = Regression, "head failed: "+d.Failed
	case d.FailedArm != "":
		r.Verdict, r.Reason = Unfit, d.FailedArm+" failed: "+d.Failed
	case len(r.Metrics) == 0:
		r.Verdict, r.Reason = Unfit, "no metric is gated"
	case r.HeadFailed >= 2:
		r.Verdict, r.Reason = Regression, fmt.Sprintf("in %d of %d pairs head did not answer, or its processes died, while base answered", r.HeadFailed, r.HeadFailed+r.Void+r.Pairs)
	case len(regressed) > 0:
		r.Verdict, r.Reason = Regression, strings.Join(regressed, "; ")
		if r.Where != nil {
			r.Reason += "; " + r.Where.String()
		}
	case r.Void > r.Pairs && r.Void >= 3:
		r.Verdict, r.Reason = Unfit, fmt.Sprintf("%d of %d pairs could not be measured: the machine is too busy, or base dies", r.Void, r.Void+r.Pairs)
	case r.HeadFailed > 0:
		r.Verdict, r.Reason = Inconclusive, "in one pair head did not answer while base did"
	case count[Inconclusive] == 0 && !r.Partial:
		r.Verdict, r.Reason = Pass, "no gated metric is slower by as much as matters"
		if count[Small] > 0 {
			r.Verdict, r.Reason = Small, "slower, but by less than matters"
		}
	default:
		r.Verdict = Inconclusive
		var open []string
		for _, m := range r.Metrics {
			if m.Verdict == Inconclusive {
				open = append(open, m.Name)
			}
		}
		r.Reason = fmt.Sprintf("after %d pairs nothing is proven of %s", r.Pairs, strings.Join(open, ", "))
		if r.Partial {
			r.Reason = "ended early: " + r.Reason
		}
	}
}

// FewestPairs is what any verdict needs: five equal signs prove a pass at 5 %, and an
// absolute limit is judged on as many.
const FewestPairs = 5

// Decided reports whether more pairs could not change the verdict.
func (r Report) Decided() bool { return r.Verdict != Inconclusive }
