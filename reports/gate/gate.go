// Package gate decides whether one version of an app is slower than another, from a run of pairs. It
// may be asked after every pair: looking often costs no certainty.
package gate

import (
	"fmt"
	"slices"
	"strings"

	"bench/reports/page"
	"bench/results"
)

// Verdict is what a gate decides, about one metric or as a whole.
type Verdict string

const (
	Pass         Verdict = "pass"         // proven: not slower by the margin that matters
	Small        Verdict = "small"        // proven: slower, but by less than that
	Regression   Verdict = "regression"   // proven: slower, by more than that
	Inconclusive Verdict = "inconclusive" // nothing is proven
	Unfit        Verdict = "unfit"        // no valid measurement: a noisy machine, or a broken base
)

// Attribution is the endpoint and the tier whose cost grew most.
type Attribution struct {
	Endpoint string  `json:"endpoint,omitempty"`
	Added    float64 `json:"endpoint_added_ms,omitempty"` // to its median response
	Tier     string  `json:"tier,omitempty"`
	CPU      float64 `json:"tier_added_ms,omitempty"` // CPU time per request
}

// Report is a gate's verdict with the evidence. It is computed from a run alone.
type Report struct {
	Schema      string            `json:"schema"`
	Verdict     Verdict           `json:"verdict"`
	Reason      string            `json:"reason"`
	Metrics     []Result          `json:"metrics"`
	Counters    []results.Counter `json:"counters_moved"`
	Objectives  []Kept            `json:"objectives,omitempty"`
	Attribution *Attribution      `json:"attribution,omitempty"`
	Pairs       int               `json:"pairs"`
	Void        int               `json:"void_pairs"`             // left out, by rules that are blind to the difference
	Voided      string            `json:"void_because,omitempty"` // the most frequent reason
	Failures    Failures          `json:"failures"`
	Elapsed     float64           `json:"elapsed_s"`
	// Partial says that the run ended before it had decided.
	Partial     bool                 `json:"partial,omitempty"`
	Gate        *results.Gate        `json:"gate"` // what was asked for, and what was found beside the cells
	Diagnostics []results.Diagnostic `json:"diagnostics"`

	flags []setting
	seed  uint64
}

// Schema of the report as JSON.
const Schema = "bench.gate/2"

// Run is a gate's run, with what was asked for and what was found beside its cells.
type Run struct {
	*results.Run
	Gate *results.Gate
}

// Of reads a run as that of a gate.
func Of(run *results.Run) (Run, error) {
	g, err := results.Decode[results.Gate](run.Manifest, results.KindGate)
	return Run{run, g}, err
}

// Build decides on a run that has ended, by the metrics that it was asked to use.
func Build(run *results.Run) (Report, error) {
	r, err := Of(run)
	if err != nil {
		return Report{}, err
	}
	return Judge(r, MetricsOf(r.Gate.Gated)), nil
}

// Judge decides on a run that has ended.
func Judge(run Run, metrics []Metric) Report {
	return judge(run, metrics, run.Manifest.Status == results.Partial)
}

// JudgeSoFar decides on a run under way.
func JudgeSoFar(run Run, metrics []Metric) Report { return judge(run, metrics, false) }

func judge(run Run, metrics []Metric, partial bool) Report {
	g := run.Gate
	r := Report{
		Schema: Schema, Gate: g, Elapsed: run.Manifest.Elapsed, Partial: partial, Diagnostics: run.Manifest.Diagnostics,
		flags: flagsOf(run), seed: run.Manifest.Seed,
	}
	if r.Diagnostics == nil {
		r.Diagnostics = []results.Diagnostic{}
	}
	pairs, tries, void := pairsOf(run.Cells)
	r.Pairs, r.Void, r.Failures = len(pairs), void, failuresOf(tries)
	if void > 0 {
		r.Voided = voided(run.Cells)
	}
	r.Counters = moved(g.Counters)
	finding, confirming := pairs, []pair(nil)
	if g.ConfirmFrom > 0 {
		at := slices.IndexFunc(pairs, func(p pair) bool { return p.number >= g.ConfirmFrom })
		if at < 0 {
			at = len(pairs)
		}
		finding, confirming = pairs[:at], pairs[at:]
	}
	for _, m := range metrics {
		found := m.judge(g, finding)
		if g.ConfirmFrom > 0 && found.Verdict == Regression {
			found = m.confirm(g, found, confirming)
		}
		r.Metrics = append(r.Metrics, found)
	}
	r.Objectives = objectives(run.Manifest.Objectives, pairs)
	r.decide()
	if r.slower() {
		if r.Attribution = attribute(pairs, r.Counters); r.Attribution != nil && r.Verdict == Regression {
			r.Reason += "; " + r.Attribution.String()
		}
	}
	return r
}

// Exact reports whether an exact counter got worse, which decides by itself.
func (r Report) Exact() bool { return slices.ContainsFunc(r.Counters, worse) }

