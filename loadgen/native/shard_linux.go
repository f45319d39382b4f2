package native

import (
	"fmt"
	"math"
	"net/netip"
	"runtime"
	"time"

	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/results"

	"golang.org/x/sys/unix"
)

// never is a time that is never reached.
const never = time.Duration(math.MaxInt64)

// shard is one thread of the engine: the requests of one part of the plan, and their connections.
// Nothing in it is shared.
type shard struct {
	*run
	rec      *loadgen.Shard
	recorder *loadgen.Recorder
	part     loadgen.Part
	w        int       // which thread this is
	epoch    time.Time // the start of the plan's clock

	waiter
	buf    []byte
	sum    [32]byte
	events []unix.EpollEvent

	schedule *pacing.Schedule // open loop only
	next     uint64           // the next request, or session, of this shard
	arrival  time.Duration    // when it is due; never, if there are no more
	waiting  visits           // sessions waiting for their next step
	over     []*visit         // ended ones, to be reused
	nextDue  time.Duration    // of the next arrival or step

	max     int           // connections
	open    int           // connections that are open or being opened
	conns   []*conn       // by index
	unused  []*conn       // closed ones, to be reused
	idle    list          // open and without a request; the last used first
	busy    list          // with a request, the first sent first, which is the first to time out
	remote  unix.Sockaddr // not shared: it caches the kernel's form of itself
	sources []unix.Sockaddr
	source  int

	why      error           // of the request that is about to fail, where its class does not say it
	proving  bool            // connections are being opened before the clock starts
	unproven bool            // one could not be opened, which ends the proving
	holes    int             // closed loop: the number of connections missing after failures
	retry    time.Duration   // when they are retried
	blocked  bool            // a request is due and every connection is busy
	sending  bool            // release is running
	sampling int             // responses until the next one with a kernel timestamp
	fastest  []time.Duration // by target: the fastest response, from the send; 0: none yet
	counted  time.Duration   // the time up to which the requests under way have been summed
}

// holeWait is how long a closed loop waits before it retries a connection that could not be
// opened: a refusal comes at once, and retrying at once would only measure refusals.
const holeWait = 10 * time.Millisecond

// close closes every connection and the waiter.
func (s *shard) close() {
	for _, c := range s.conns {
		if c.fd >= 0 {
			_ = unix.Close(c.fd)
		}
	}
	s.waiter.close()
}

func newShard(r *run, w int, part loadgen.Part, rec *loadgen.Recorder) (*shard, error) {
	s := &shard{
		run: r, rec: rec.Shard(part), recorder: rec, part: part, w: w, next: part.Nth(0), arrival: never, nextDue: never,
		buf: make([]byte, 64<<10), events: make([]unix.EpollEvent, 256),
		remote: r.remote(), fastest: make([]time.Duration, len(r.requests)),
		max: int(part.Share(uint64(r.plan.Conns.Max))), retry: never,
	}
	for _, addr := range r.plan.Conns.Sources {
		s.sources = append(s.sources, sockaddr(netip.AddrPortFrom(addr, 0)))
	}
	if r.plan.Mode == loadgen.Open {
		s.schedule = pacing.NewSchedule(r.plan.Pacer)
	}
	err := s.waiter.init()
	if err != nil {
		err = fmt.Errorf("native engine: %w", err)
	}
	return s, err
}

// now is the time of the plan's clock. It is negative before the start.
func (s *shard) now() time.Duration { return time.Since(s.epoch) }

// work opens the connections, waits for the start, sends the load and records the outcome.
func (s *shard) work() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer s.waiter.settle(s.engine, s.w)()
	s.recorder.Thread(unix.Gettid())

	s.epoch = time.Now()
	s.prove()
	s.opened <- struct{}{}
	s.epoch = <-s.start
	s.counted = 0
	for _, c := range s.conns {
		c.connected = 0 // before this clock
	}
	s.advance(s.next)
	for now := s.now(); now < 0; now = s.now() {
		if err := s.poll(now, 0); err != nil {
			return err
		}
	}
	return s.loop()
}

// loop is the life of a shard: send what is due, time out what took too long, wait, read.
func (s *shard) loop() error {
	p := &s.plan
	closed := p.Mode == loadgen.Closed
	lastSend, last := p.Duration+loadgen.LateGrace, p.Duration+p.DrainTime()
	if closed {
		s.fill()
	}
	for {
		now := s.now()
		stopped := s.stopped.Load()
		if stopped || now >= last || now > lastSend && s.nextDue != never {
			s.quitSending(now)
		}
		if s.nextDue <= now {
			s.release(now)
		}
		s.expire(now)
		if closed && s.retry <= now {
			s.refill()
		}
		if stopped || now >= last || s.busy.first == nil && s.done(now) {
			s.quitSending(now)
			s.abandon(now)
			return nil
		}
		until := min(last, s.retry)
		if !s.blocked {
			until = min(until, s.nextDue)
		} else {
			until = min(until, lastSend)
		}
		if head := s.busy.first; head != nil {
			until = min(until, head.deadline)
		}
		if closed && now < p.Duration {
			until = min(until, p.Duration)
		}
		if err := s.poll(now, until); err != nil {
			return err
		}
	}
}

