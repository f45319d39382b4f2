package gate

import (
	"math"

	"bench/results"
	"bench/stats"
)

// Metric is one gated figure. It is a cost: more is worse.
type Metric struct {
	Name string
	Unit string
	// Alpha is this metric's share of the gate's probability of a false alarm.
	Alpha float64
	// Effect is the smallest slowdown that matters: 0.05 is 5 %.
	Effect float64
	// Spread is the spread of a pair's log-ratio that is expected before any has been seen.
	Spread float64
	cost   func(*results.Gate, measured) float64
	// speed is the factor of the cost that comes from the machine, and not from the version; nil: none.
	speed func(*results.Gate, measured) float64
}

// Alpha is the probability that a gate on equal versions reports a regression, or a likely one, over all
// its metrics, targets, counters and failures, however often it looks.
const Alpha = 0.01

// passLevel is the probability of passing a version that is slower by just the effect that matters.
// Every metric has to pass, so it need not be divided among them (Berger 1982, intersection-union
// tests).
const passLevel = 0.05

// maxThroughput is the name of the metric that is shown as a rate and judged as a cost.
const maxThroughput = "max_throughput"

// Metrics are the gated figures. The CPU time per request comes first: queues do not amplify it.
func Metrics() []Metric {
	return []Metric{
		{Name: "cpu_ms_per_request", Unit: "ms", Alpha: 0.3 * Alpha, Effect: 0.05, Spread: 0.02, cost: cpuPerRequest},
		{Name: "p50_ms", Unit: "ms", Alpha: 0.15 * Alpha, Effect: 0.05, Spread: 0.035, cost: median},
		{Name: "slow_share", Unit: "", Alpha: 0.1 * Alpha, Effect: 0.2, Spread: 0.15, cost: slowShare},
		{Name: maxThroughput, Unit: "req/s", Alpha: 0.15 * Alpha, Effect: 0.05, Spread: 0.03, cost: secondsPerResponse,
			speed: closedRunSpeed},
	}
}

// measured is one arm of a pair.
type measured struct {
	interleaved *results.Cell
	closedRuns  []*results.Cell
}

func cpuPerRequest(_ *results.Gate, arm measured) float64 {
	c := arm.interleaved
	return results.TotalCPU(c.Usage).Seconds() * 1e3 / float64(c.Counts.Sent)
}

func median(_ *results.Gate, arm measured) float64 {
	return float64(results.Percentile(results.Total(arm.interleaved.Intervals, results.Response), 50)) / 1e3
}

// slowShare is the share of requests that took longer than the 85 % quantile of base in the rate
// search, or got no successful response. Half a request is added, so that it has a logarithm even
// without any.
func slowShare(g *results.Gate, arm measured) float64 {
	cell := arm.interleaved
	h := results.Total(cell.Intervals, results.Response)
	var slow int64
	for _, bar := range h.Distribution() {
		if bar.From > g.SlowMicros {
			slow += bar.Count
		}
	}
	c := cell.Counts
	failed := c.HTTPError + c.BadBody + c.ConnectError + c.Reset + c.Dropped
	return (float64(slow) + float64(failed) + 0.5) / (float64(c.Intended) + 1)
}

// secondsPerResponse is the inverse of the closed loop's throughput.
func secondsPerResponse(_ *results.Gate, arm measured) float64 {
	var took, successful float64
	for _, b := range arm.closedRuns {
		responses, seconds := b.Served()
		took += seconds
		successful += responses
	}
	return took / successful // without any: NaN, which is left out
}

