package gate

import (
	"cmp"
	"fmt"
	"math"

	"bench/reports/page"
	"bench/results"
	"bench/stats"
)

// Failures are the requests without a successful response, and the pairs in which a version sent no
// successful response at all, of head and of base. They cost little CPU time, so no other metric
// shows them.
type Failures struct {
	Base  uint64 `json:"base"` // requests
	Head  uint64 `json:"head"`
	Asked uint64 `json:"asked"` // requests sent to each, about
	// BasePairs and HeadPairs are the pairs in which that version failed more often than the other.
	BasePairs int `json:"base_pairs"`
	HeadPairs int `json:"head_pairs"`
	// BaseSilent and HeadSilent are the pairs in which only that version did not boot, sent no successful
	// response, or had processes that died.
	BaseSilent int     `json:"base_silent_pairs"`
	HeadSilent int     `json:"head_silent_pairs"`
	BothSilent int     `json:"both_silent_pairs,omitempty"`
	Evidence   float64 `json:"evidence"` // that head fails more often
	Needed     float64 `json:"evidence_needed"`
	Verdict    Verdict `json:"verdict"`
	// BaseNotBooted and HeadNotBooted are the boots of that version alone that failed.
	BaseNotBooted int `json:"base_not_booted"`
	HeadNotBooted int `json:"head_not_booted"`
	Tries         int `json:"tries"` // pairs, and boots without a pair
	// Why is what the last head said that did not boot, or what was wrong with its responses.
	Why string `json:"why,omitempty"`
}

// failuresAlpha is the probability of a false alarm that is allotted to failures.
const failuresAlpha = 0.1 * Alpha

// tolerated is the share of its requests by which head may fail more often than base and still pass.
const tolerated = 0.001

// triesOf are the boots without a pair: those before the first one, and those in which one failed.
func triesOf(checks []results.GateCheck) (tries []try) {
	for _, c := range checks {
		arms := [2]results.CheckedArm{c.Base, c.Head}
		var t try
		for arm, a := range arms {
			t.failed[arm], t.asked[arm] = a.Failed, a.Asked
			t.silent[arm], t.notBooted[arm] = a.NotBooted != "", a.NotBooted != ""
		}
		t.why = cmp.Or(c.Head.NotBooted, c.Head.Wrong)
		tries = append(tries, t)
	}
	return tries
}

// failuresOf weighs failures as metrics are weighed: whatever makes equal versions fail, either is
// equally likely to be the one that fails in a pair, so that the sign of the difference is a coin.
func failuresOf(tries []try) Failures {
	f := Failures{Needed: 1 / failuresAlpha, Verdict: Inconclusive}
	evidence := stats.Evidence{Aim: 1}
	f.Tries = len(tries)
	for _, t := range tries {
		if t.why != "" {
			f.Why = firstLine(t.why)
		}
		f.Base, f.Head, f.Asked = f.Base+t.failed[0], f.Head+t.failed[1], f.Asked+max(t.asked[0], t.asked[1])
		difference := 0.0
		if t.failed != [2]uint64{} { // else the arm with more requests would look better
			difference = math.Log(failedShare(t, 1) / failedShare(t, 0))
		}
		switch {
		case t.silent[1] && !t.silent[0]:
			f.HeadSilent++
			if t.notBooted[1] {
				f.HeadNotBooted++
			}
			difference = math.Inf(1)
		case t.silent[0] && !t.silent[1]:
			f.BaseSilent++
			if t.notBooted[0] {
				f.BaseNotBooted++
			}
			difference = math.Inf(-1)
		case t.silent[0] && t.silent[1]:
			f.BothSilent++
			continue // the machine, or a fault that both share
		case difference > 0:
			f.HeadPairs++
		case difference < 0:
			f.BasePairs++
		}
		evidence.Add(difference, failuresScale)
		f.Evidence = max(f.Evidence, evidence.Value())
	}
	switch {
	case f.Evidence >= f.Needed:
		f.Verdict = Regression
	case f.passes(evidence.Value()):
		f.Verdict = Pass
	}
	return f
}

// passes reports whether head fails no more often than may be chance. A head that was measured and failed
// altogether, or lost a process, does not pass if base did not. Where base fails too, head may fail more
// often by what chance makes of that: without evidence, and no more than twice as often.
func (f Failures) passes(evidence float64) bool {
	died := f.HeadSilent - f.HeadNotBooted - (f.BaseSilent - f.BaseNotBooted)
	if died > 0 || f.HeadNotBooted > 1+2*f.BaseNotBooted {
		return false
	}
	more := float64(f.Head) - float64(f.Base)
	return more <= max(2, tolerated*float64(f.Asked)) || evidence < 1/passLevel && f.Head <= 2*f.Base
}

// failuresScale makes one failed request in a few hundred count for little, and many for as much as a
// pair can.
const failuresScale = 1

// failedShare is the share of an arm's requests that failed. Half a request is added, so that it has a
// logarithm even without failures.
func failedShare(t try, arm int) float64 {
	return (float64(t.failed[arm]) + 0.5) / (float64(t.asked[arm]) + 1)
}

// failed is the number of requests of a cell that got no successful response.
func failed(c *results.Cell) uint64 {
	n := c.Counts
	return n.HTTPError + n.BadBody + n.ConnectError + n.Reset + n.Timeout
}

// never reports whether head has failed in every boot, and base in none: in three of each, one in a thousand
// equal versions does of which one boot in ten fails. It is for a gate without time for more.
func (f Failures) never() bool {
	const fewest = 3
	return f.HeadSilent+f.HeadPairs >= fewest && f.HeadSilent+f.HeadPairs == f.Tries && f.Base == 0
}

// String says how often head failed, and base.
func (f Failures) String() string {
	said := fmt.Sprintf("%s of about %s failed on head, %s on base",
		count(f.Head), page.Count(f.Asked, "request"), count(f.Base))
	if f.HeadSilent > 0 || f.BaseSilent > 0 {
		said = fmt.Sprintf("not booted, no successful response, or processes that died, in %s of head and %d of base; %s",
			page.Count(f.HeadSilent, "pair"), f.BaseSilent, said)
	}
	if f.Why != "" {
		said += ": " + f.Why
	}
	return said
}

// count writes a number of requests.
func count(n uint64) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return page.Number(float64(n))
}