// done reports whether nothing is left to send.
func (s *shard) done(now time.Duration) bool {
	if s.plan.Mode == loadgen.Closed {
		return now >= s.plan.Duration || !s.more(now) && s.nextDue == never
	}
	return s.nextDue == never
}

// more reports whether a closed loop goes on.
func (s *shard) more(now time.Duration) bool {
	return now < s.plan.Duration && !s.stopped.Load() && (s.plan.Requests == 0 || s.next < s.plan.Requests)
}

// poll waits, at most until the given time, and handles the sockets' events.
func (s *shard) poll(now, until time.Duration) error {
	n, err := s.wait(s, now, until)
	if err != nil {
		return fmt.Errorf("native engine: waiting for the sockets: %w", err)
	}
	for i := range n {
		e := &s.events[i]
		if e.Fd < 0 {
			if e.Fd == wakeEvent {
				s.drain()
			}
			continue // the timer's event has done its job by waking the shard up
		}
		if c := s.conns[e.Fd]; c.generation == e.Pad {
			s.handle(c, e.Events)
		}
		// A long batch must not delay what falls due meanwhile.
		if i < n-1 && s.nextDue != never && !s.blocked {
			if now := s.now(); s.nextDue <= now {
				s.release(now)
			}
		}
	}
	return nil
}

// advance makes n the next arrival.
func (s *shard) advance(n uint64) {
	s.next = n
	if s.schedule == nil {
		return
	}
	s.arrival = never
	if n < s.arrivals {
		s.arrival = s.schedule.Due(n)
	}
	s.refresh()
}

// refresh finds the next due time: of an arrival or of a session's next step.
func (s *shard) refresh() {
	s.nextDue = s.arrival
	if len(s.waiting) > 0 {
		s.nextDue = min(s.nextDue, s.waiting[0].due)
	}
}

// release sends what is due, each request on an idle or a new connection, until neither is
// available. The rest waits, keeping its due time, for the next free connection.
func (s *shard) release(now time.Duration) {
	if s.sending {
		return // a connection failed at once, and the loop below continues
	}
	s.sending = true
	defer func() { s.sending = false }()
	// A limited number at a time: connections that fail at once must not keep the shard from its
	// sockets.
	for sent := 0; s.nextDue <= now && sent <= s.max; sent++ {
		if s.idle.first == nil && s.open >= s.max {
			s.blocked = true
			return
		}
		s.sendNext(now)
		now = s.now()
	}
}

// expire times out the requests whose deadline has passed.
func (s *shard) expire(now time.Duration) {
	for c := s.busy.first; c != nil && c.deadline <= now; c = s.busy.first {
		s.finish(c, results.Timeout, now, true)
	}
}

// quitSending counts what has not been sent as dropped.
func (s *shard) quitSending(now time.Duration) {
	if s.arrival != never {
		s.rec.Drop(s.next, now)
	}
	for _, v := range s.waiting {
		s.rec.DropStep(v.kind.Steps[v.step].Target)
	}
	s.waiting = s.waiting[:0]
	s.arrival, s.nextDue, s.blocked = never, never, false
}

// abandon ends the requests that have no response when the run ends.
func (s *shard) abandon(now time.Duration) {
	s.count(now)
	for c := s.busy.first; c != nil; c = s.busy.first {
		s.busy.remove(c)
		s.record(c, results.InFlight, now)
		s.shut(c)
	}
}

// prove opens the connections of a plan that keeps them, before the clock starts. Each must
// answer one request before it counts as open: an established connection may still be in the
// server's listen queue. If anything goes wrong it stops, and leaves it to the load to find
// and count that.
func (s *shard) prove() {
	target := s.plan.ProofTarget()
	if target == nil || !s.plan.Preopened() {
		return
	}
	var proof *request
	for i := range s.requests {
		if target == &s.plan.Mix.Targets[s.requests[i].target] {
			proof = &s.requests[i]
		}
	}
	timeout := min(loadgen.OpenTimeout, s.plan.Timeout)
	atOnce := max(1, loadgen.OpensAtOnce/s.shards)
	s.proving = true
	for (s.open < s.max || s.busy.first != nil) && !s.unproven && !s.stopped.Load() {
		now := s.now()
		for s.open < s.max && s.busy.length < atOnce && !s.unproven {
			s.connect(task{request: proof, due: now, sent: now})
		}
		if s.busy.first == nil || s.poll(now, now+timeout) != nil {
			break
		}
		if now := s.now(); s.busy.first != nil && s.busy.first.sent+timeout <= now {
			break
		}
	}
	for c := s.busy.first; c != nil; c = s.busy.first {
		s.busy.remove(c)
		s.shut(c)
	}
	s.proving = false
}