// slower reports whether something is proven that calls for an attribution: a metric or a counter that
// got worse.
func (r Report) slower() bool {
	if r.Gate.FailedArm != "" {
		return false
	}
	return r.Exact() || slices.ContainsFunc(r.Metrics, func(m Result) bool {
		return m.Verdict == Regression || m.Verdict == Small
	})
}

// ByMetrics reports whether a regression rests on measured metrics, and so must be confirmed; exact
// counters and a head that fails need no confirmation.
func (r Report) ByMetrics() bool {
	return r.Gate.FailedArm == "" && !r.Exact() &&
		slices.ContainsFunc(r.Metrics, func(m Result) bool { return m.Verdict == Regression })
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

// worse reports whether a counter changed in a way that is a regression without any statistics: more
// database queries, or a response that fails.
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
	g, regressed, unsure := r.Gate, r.regressed(), r.unsure()
	count := map[Verdict]int{}
	for _, m := range r.Metrics {
		count[m.Verdict]++
	}
	switch {
	case g.FailedArm == results.Head:
		r.Verdict, r.Reason = Regression, "head failed: "+firstLine(g.Failed)
	case g.FailedArm != "":
		r.Verdict, r.Reason = Unfit, g.FailedArm+" failed: "+firstLine(g.Failed)
	case len(r.Metrics) == 0:
		r.Verdict, r.Reason = Unfit, "no metric is gated"
	case r.Failures.Verdict == Regression:
		r.Verdict, r.Reason = Regression, strings.Join(append([]string{r.Failures.String()}, regressed...), "; ")
	case len(regressed) > 0:
		r.Verdict, r.Reason = Regression, strings.Join(regressed, "; ")
	case r.Void-r.Failures.HeadSilent > r.Pairs && r.Void-r.Failures.HeadSilent >= 3:
		r.Verdict = Unfit
		r.Reason = fmt.Sprintf("%d of %s could not be measured: %s", r.Void, page.Count(r.Void+r.Pairs, "pair"), r.Voided)
	case r.Failures.Verdict == Inconclusive:
		r.Verdict, r.Reason = Inconclusive, r.Failures.String()
	case count[Inconclusive] == 0 && len(unsure) == 0 && !r.Partial:
		r.Verdict, r.Reason = Pass, "no gated metric is slower by the margin that matters"
		if count[Small] > 0 {
			r.Verdict, r.Reason = Small, "slower, but by less than the margin that matters"
		}
	default:
		r.Verdict, r.Reason = Inconclusive, strings.Join(append(unsure, r.open()...), "; ")
		if r.Partial {
			r.Reason = "ended early: " + r.Reason
		}
	}
}

// regressed lists what is proven to be slower, missed or worse.
func (r Report) regressed() (list []string) {
	for _, m := range r.Metrics {
		if m.Verdict == Regression {
			list = append(list, m.Name+" "+m.change())
		}
	}
	for _, o := range r.Objectives {
		if o.Verdict == Regression {
			list = append(list, o.String())
		}
	}
	for _, c := range r.Counters {
		if worse(c) {
			list = append(list, fmt.Sprintf("%s of %s: %d, was %d", c.Name, c.Target, c.Head, c.Base))
		}
	}
	return list
}

// unsure lists the objectives about which nothing is proven.
func (r Report) unsure() (list []string) {
	for _, o := range r.Objectives {
		if o.Verdict == Inconclusive {
			list = append(list, o.String())
		}
	}
	return list
}

// open lists the metrics about which nothing is proven yet.
func (r Report) open() []string {
	var open, again []string
	for _, m := range r.Metrics {
		switch {
		case m.Verdict != Inconclusive:
		case m.Confirm != nil && !m.Confirm.Ratio.Measured():
			again = append(again, fmt.Sprintf("%s was %.1f %% slower in %s, but there was no time to confirm this",
				m.Name, (m.Ratio.Value-1)*100, page.Count(m.Ratio.N, "pair")))
		case m.Confirm != nil:
			again = append(again, fmt.Sprintf("%s was %.1f %% slower in %s, but %d more did not confirm this",
				m.Name, (m.Ratio.Value-1)*100, page.Count(m.Ratio.N, "pair"), m.Confirm.Ratio.N))
		default:
			open = append(open, m.Name)
		}
	}
	if len(open) > 0 {
		again = append(again, fmt.Sprintf("after %s, nothing is proven about %s",
			page.Count(r.Pairs, "pair"), page.List(open)))
	}
	if len(again) == 0 && r.Partial {
		again = append(again, fmt.Sprintf("after %s, there is no evidence against head", page.Count(r.Pairs, "pair")))
	}
	return again
}

// FewestPairs is the number of pairs that any verdict needs: five equal signs prove a pass at 5 %.
const FewestPairs = 5

// Decided reports whether the verdict is final, so that no more pairs are needed.
func (r Report) Decided() bool { return r.Verdict != Inconclusive }
