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
	Pass  Verdict = "pass"  // proven: not slower by the margin that matters
	Small Verdict = "small" // proven: slower, but by less than that
	// Regression: proven to be slower, twice; by an estimate of at least half of the margin that matters,
	// and not proven to be less than the margin.
	Regression   Verdict = "regression"
	Likely       Verdict = "likely"       // proven once; the second test has not refuted it, but not ended either
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
	Targets     []Result          `json:"targets,omitempty"` // the median latency of each, where there are several
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

	flags    []setting
	seed     uint64
	manifest results.Manifest

	measured Verdict // what metrics and targets say together
	exactly  exactness
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
		Schema: Schema, Gate: g, Elapsed: run.Manifest.Elapsed, Partial: partial,
		flags: flagsOf(run), seed: run.Manifest.Seed, manifest: run.Manifest,
	}
	r.Diagnostics = results.Weighed(slices.Concat(run.Manifest.Diagnostics, disturbed(run.Cells)))
	pairs, tries, void := pairsOf(run.Cells)
	tries = append(triesOf(g.Checks), tries...)
	for _, c := range g.Checks {
		if c.Pair > 0 {
			void++
		}
	}
	r.Pairs, r.Void, r.Failures = len(pairs), void, failuresOf(tries)
	if void > 0 {
		r.Voided = voided(run.Cells, g.Checks)
	}
	r.Counters = moved(g.Counters)
	r.exactly = exactly(g.Counters)
	r.weigh(metrics, pairs)
	r.Objectives = objectives(run.Manifest.Objectives, pairs, g.Planned)
	r.decide()
	if r.slower() {
		if r.Attribution = attribute(pairs, r.Counters); r.Attribution != nil && r.Verdict == Regression {
			r.Reason += "; " + r.Attribution.String()
		}
	}
	return r
}

// weigh weighs the metrics and the targets, pair by pair.
func (r *Report) weigh(metrics []Metric, pairs []pair) {
	g, targets := r.Gate, targetsOf(pairs)
	c := newCourse(metrics, targets, g.Planned)
	for _, p := range pairs {
		if g.ConfirmFrom > 0 && p.number >= g.ConfirmFrom && !c.confirming() {
			c.confirm()
		}
		c.add(ratiosOf(g, p, metrics), ratiosOf(g, p, c.targets.metrics()))
	}
	if g.ConfirmFrom > 0 {
		c.confirm()
	}
	of := func(t *tests) Result {
		found := t.result(g.Planned)
		if found.Ratio.Measured() {
			found.Base, found.Head = t.first.metric.means(g, pairs)
		}
		return found
	}
	for i := range c.metrics {
		found := of(&c.metrics[i])
		if needs, is := c.undecidable(i); is {
			found.LeftOut = needs
		}
		r.Metrics = append(r.Metrics, found)
	}
	for i := range c.targets {
		r.Targets = append(r.Targets, of(&c.targets[i]))
	}
	r.measured = c.verdict()
}

// ratiosOf are a pair's log-ratios; nil of what could not be measured.
func ratiosOf(g *results.Gate, p pair, metrics []Metric) []*Ratio {
	ratios := make([]*Ratio, len(metrics))
	for i, m := range metrics {
		if r, ok := m.ratio(g, p); ok {
			ratios[i] = &r
		}
	}
	return ratios
}

// Exact reports whether an exact counter got worse, which decides by itself.
func (r Report) Exact() bool { return slices.ContainsFunc(r.Counters, r.exactly.worse) }

// slower reports whether something is proven that calls for an attribution: a metric or a counter that
// got worse.
func (r Report) slower() bool {
	if r.Gate.FailedArm != "" {
		return false
	}
	return r.Exact() || slices.ContainsFunc(r.tested(), func(m Result) bool {
		return m.Verdict == Regression || m.Verdict == Likely || m.Verdict == Small
	})
}

// tested are the metrics and the targets.
func (r Report) tested() []Result { return slices.Concat(r.Metrics, r.Targets) }

// ByMetrics reports whether a regression rests on measured metrics or targets, and so must be confirmed;
// exact counters and a head that fails need no confirmation.
func (r Report) ByMetrics() bool {
	return r.Gate.FailedArm == "" && !r.Exact() &&
		slices.ContainsFunc(r.tested(), func(m Result) bool { return m.Verdict == Regression })
}

// Suspects reports whether there is evidence of a slowdown that is worth a few pairs more than planned.
func (r Report) Suspects() bool {
	return r.Verdict == Likely || r.Verdict == Inconclusive &&
		slices.ContainsFunc(r.tested(), func(m Result) bool { return m.Suspect })
}

