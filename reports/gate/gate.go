// Package gate decides whether one version of an app is slower than another, from a run of
// pairs. It may be asked after every pair: looking often costs no certainty.
package gate

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"bench/reports/compare"
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

// Metric is one gated figure. A cost: more is worse.
type Metric struct {
	Name string
	Unit string
	// Alpha is this metric's share of the false alarms allowed to the whole gate.
	Alpha float64
	// Effect is the least slowdown that matters: 0.05 is 5 %.
	Effect float64
	// Spread of a pair's log-ratio that is expected before any has been seen.
	Spread float64
	cost   func(*results.Duel, measured) float64
}

// Alpha is the chance that a gate on equal versions says regression, over all its metrics,
// however often it looks.
const Alpha = 0.01

// passLevel is the chance of passing a version that is slower by just the effect that matters.
// Every metric has to pass, so it need not be divided among them (Berger 1982,
// intersection-union tests).
const passLevel = 0.05

// Metrics are the gated figures. CPU time of a request leads: queues do not amplify it.
func Metrics() []Metric {
	return []Metric{
		{Name: "cpu_ms_per_request", Unit: "ms", Alpha: 0.4 * Alpha, Effect: 0.05, Spread: 0.026, cost: cpuPerRequest},
		{Name: "p50_ms", Unit: "ms", Alpha: 0.2 * Alpha, Effect: 0.05, Spread: 0.02, cost: median},
		{Name: "slow_share", Unit: "", Alpha: 0.2 * Alpha, Effect: 0.2, Spread: 0.2, cost: slowShare},
		{Name: "max_rate", Unit: "req/s", Alpha: 0.2 * Alpha, Effect: 0.05, Spread: 0.03, cost: inverseRate},
	}
}

// measured is one arm of a pair.
type measured struct {
	alternate *results.Cell
	bursts    []*results.Cell
}

func cpuPerRequest(_ *results.Duel, arm measured) float64 {
	alternate := arm.alternate
	var spent float64
	for _, cpu := range results.CPUByTier(alternate.Usage) {
		spent += cpu.Seconds() * 1e3
	}
	return spent / float64(alternate.Counts.Sent)
}

func median(_ *results.Duel, arm measured) float64 {
	return float64(results.Total(arm.alternate.Intervals, results.Response).ValueAtPercentile(50)) / 1e3
}

// slowShare is the share of requests that took longer than the base's 95 % quantile did at
// calibration, or got no right answer. Half a request is added so that none at all has a
// logarithm.
func slowShare(d *results.Duel, arm measured) float64 {
	alternate := arm.alternate
	h := results.Total(alternate.Intervals, results.Response)
	var slow int64
	for _, bar := range h.Distribution() {
		if bar.From > d.SlowMicros {
			slow += bar.Count
		}
	}
	c := alternate.Counts
	failed := c.HTTPError + c.BadBody + c.ConnectError + c.Reset + c.Unsent
	return (float64(slow) + float64(failed) + 0.5) / (float64(alternate.Counts.Intended) + 1)
}

func inverseRate(_ *results.Duel, arm measured) float64 {
	var took float64
	var answered uint64
	for _, b := range arm.bursts {
		took += b.Duration
		answered += b.Answered
	}
	return took / float64(answered) // none: not a number, which is left out
}

// Result is what is known of one metric.
type Result struct {
	Name       string        `json:"name"`
	Unit       string        `json:"unit,omitempty"`
	Base       float64       `json:"base"` // geometric means
	Head       float64       `json:"head"`
	Ratio      float64       `json:"ratio"` // of costs: above 1 is slower
	Low        float64       `json:"low"`
	High       float64       `json:"high"`
	Confidence float64       `json:"confidence"`
	Verdict    Verdict       `json:"verdict"`
	Effect     float64       `json:"effect"`               // the least that matters
	Detectable float64       `json:"detectable,omitempty"` // found with 90 % probability so far; 0: too few pairs
	Spread     float64       `json:"pair_spread"`
	Against    float64       `json:"evidence_of_regression"` // needed: 1/alpha
	Needed     float64       `json:"evidence_needed"`
	For        float64       `json:"evidence_of_pass"` // needed: 20
	Pairs      int           `json:"pairs"`
	Confirm    *Confirmation `json:"confirmation,omitempty"`
	// Logs are the log-ratios, pair by pair.
	Logs []float64 `json:"log_ratios"`
}

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

// confirm tests a regression a second time, on pairs that had no part in finding it. Both
// tests have to reject, so the chance of a false alarm is that of the first at most.
func (m Metric) confirm(d *results.Duel, found Result, pairs []pair) Result {
	again := m
	again.Alpha = confirmLevel
	second := again.judge(d, pairs)
	found.Confirm = &Confirmation{Ratio: second.Ratio, Low: second.Low, High: second.High, Pairs: second.Pairs, Verdict: second.Verdict}
	if second.Verdict != Regression {
		found.Verdict = Inconclusive
	}
	return found
}

// confirmLevel is that of the second test.
const confirmLevel = 0.05

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