// closedRunSpeed is the effect of the CPU speed on the closed loop's throughput, judged by the CPU time
// of its requests (a control variate). The closed-loop runs of two arms are a second apart, in which
// the CPU speed of a shared machine varies by a tenth; the CPU time of a request varies with it, while
// under the interleaved load both arms have the same CPU speed. Where the closed-loop runs of one arm
// need more CPU time per request, relative to the interleaved load, than those of the other arm, that
// much of their slowness is attributed to the CPU speed.
//
// Not all of it: a version may need more CPU time only when it is saturated, and then a part must
// show. On equal versions of Django, correcting by four fifths took the noise of a pair from 4.3 to
// 3.5 % in one half hour, and from 10 to 3.5 % in another; correcting by all of it, to 4.5 and 3.0 %.
// The uncorrected ratios guard against what is hidden nevertheless: see weigher.
func closedRunSpeed(g *results.Gate, arm measured) float64 {
	var cpu float64
	var sent uint64
	for _, b := range arm.closedRuns {
		if results.TotalCPU(b.Usage) == 0 {
			return math.NaN()
		}
		cpu, sent = cpu+results.TotalCPU(b.Usage).Seconds(), sent+b.Counts.Sent
	}
	return math.Pow(cpu*1e3/float64(sent)/cpuPerRequest(g, arm), speedShare)
}

// speedShare is the share of it that is attributed to the CPU speed.
const speedShare = 0.8

// Result is what is known of one metric.
type Result struct {
	Name       string         `json:"name"`
	Unit       string         `json:"unit,omitempty"`
	Base       float64        `json:"base"` // geometric means
	Head       float64        `json:"head"`
	Ratio      stats.Interval `json:"ratio"` // of costs: above 1, head is slower; its n is the number of pairs
	Verdict    Verdict        `json:"verdict"`
	Effect     float64        `json:"effect"`               // the smallest slowdown that matters
	Detectable float64        `json:"detectable,omitempty"` // with 90 % probability in the pairs planned; 0: none
	Spread     float64        `json:"pair_spread"`
	Against    float64        `json:"evidence_of_regression"` // needed: Needed
	Needed     float64        `json:"evidence_needed"`        // 1/alpha
	For        float64        `json:"evidence_of_pass"`       // needed: 20
	Confirm    *Confirmation  `json:"confirmation,omitempty"`
	// Suspect says that there is evidence of a slowdown, though no proof; Missing is the number of pairs
	// that would prove it, if they go on as they have begun.
	Suspect bool `json:"suspect,omitempty"`
	Missing int  `json:"pairs_missing,omitempty"`
	// LeftOut is the number of pairs that it would take to decide on this metric, where they are more
	// than there is time for: it is left out of the verdict.
	LeftOut int `json:"left_out_needs_pairs,omitempty"`
	// Logs are the log-ratios, pair by pair.
	Logs []float64 `json:"log_ratios"`
	// Uncorrected is the ratio before the correction for CPU speed, if there is one.
	Uncorrected *stats.Interval `json:"uncorrected,omitempty"`
}

// Confirmation is the second test of a regression, and what the pairs before it said.
type Confirmation struct {
	Ratio   stats.Interval `json:"ratio"`
	Verdict Verdict        `json:"verdict"`
	Before  stats.Interval `json:"before"`
}

// ratio is a pair's log-ratio of costs, corrected for CPU speed and not; false if it could not be
// measured.
func (m Metric) ratio(g *results.Gate, p pair) (r Ratio, ok bool) {
	r.Raw = math.Log(m.cost(g, p.arms[1]) / m.cost(g, p.arms[0]))
	r.Log = r.Raw
	if m.speed != nil {
		r.Log -= math.Log(m.speed(g, p.arms[1]) / m.speed(g, p.arms[0]))
	}
	finite := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
	return r, finite(r.Log) && finite(r.Raw)
}

// Ratio is a metric's log-ratio in one pair.
type Ratio struct {
	Log float64 `json:"log"`
	Raw float64 `json:"raw"` // before the correction for CPU speed
}

// means are the geometric means of the two versions' costs, over the pairs in which the metric could be
// measured.
func (m Metric) means(g *results.Gate, pairs []pair) (base, head float64) {
	n := 0.0
	for _, p := range pairs {
		if _, ok := m.ratio(g, p); ok {
			n, base, head = n+1, base+math.Log(m.cost(g, p.arms[0])), head+math.Log(m.cost(g, p.arms[1]))
		}
	}
	if n == 0 {
		return 0, 0
	}
	base, head = math.Exp(base/n), math.Exp(head/n)
	if m.Name == maxThroughput {
		base, head = 1/base, 1/head
	}
	return base, head
}

