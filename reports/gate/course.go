package gate

import (
	"math"

	"bench/stats"
)

// A regression is tested twice. The first test is on all pairs and has a share of Alpha; the second, on
// the pairs since the first had found something or was about to, has the level confirmLevel. Both have
// to reject, so the probability of a false alarm is at most that of the first.

// confirmLevel is the level of the second test.
const confirmLevel = 0.05

// ConfirmingPairs is how many pairs a second test of a clear regression takes: five equal signs are
// evidence of less than 2⁵, and so one more is needed for 1/confirmLevel.
const ConfirmingPairs = 6

// tests are the two tests of one metric.
type tests struct {
	first, second weigher
	confirming    bool
}

func testsOf(m Metric) tests {
	again := m
	again.Alpha = confirmLevel
	return tests{first: weigher{metric: m}, second: weigher{metric: again}}
}

func (t *tests) add(r Ratio) {
	t.first.add(r)
	if t.confirming {
		t.second.add(r)
	}
}

// verdict is that of both tests; before the second has begun, that of the first. What the first has
// found and the second has not refuted yet is likely.
func (t *tests) verdict() Verdict {
	v := t.first.verdict()
	if v != Regression || !t.confirming {
		return v
	}
	switch again := t.second.verdict(); {
	case again == Regression:
		return Regression
	case again == Inconclusive && t.second.estimate() >= 1+t.second.metric.Effect/2:
		return Likely
	case len(t.second.logs) == 0:
		return Likely
	}
	return Inconclusive
}

// suspect reports whether there is enough evidence of a slowdown to look further before passing.
func (t *tests) suspect() bool {
	return t.first.suspicion >= 1/passLevel && t.first.estimate() >= 1+t.first.metric.Effect/2
}

// missing is the number of pairs that would prove a regression, if they go on as they have begun; 0
// where the evidence does not grow.
func (t *tests) missing() int {
	n, now := len(t.first.logs), math.Log(t.first.now)
	if n == 0 || now <= 0 {
		return 0
	}
	each := now / float64(n)
	first := max(0, (math.Log(1/t.first.metric.Alpha)-math.Log(max(1, t.first.worst)))/each)
	second := math.Log(1 / confirmLevel)
	if t.confirming {
		second -= math.Log(max(1, t.second.worst))
	}
	second = max(0, second/each)
	if second > 0 {
		second = max(second, float64(ConfirmingPairs-len(t.second.logs)))
	}
	return max(1, int(math.Ceil(max(first, second))))
}

// course is the course of a gate: what its pairs say so far.
type course struct {
	metrics []tests
	targets family
	planned int // pairs that there is time for; 0: not known
	pairs   int
}

func newCourse(metrics []Metric, targets []string, planned int) *course {
	c := &course{targets: familyOf(targets), planned: planned}
	for _, m := range metrics {
		c.metrics = append(c.metrics, testsOf(m))
	}
	return c
}

// confirm begins the second tests.
func (c *course) confirm() {
	for i := range c.metrics {
		c.metrics[i].confirming = true
	}
	for i := range c.targets {
		c.targets[i].confirming = true
	}
}

// add weighs a pair: the log-ratios of its metrics and of its targets. Those that could not be
// measured are nil.
func (c *course) add(metrics, targets []*Ratio) {
	c.pairs++
	for i, r := range metrics {
		if r != nil {
			c.metrics[i].add(*r)
		}
	}
	c.targets.add(targets)
}

// suspects reports whether anything points to a regression strongly enough to look further.
func (c *course) suspects() bool {
	for i := range c.metrics {
		if c.metrics[i].suspect() {
			return true
		}
	}
	return c.targets.suspect()
}

// fewestToLeaveOut is the number of pairs before which a metric's noise is not known well enough to
// leave it out.
const fewestToLeaveOut = 6

// leaveOutPower is the probability of deciding below which a metric is left out. One that the pairs would
// decide in every second gate kept the other half measuring until their time was up.
const leaveOutPower = 0.9

