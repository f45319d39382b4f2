package loadgen

import (
	"cmp"
	"slices"
	"time"

	"bench/results"
)

// loop collects what the throughput of a closed loop is estimated from: one comparison or two per
// request, and a note of each request that the duration leaves under way, of which there are no more
// than connections.
type loop struct {
	horizon     time.Duration
	connections int
	firstEnd    time.Duration // of the first response; 0: there was none
	repeats     uint64
	repeatTime  time.Duration
	area        time.Duration // of the requests under way within the horizon, over time
	drain       []results.Drained
}

// share is an empty loop for the sender of a part.
func (l *loop) share(part Part) *loop {
	if l == nil {
		return nil
	}
	return &loop{horizon: l.horizon, drain: make([]results.Drained, 0, part.Share(uint64(l.connections)))}
}

// add counts one ended request. No connection has sent its second one before the first response came.
func (l *loop) add(q *Sample) {
	if l.firstEnd == 0 {
		l.firstEnd = max(1, q.End)
	}
	took := q.End - q.Sent
	if q.Sent >= l.firstEnd {
		l.repeatTime += took
		if q.Class == results.OK {
			l.repeats++
		}
	}
	l.area += min(q.End, l.horizon) - min(q.Sent, l.horizon)
	if q.End > l.horizon {
		l.drain = append(l.drain, results.Drained{
			End: (q.End - l.horizon).Microseconds(), Connected: max(0, (q.Connected - l.horizon).Microseconds()),
			Failed: q.Class != results.OK,
		})
	}
}

func (l *loop) merge(of *loop) {
	if l == nil || of == nil {
		return
	}
	l.repeats, l.repeatTime, l.area = l.repeats+of.repeats, l.repeatTime+of.repeatTime, l.area+of.area
	l.drain = append(l.drain, of.drain...)
}

// result is what was collected, in the form of a cell. What limits the throughput is for others to say.
func (l *loop) result() *results.ClosedRecord {
	if l == nil {
		return nil
	}
	slices.SortStableFunc(l.drain, func(a, b results.Drained) int { return cmp.Compare(a.End, b.End) })
	return &results.ClosedRecord{
		Limit: results.LimitUnknown, Repeats: l.repeats, Time: l.repeatTime.Seconds(),
		UnderWay: l.area.Seconds() / l.horizon.Seconds(), Drain: l.drain,
	}
}

// Throughput is the number of successful responses per second of a plan: in a closed loop those that
// the server can give, in an open loop those within the duration.
func (m Measurement) Throughput(p Plan) float64 {
	responses, took := float64(m.Within.OK), p.Duration.Seconds()
	if m.Loop != nil {
		responses, took = m.Loop.Served(p.Connections(), m.Within.OK, p.Duration)
	}
	if took == 0 {
		return 0
	}
	return responses / took
}