// Confirmation is the second test of a regression.
type Confirmation struct {
	Ratio   float64 `json:"ratio"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	Pairs   int     `json:"pairs"`
	Verdict Verdict `json:"verdict"`
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

// pair is one pair's cells, by arm.
type pair struct {
	number int
	arms   [2]measured
}

// pairsOf sorts cells into pairs. A pair in which either arm was measured badly is void: the
// rule looks at both arms alike, and never at their difference. A head that does not answer
// where base does is no bad measurement, but a finding of its own.
func pairsOf(cells []*results.Cell) (pairs []pair, void, headFailed int) {
	byBlock := map[int]*pair{}
	bad, silent := map[int]bool{}, map[int]*[2]bool{}
	for _, c := range cells {
		p := byBlock[c.Block]
		if p == nil {
			p = &pair{number: c.Block}
			byBlock[c.Block], silent[c.Block] = p, new([2]bool)
		}
		arm := 0
		if c.Topology == "head" {
			arm = 1
		}
		answered := c.Counts.OK
		if c.Load == "alternate" {
			p.arms[arm].alternate = c
		} else {
			p.arms[arm].bursts = append(p.arms[arm].bursts, c)
			answered = c.Answered
		}
		bad[c.Block] = bad[c.Block] || c.Grade == results.Invalid || answered == 0
		silent[c.Block][arm] = silent[c.Block][arm] || answered == 0 || slices.ContainsFunc(c.Causes, fromServer)
	}
	for _, number := range slices.Sorted(maps.Keys(byBlock)) {
		p := byBlock[number]
		switch {
		case silent[number][1] && !silent[number][0]:
			headFailed++
		case bad[number]:
			void++
		case p.arms[0].alternate != nil && p.arms[1].alternate != nil:
			pairs = append(pairs, *p)
		}
	}
	return pairs, void, headFailed
}

// fromServer reports whether a cell is void because of its servers, not of the generator.
func fromServer(c results.Cause) bool {
	return c.Code == "server-died" || c.Code == "server-gone" || c.Code == "no-right-answer"
}

// judge weighs one metric on the pairs given.
func (m Metric) judge(d *results.Duel, pairs []pair) Result {
	w := weigher{metric: m}
	var base, head float64
	for _, p := range pairs {
		b, h := m.cost(d, p.arms[0]), m.cost(d, p.arms[1])
		if !(b > 0 && h > 0) || math.IsInf(b, 0) || math.IsInf(h, 0) {
			continue
		}
		w.add(math.Log(h / b))
		base, head = base+math.Log(b), head+math.Log(h)
	}
	r := w.result()
	if r.Pairs == 0 {
		return r
	}
	n := float64(r.Pairs)
	r.Base, r.Head = math.Exp(base/n), math.Exp(head/n)
	if m.Name == "max_rate" {
		r.Base, r.Head = 1/r.Base, 1/r.Head
	}
	return r
}

// weigher weighs log-ratios, pair by pair, against two hypotheses: that head costs no more
// than base, and that it costs more by at least the effect that matters.
type weigher struct {
	metric            Metric
	logs              []float64
	slower, notSlower compare.Evidence
	worst, best       float64 // the greatest evidence so far: what has been proven stays so
}

func (w *weigher) add(logRatio float64) {
	w.slower.Aim, w.notSlower.Aim = math.Log1p(w.metric.Effect), math.Log1p(w.metric.Effect)
	scale := compare.Scale(w.logs, w.metric.Spread)
	w.slower.Add(logRatio, scale)
	w.notSlower.Add(math.Log1p(w.metric.Effect)-logRatio, scale)
	w.worst, w.best = max(w.worst, w.slower.Value()), max(w.best, w.notSlower.Value())
	w.logs = append(w.logs, logRatio)
}

func (w *weigher) verdict() Verdict {
	m := w.metric
	slower, fine := w.worst >= 1/m.Alpha, w.best >= 1/passLevel
	switch {
	case slower && fine:
		return Small
	case slower && compare.Paired(w.logs).Value >= 1+m.Effect/2:
		return Regression
	case fine:
		return Pass
	}
	return Inconclusive
}

func (w *weigher) result() Result {
	m := w.metric
	r := Result{Name: m.Name, Unit: m.Unit, Verdict: w.verdict(), Effect: m.Effect, Needed: 1 / m.Alpha, Logs: []float64{}}
	if len(w.logs) == 0 {
		return r
	}
	r.Logs, r.Pairs, r.Against, r.For = w.logs, len(w.logs), w.worst, w.best
	e := compare.Paired(r.Logs)
	r.Ratio, r.Low, r.High, r.Confidence = e.Value, e.Low, e.High, e.Confidence
	r.Spread = compare.Scale(r.Logs, m.Spread)
	r.Detectable = compare.Detectable(r.Spread, r.Pairs, m.Alpha) - 1
	return r
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
		if !o.Met && r.Pairs >= fewestPairs {
			regressed = append(regressed, fmt.Sprintf("objective %s missed (%g)", o.Objective, o.Value))
		}
	}
	for _, c := range r.Counters {
		if worse(c) {
			regressed = append(regressed, fmt.Sprintf("%s of %s: %d, was %d", c.Name, c.Target, c.Head, c.Base))
		}
	}
	switch {
	case d.FailedArm == "head":
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

// fewestPairs is what an absolute limit is judged on at least.
const fewestPairs = 5

// Decided reports whether more pairs could not change the verdict.
func (r Report) Decided() bool { return r.Verdict != Inconclusive }
