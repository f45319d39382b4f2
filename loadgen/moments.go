package loadgen

import (
	"time"

	"bench/loadgen/pacing"
	"bench/results"
)

// moments are what a shard records of a load with incidents, beside the intervals: when requests were
// due that were answered late or never, and when responses came. Of a load without any they are nil.
type moments struct {
	length time.Duration
	list   []results.Moment
}

// newMoments has room for every moment of a plan and its drain, so that recording allocates nothing.
func newMoments(p Plan) *moments {
	if len(p.Incidents) == 0 {
		return nil
	}
	load := p.Duration + p.DrainTime() + LateGrace
	length := results.MomentsOf(load)
	return &moments{length, make([]results.Moment, load/length+1)}
}

// of is the moment at a time; what lies beyond the last one counts in it.
func (m *moments) of(at time.Duration) *results.Moment {
	return &m.list[max(0, min(int(at/m.length), len(m.list)-1))]
}

// add counts one ended request.
func (m *moments) add(q *Sample) {
	due := m.of(q.Due)
	due.Due++
	if q.Class != results.OK {
		due.Lost++
		return
	}
	due.Worst = max(due.Worst, q.End-q.Due)
	came := m.of(q.End)
	if came.Came == 0 || q.End < came.First {
		came.First = q.End
	}
	came.Came, came.Last = came.Came+1, max(came.Last, q.End)
}

// drop counts arrivals that were due and never sent, each where it was due.
func (m *moments) drop(part Part, pacer pacing.Pacer, from, to uint64) {
	for n, looked := from, 0; n < to && looked < mostLookedUp; n, looked = part.After(n), looked+1 {
		at := m.of(pacer.Due(n))
		at.Due, at.Lost = at.Due+1, at.Lost+1
	}
}

// merge adds what another shard of the same plan recorded.
func (m *moments) merge(from *moments) {
	if m == nil || from == nil {
		return
	}
	for i, more := range from.list {
		m.list[i] = m.list[i].Plus(more)
	}
}

// result are the moments in which something happened.
func (m *moments) result() (some []results.Moment) {
	if m == nil {
		return nil
	}
	for i, at := range m.list {
		if at.Due > 0 || at.Came > 0 {
			at.At = time.Duration(i) * m.length
			some = append(some, at)
		}
	}
	return some
}