// NeedsClosedLoops reports whether further pairs need closed loops: not when what those are for has been
// decided, or is not gated. What is proven stays proven, and the time is better spent on what is open.
func (r Report) NeedsClosedLoops() bool {
	return slices.ContainsFunc(r.Metrics, func(m Result) bool {
		return m.Name == maxThroughput && m.Verdict != Pass && m.Verdict != Small
	})
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

func (r *Report) decide() {
	g, regressed, unsure := r.Gate, r.regressed(), r.unsure()
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
	case r.Pairs == 0 && r.Failures.never():
		r.Verdict, r.Reason = Likely, "regression likely: "+r.Failures.String()
	case r.Failures.Verdict == Inconclusive:
		r.Verdict, r.Reason = Inconclusive, r.Failures.String()
	case r.measured == Likely || slices.ContainsFunc(r.Counters, r.exactly.likely):
		r.Verdict, r.Reason = Likely, strings.Join(append(r.likely(), unsure...), "; ")
	case r.measured != Inconclusive && len(unsure) == 0 && !r.Partial:
		r.Verdict, r.Reason = r.measured, "no gated metric is slower by the margin that matters"
		if r.Verdict == Small {
			r.Reason = "slower, but by less than the margin that matters"
		}
		r.Reason += r.apart()
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
	for _, m := range r.Targets {
		if m.Verdict == Regression {
			list = append(list, "p50_ms of "+m.Name+" "+m.change())
		}
	}
	for _, o := range r.Objectives {
		if o.Verdict == Regression {
			list = append(list, o.String())
		}
	}
	for _, c := range r.Counters {
		if r.exactly.worse(c) {
			list = append(list, fmt.Sprintf("%s of %s: %s", c.Name, c.Target, counted(c)))
		}
	}
	return list
}

// unsure lists the objectives and counters about which nothing is proven.
func (r Report) unsure() (list []string) {
	for _, o := range r.Objectives {
		if o.Verdict == Inconclusive && o.LeftOut == "" {
			list = append(list, o.String())
		}
	}
	for _, c := range r.Counters {
		if r.exactly.unproven(c) && !r.exactly.likely(c) {
			list = append(list, fmt.Sprintf("%s of %s: %s; %d are needed", c.Name, c.Target, counted(c), r.exactly.boots))
		}
	}
	return list
}

// likely lists what was proven once, and what a second proof takes.
func (r Report) likely() (list []string) {
	add := func(name string, m Result) {
		if m.Verdict == Likely {
			list = append(list, fmt.Sprintf("regression likely: %s %s, about %s needed", name, m.change(),
				page.Count(m.Missing, "more pair")))
		}
	}
	for _, m := range r.Metrics {
		add(m.Name, m)
	}
	for _, m := range r.Targets {
		add("p50_ms of "+m.Name, m)
	}
	for _, c := range r.Counters {
		if r.exactly.likely(c) {
			list = append(list, fmt.Sprintf("regression likely: %s of %s: %s; %d are needed", c.Name, c.Target, counted(c),
				r.exactly.boots))
		}
	}
	return list
}

// apart says which metrics and objectives are left out of the verdict, because the pairs cannot decide
// on them.
func (r Report) apart() (said string) {
	for _, o := range r.Objectives {
		if o.LeftOut != "" {
			said += "; " + o.String()
		}
	}
	var names []string
	most := 0
	for _, m := range r.Metrics {
		if m.LeftOut > 0 {
			names, most = append(names, m.Name), max(most, m.LeftOut)
		}
	}
	if len(names) == 0 {
		return said
	}
	return said + fmt.Sprintf("; left out: %s, too noisy here to decide (about %s, planned are %d)", page.List(names),
		page.Count(most, "pair"), r.Gate.Planned)
}

// open lists the metrics about which nothing is proven yet.
func (r Report) open() []string {
	var open, again []string
	for _, m := range r.Metrics {
		switch {
		case m.Verdict != Inconclusive || m.LeftOut > 0:
		case m.Confirm != nil:
			again = append(again, fmt.Sprintf("%s was %.1f %% slower in %s, but %d more did not confirm this",
				m.Name, (m.Confirm.Before.Value-1)*100, page.Count(m.Confirm.Before.N, "pair"), m.Confirm.Ratio.N))
		case m.Suspect:
			again = append(again, suspected(m.Name, m))
		default:
			open = append(open, m.Name)
		}
	}
	for _, m := range r.Targets {
		if m.Suspect && m.Verdict == Inconclusive {
			again = append(again, suspected("p50_ms of "+m.Name, m))
		}
	}
	if len(open) > 0 {
		again = append(again, fmt.Sprintf("after %s, nothing is proven about %s",
			page.Count(r.Pairs, "pair"), page.List(open)))
	}
	if left := r.apart(); left != "" && len(again) > 0 {
		again[len(again)-1] += left
	}
	if len(again) == 0 && r.Partial {
		again = append(again, fmt.Sprintf("after %s, there is no evidence against head", page.Count(r.Pairs, "pair")))
	}
	return again
}

// suspected says what the evidence points to, without proving it.
func suspected(name string, m Result) string {
	said := name + " " + m.change() + ", which is not proven"
	if m.Missing > 0 {
		said += fmt.Sprintf(": about %s needed", page.Count(m.Missing, "more pair"))
	}
	return said
}

// FewestPairs is the number of pairs that any verdict needs: five equal signs prove a pass at 5 %.
const FewestPairs = 5

// Decided reports whether the verdict is final, so that no more pairs are needed.
func (r Report) Decided() bool { return r.Verdict != Inconclusive && r.Verdict != Likely }