// undecidable reports whether the pairs that there is time for are not likely to decide on a metric,
// even if the versions are equal, and how many that would take. A metric that looks worse stays in: the
// pairs that are left may prove it. The first metric is never left out: something has to be shown.
func (c *course) undecidable(i int) (needs int, is bool) {
	t := &c.metrics[i]
	m := t.first.metric
	if c.planned == 0 || i == 0 || c.pairs < fewestToLeaveOut || t.verdict() != Inconclusive || t.looksWorse() {
		return 0, false
	}
	pairs := stats.PairsFor(math.Log1p(m.Effect), stats.Scale(t.first.logs, m.Spread), passLevel, leaveOutPower)
	return int(math.Ceil(min(pairs, 1e6))), pairs > float64(max(c.planned, c.pairs))
}

// looksWorse reports whether head's estimate is worse by half of what matters, and by more than the noise
// explains in nine of ten gates on equal versions.
func (t *tests) looksWorse() bool {
	m := t.first.metric
	noise := stats.Scale(t.first.logs, m.Spread) / math.Sqrt(float64(max(1, len(t.first.logs))))
	return math.Log(t.first.estimate()) >= max(math.Log1p(m.Effect/2), 1.28*noise)
}

// verdict is what metrics and targets say together; failures, counters and objectives come on top.
func (c *course) verdict() Verdict {
	count := map[Verdict]int{}
	var open []int
	for i := range c.metrics {
		v := c.metrics[i].verdict()
		count[v]++
		if v == Inconclusive {
			open = append(open, i)
		}
	}
	for i := range c.targets {
		switch v := c.targets[i].verdict(); {
		case v == Regression || v == Likely:
			count[v]++
		case c.targets[i].suspect():
			count[Inconclusive]++
		}
	}
	for _, i := range open {
		if _, is := c.undecidable(i); !is {
			break // one is enough
		}
		count[Inconclusive]--
	}
	for _, v := range []Verdict{Regression, Likely, Inconclusive} {
		if count[v] > 0 {
			return v
		}
	}
	if count[Pass]+count[Small] == 0 || c.pairs < c.targets.fewest() {
		return Inconclusive
	}
	if count[Small] > 0 {
		return Small
	}
	return Pass
}

// proceed reports whether another pair is to be measured after this one, in a gate that plans a number of
// pairs and may exceed it by a few where that can settle what is likely; it begins the second tests when
// the first have found something, or when no more pairs than those would take are left.
func (c *course) proceed(most int) bool {
	v := c.verdict()
	if confirming := c.confirming(); !confirming {
		if v == Regression || c.suspects() && c.pairs+ConfirmingPairs >= most {
			c.confirm()
			v = c.verdict()
		}
	}
	if v != Inconclusive && v != Likely {
		return false
	}
	if v == Likely || c.suspects() {
		most += Extension(most)
	}
	return c.pairs < most
}

func (c *course) confirming() bool { return len(c.metrics) > 0 && c.metrics[0].confirming }

// Extension is by how many pairs a gate may exceed those planned, to settle what is likely: by half of
// them, and by no more than twice those that a second test takes.
func Extension(planned int) int { return min(planned/2, 2*ConfirmingPairs) }

// detectable is the smallest slowdown that a gate with time for that many pairs calls a regression with
// 90 % probability: the first test has to prove it within them and the extension, for which it has to be
// suspected within them, and the second test on what is left when it begins at the latest. Nothing
// below the margin that matters counts: a gate passes it.
func (m Metric) detectable(spread float64, planned int) float64 {
	const each = 0.9 // together about 0.9, because they succeed and fail together: TestDetectableIsDetected
	aim, all := math.Log1p(m.Effect), planned+Extension(planned)
	return max(1+m.Effect,
		stats.Detectable(spread, all, aim, m.Alpha, each),
		stats.Detectable(spread, planned, aim, passLevel, each),
		stats.Detectable(spread, min(all, Extension(planned)+ConfirmingPairs), aim, confirmLevel, each))
}
