package native

import (
	"container/heap"
	"time"

	"bench/loadgen"
	"bench/results"
)

// sendNext takes the next request and starts it.
func (s *shard) sendNext(now time.Duration) {
	if s.blocked {
		s.rec.Waited()
	}
	var t task
	switch {
	case s.nextDue != s.arrival:
		v := heap.Pop(&s.waiting).(*visit)
		s.refresh()
		t = s.take(v, s.now())
	default:
		n, due := s.next, s.arrival
		s.advance(s.part.After(n))
		t = s.arriving(n, due, s.now())
	}
	s.blocked = s.blocked && s.nextDue <= now
	s.assign(t)
}

// count adds up the number of requests under way since its last change. By Little's law their
// mean number is the rate times the mean service time, which the histograms know independently.
func (s *shard) count(now time.Duration) {
	if now > s.counted && !s.proving {
		s.rec.UnderWay(s.busy.length, now-s.counted)
		s.counted = now
	}
}

// arriving is the task of arrival n: a request, or the first one of a session.
func (s *shard) arriving(n uint64, due, now time.Duration) task {
	if len(s.plan.Mix.Sessions) > 0 {
		return s.take(s.newVisit(n, due), now)
	}
	return task{request: &s.requests[s.plan.Mix.Index(n)], n: n, due: due, sent: now}
}

// fill starts a closed loop's first requests, each at its own time: ten thousand take a while
// to send.
func (s *shard) fill() {
	for range s.max {
		s.nextClosed(s.now())
	}
}

// refill retries the connections that are missing.
func (s *shard) refill() {
	n := s.holes
	s.holes, s.retry = 0, never
	for range n {
		s.nextClosed(s.now())
	}
}

// nextClosed starts the next request of a closed loop: it is due when it is sent.
func (s *shard) nextClosed(now time.Duration) {
	if !s.more(now) {
		return
	}
	s.assign(s.takeClosed(now))
}

func (s *shard) takeClosed(now time.Duration) task {
	n := s.next
	s.next = s.part.After(n)
	return s.arriving(n, now, now)
}

// assign gives a task to an idle connection, or to a new one.
func (s *shard) assign(t task) {
	if c := s.idle.first; c != nil {
		s.idle.remove(c)
		s.send(c, t)
		return
	}
	s.connect(t)
}

// free is called when a connection is ready for another request; ended says whether its request
// or visit is over, upon which a closed loop starts another.
func (s *shard) free(c *conn, now time.Duration, ended bool) {
	if s.plan.Mode == loadgen.Closed && ended && !s.proving && s.more(now) {
		s.send(c, s.takeClosed(now))
		return
	}
	s.idle.push(c)
	if !s.proving && s.nextDue <= now {
		s.release(now)
	}
}

// lost is called when a connection was closed, so that another may be opened.
func (s *shard) lost(now time.Duration, class results.Class, ended bool) {
	switch {
	case s.proving:
		s.unproven = true // a server that closes a connection just proven does not mean to keep it
	case s.plan.Mode == loadgen.Closed && ended:
		if class == results.ConnectError {
			s.holes++
			s.retry = min(s.retry, now+holeWait)
			return
		}
		s.nextClosed(now)
	case s.nextDue <= now:
		s.release(now)
	}
}
