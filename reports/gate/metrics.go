package gate

import (
	"math"

	"bench/reports/compare"
	"bench/results"
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
		{Name: "cpu_ms_per_request", Unit: "ms", Alpha: 0.4 * Alpha, Effect: 0.05, Spread: 0.02, cost: cpuPerRequest},
		{Name: "p50_ms", Unit: "ms", Alpha: 0.2 * Alpha, Effect: 0.05, Spread: 0.035, cost: median},
		{Name: "slow_share", Unit: "", Alpha: 0.2 * Alpha, Effect: 0.2, Spread: 0.15, cost: slowShare},
		{Name: "max_rate", Unit: "req/s", Alpha: 0.2 * Alpha, Effect: 0.05, Spread: 0.03, cost: secondsPerAnswer},
	}
}

// measured is one arm of a pair.
type measured struct {
	alternate *results.Cell
	bursts    []*results.Cell
}

func cpuPerRequest(_ *results.Duel, arm measured) float64 {
	alternate := arm.alternate
	return results.TotalCPU(alternate.Usage).Seconds() * 1e3 / float64(alternate.Counts.Sent)
}

func median(_ *results.Duel, arm measured) float64 {
	return float64(results.Total(arm.alternate.Intervals, results.Response).ValueAtPercentile(50)) / 1e3
}

// slowShare is the share of requests that took longer than the base's 85 % quantile did at
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

// secondsPerAnswer is the inverse of the closed loop's rate, with most of what the machine's
// pace did to it taken out (a control variate). The bursts of two arms lie a second apart, in
// which a shared machine's pace wavers by a tenth; the CPU time of a request wavers with it,
// while under the alternating load both arms have one pace. Where a burst's request costs
// more CPU time than the same arm's under the alternating load, so much of its slowness is
// the pace.
//
// Not all of it: a version may cost more CPU time only when it is saturated, and then a part
// has to show. On equal versions of Django four fifths took the noise of a pair from 4.3 to
// 3.5 % in one half hour, and from 10 to 3.5 % in another; all of it, to 4.5 and 3.0 %.
func secondsPerAnswer(d *results.Duel, arm measured) float64 {
	var took, cpu float64
	var answered, sent uint64
	for _, b := range arm.bursts {
		took, cpu = took+b.Duration, cpu+results.TotalCPU(b.Usage).Seconds()
		answered, sent = answered+b.Answered, sent+b.Counts.Sent
	}
	slowness := 1.0
	if burst := cpu * 1e3 / float64(sent); burst > 0 {
		slowness = math.Pow(burst/cpuPerRequest(d, arm), paceShare)
	}
	return took / float64(answered) / slowness // none: not a number, which is left out
}

// paceShare is how much of it is put down to the pace.
const paceShare = 0.8

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

// Confirmation is the second test of a regression.
type Confirmation struct {
	Ratio   float64 `json:"ratio"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	Pairs   int     `json:"pairs"`
	Verdict Verdict `json:"verdict"`
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