// weigher weighs log-ratios, pair by pair, against two hypotheses: that head costs no more than base,
// and that it costs more by at least the effect that matters.
//
// The correction for CPU speed may hide a slowdown of the version itself. So the evidence that head is
// slower is the mean of the evidence with and without the correction (a mean of e-values is an
// e-value), and nothing passes whose uncorrected ratio is estimated to be as large as what matters.
type weigher struct {
	metric            Metric
	logs, raws        []float64
	slower, notSlower stats.Evidence
	rawSlower         stats.Evidence
	now               float64 // the evidence that head is slower
	suspicion         float64 // the same, or what is left of it within a family
	worst, best       float64 // the largest evidence so far: what is proven stays proven
}

func (w *weigher) add(r Ratio) {
	w.observe(r)
	w.latch(w.now)
}

// latch keeps the evidence that head is slower.
func (w *weigher) latch(slower float64) {
	w.suspicion, w.worst = slower, max(w.worst, slower)
}

// observe weighs a pair.
func (w *weigher) observe(r Ratio) {
	aim := math.Log1p(w.metric.Effect)
	w.slower.Aim, w.notSlower.Aim, w.rawSlower.Aim = aim, aim, aim
	scale := stats.Scale(w.logs, w.metric.Spread)
	w.slower.Add(r.Log, scale)
	w.notSlower.Add(aim-r.Log, scale)
	slower := w.slower.Value()
	if w.metric.speed != nil {
		w.rawSlower.Add(r.Raw, stats.Scale(w.raws, rawSpread))
		slower = (slower + w.rawSlower.Value()) / 2
	}
	w.now, w.best = slower, max(w.best, w.notSlower.Value())
	w.logs, w.raws = append(w.logs, r.Log), append(w.raws, r.Raw)
}

// rawSpread is the expected spread of log-ratios that are not corrected for CPU speed.
const rawSpread = 0.08

func (w *weigher) verdict() Verdict {
	m := w.metric
	slower, fine := w.worst >= 1/m.Alpha, w.best >= 1/passLevel
	if !slower && !fine {
		return Inconclusive
	}
	estimate := stats.FromLogs(w.logs).Value
	if m.speed != nil {
		estimate = max(estimate, stats.FromLogs(w.raws).Value)
		fine = fine && estimate < 1+m.Effect
	}
	switch {
	case slower && fine:
		return Small
	case slower && estimate >= 1+m.Effect/2:
		return Regression
	case fine:
		return Pass
	}
	return Inconclusive
}

// result is what both tests say.
func (t *tests) result(planned int) Result {
	w := &t.first
	m := w.metric
	r := Result{Name: m.Name, Unit: m.Unit, Verdict: t.verdict(), Effect: m.Effect, Needed: 1 / m.Alpha, Logs: []float64{}}
	if len(w.logs) == 0 {
		return r
	}
	if m.speed != nil {
		uncorrected := stats.FromLogs(w.raws)
		r.Uncorrected = &uncorrected
	}
	r.Logs, r.Ratio, r.Against, r.For = w.logs, stats.FromLogs(w.logs), w.worst, w.best
	r.Spread = stats.Scale(r.Logs, m.Spread)
	if least := m.detectable(r.Spread, max(planned, r.Ratio.N)); !math.IsInf(least, 0) {
		r.Detectable = least - 1
	}
	if r.Suspect = t.suspect(); r.Suspect || r.Verdict == Likely {
		r.Missing = t.missing()
	}
	if t.confirming && w.worst >= 1/m.Alpha {
		before := w.logs[:len(w.logs)-len(t.second.logs)]
		r.Confirm = &Confirmation{stats.FromLogs(t.second.logs), t.second.verdict(), stats.FromLogs(before)}
	}
	return r
}
