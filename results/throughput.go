package results

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// What limits the throughput of a closed loop, and so how it is estimated.
const (
	LimitWorkers     = "workers"     // the server works on fewer requests at once than there are connections
	LimitCPU         = "cpu"         // no limit on requests at once, and the cores that they can use are busy
	LimitConnections = "connections" // no limit on requests at once, and no other: they hardly delay each other
	LimitUnknown     = "unknown"     // nobody knows; the course of the drain decides
)

// ClosedRecord is what the throughput of a closed loop is estimated from.
//
// Responses within the duration, divided by the duration, would leave out the work in progress at the
// end: half a request per connection where service times are constant, which is a twentieth of ten
// requests on each. What is counted instead depends on the limit:
//
//   - A server that is busy as long as Full requests are under way does the work of all responses, those
//     of the drain too, in the duration and as much of the drain as it was fully busy. With a number w of
//     requests under way, it works at min(1, w/Full) of its rate, whatever the times of the requests and
//     in whichever order it serves them.
//   - Where each request takes its own time whatever the others do, that would count the idle
//     connections of the drain. There, the throughput follows from Little's law: the mean number of
//     requests under way over their mean time. Requests count in full, however long; the first ones of
//     each connection do not, because all of them start at once.
//
// Both divide a sum over requests by their number, which is a stopping time, so that Wald's equation
// applies: the bias vanishes with the number of requests per connection, and not with its square root.
type ClosedRecord struct {
	Limit string `json:"limit"`
	// Full is the number of requests under way that keep the server working at its full rate.
	Full int `json:"full_from,omitempty"`
	// Repeats are the successful responses on connections that had had one before, and Time the
	// time that all such requests took, failed ones included.
	Repeats uint64  `json:"repeats"`
	Time    float64 `json:"repeats_s"`
	// UnderWay is the mean number of requests under way within the duration.
	UnderWay float64   `json:"under_way"`
	Drain    []Drained `json:"drain,omitempty"` // in the order in which they ended
}

// Drained is a request that was under way when the duration of a closed loop had passed.
type Drained struct {
	End int64 `json:"us"` // microseconds after the duration
	// Connected is when the connection that was opened for it was established. Until then the
	// server does not know of the request.
	Connected int64 `json:"connected_us,omitempty"`
	Failed    bool  `json:"failed,omitempty"`
}

// Plus is the record of two parts of one closed loop together.
func (l *ClosedRecord) Plus(m *ClosedRecord) *ClosedRecord {
	switch {
	case l == nil:
		return m
	case m == nil:
		return l
	}
	sum := *l
	sum.Repeats, sum.Time, sum.UnderWay = l.Repeats+m.Repeats, l.Time+m.Time, l.UnderWay+m.UnderWay
	sum.Drain = slices.Concat(l.Drain, m.Drain)
	slices.SortStableFunc(sum.Drain, func(a, b Drained) int { return cmp.Compare(a.End, b.End) })
	return &sum
}

// Throughput is the number of successful responses per second: in a closed loop those that the server
// can give, in an open loop those within the load's duration.
func (c *Cell) Throughput() float64 {
	responses, seconds := c.Served()
	if seconds == 0 {
		return 0
	}
	return responses / seconds
}

// Served are the successful responses that the throughput counts, and the time that it counts for them.
// Cells of older runs have no estimator: their throughput is what arrived within the duration.
func (c *Cell) Served() (responses, seconds float64) {
	if c.Loop == nil {
		return float64(c.Successful), c.Duration
	}
	return c.Loop.Served(c.Connections, c.Successful, time.Duration(c.Duration*float64(time.Second)))
}

// Served is Cell.Served for a number of connections, and of successful responses within the duration.
func (l *ClosedRecord) Served(connections int, within uint64, d time.Duration) (responses, seconds float64) {
	full := l.Full
	switch {
	case l.Limit == LimitConnections && l.Repeats > 0 && l.UnderWay > 0:
		return float64(l.Repeats), l.Time / l.UnderWay
	case l.Limit == LimitConnections:
		full = connections
	case l.Limit == LimitUnknown || full < 1:
		full = l.likeliestFull(connections, within, d)
	}
	drain := l.untilStuck(connections, within, d)
	responses = float64(within)
	for _, r := range drain {
		if !r.Failed {
			responses++
		}
	}
	return responses, d.Seconds() + fullyBusy(drain, full)
}

// stuckAfter and stuckShare tell when the rest of a drain is stuck rather than slow: when no response
// has come for that many times the mean response time, and no more than that share of the connections
// is left. A server that was busy with them would have answered one; otherwise a single hung request
// would count as idle time of all workers.
const (
	stuckAfter = 2
	stuckShare = 0.05
)

// untilStuck is the drain without the requests that were stuck.
func (l *ClosedRecord) untilStuck(connections int, within uint64, d time.Duration) []Drained {
	few := int(stuckShare * float64(connections))
	cycle := d.Seconds() * float64(connections) / float64(max(1, within)) * 1e6
	for i := max(1, len(l.Drain)-few); i < len(l.Drain); i++ {
		if float64(l.Drain[i].End-l.Drain[i-1].End) > stuckAfter*cycle {
			return l.Drain[:i]
		}
	}
	return l.Drain
}

// fullyBusy is the part of a drain, in seconds, for which the server worked at its full rate.
func fullyBusy(drain []Drained, full int) (seconds float64) {
	courseOf(drain, func(underWay int, us int64) {
		seconds += float64(us) / 1e6 * min(1, float64(underWay)/float64(full))
	})
	return seconds
}

// courseOf calls step with each number of requests under way that a drain goes through, and for how long.
func courseOf(drain []Drained, step func(underWay int, us int64)) {
	type change struct {
		at int64
		by int
	}
	changes := make([]change, 0, 2*len(drain))
	for _, r := range drain {
		if connected := max(0, r.Connected); connected < r.End {
			changes = append(changes, change{connected, 1}, change{r.End, -1})
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.by, a.by)) })
	underWay, at := 0, int64(0)
	for _, c := range changes {
		if c.at > at {
			step(underWay, c.at-at)
		}
		underWay, at = underWay+c.by, c.at
	}
}

// likeliestFull is the number of requests under way below which the rate of the drain falls: the one
// that makes its course most likely, if responses come at random at min(1, w/full) of the full rate.
// A shared CPU and a few workers answer at one rate to the end, independent requests ever more slowly.
//
// Note: requests whose times vary greatly on a shared CPU look like independent ones, because it is the
// long ones that are left. Knowing the topology, or its CPU time, decides that; a URL has neither.
func (l *ClosedRecord) likeliestFull(connections int, within uint64, d time.Duration) int {
	drain := l.untilStuck(connections, within, d)
	all := float64(within) + float64(len(drain))
	rate := all / (d.Seconds() + fullyBusy(drain, 1))
	best, likeliest := 1, math.Inf(-1)
	for full := 1; full <= connections; full = max(full+1, full*5/4) {
		likelihood := 0.0
		courseOf(drain, func(underWay int, us int64) {
			likelihood -= rate * float64(us) / 1e6 * min(1, float64(underWay)/float64(full))
		})
		for i := range drain { // the response that came with that number under way
			likelihood += math.Log(min(1, float64(len(drain)-i)/float64(full)))
		}
		if likelihood > likeliest {
			best, likeliest = full, likelihood
		}
	}
	return best
}
