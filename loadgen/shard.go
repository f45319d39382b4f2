package loadgen

import (
	"time"

	"bench/results"
)

// Sample is one ended request, in times since the start of the plan.
type Sample struct {
	Target         int // index into the mix's targets
	Due, Sent, End time.Duration
	FirstByte      time.Duration // zero if the engine does not know it
	// Connected is when its connection was established; zero if the engine does not know it.
	Connected time.Duration
	// App is how long the app says that it worked on a response; zero if it says nothing.
	App    time.Duration
	Class  results.Class
	Status uint16 // of a complete response; otherwise 0
}

// The kinds kept per target, as indices into a set's histograms.
const (
	response = iota
	service
	lateness
	failure
	ttfb
)

var recordedKinds = [...]results.Kind{
	results.Response, results.Service, results.Lateness, results.Failure, results.TTFB,
}

// The kinds kept for all targets together, as indices into a set's histograms.
const (
	connect = iota
	wakeup
	app
	waited
)

var overallKinds = [...]results.Kind{results.Connect, results.Wakeup, results.App, results.Wait}

// set is the histograms and counts of one shard in one interval.
type set struct {
	interval int
	ended    byClass
	stale    uint64
	hists    [len(recordedKinds)][]*results.Histogram // by name
	overall  [len(overallKinds)]*results.Histogram
	used     bool
}

func (r *Recorder) newSet() *set {
	s := &set{}
	for k := range s.hists {
		s.hists[k] = make([]*results.Histogram, len(r.names))
	}
	return s
}

// Shard records for one worker of an engine.
type Shard struct {
	r       *Recorder
	part    Part
	set     *set
	targets []ofTarget // by name
	// The part's arrivals from droppedFrom up to droppedTo were dropped.
	droppedFrom, droppedTo uint64
	loop                   *loop    // of a closed loop; otherwise nil
	moments                *moments // of a load with incidents; otherwise nil
	reasons                reasons
	tally
}

// tally is what is counted over a whole run rather than per interval.
type tally struct {
	within  byClass // what ended within the plan's duration
	thirds  Thirds
	opened  uint64
	clamped uint64
	waited  uint64
	limited uint64
	strays  uint64
	spun    time.Duration
	area    float64 // of the number of requests under way, over time, in nanoseconds
}

func (t tally) plus(u tally) tally {
	for class, n := range u.within {
		t.within[class] += n
	}
	for i, n := range u.thirds {
		t.thirds[i] += n
	}
	return tally{
		within: t.within, thirds: t.thirds, opened: t.opened + u.opened, clamped: t.clamped + u.clamped,
		waited:  t.waited + u.waited,
		limited: t.limited + u.limited, strays: t.strays + u.strays, spun: t.spun + u.spun, area: t.area + u.area,
	}
}

// Record counts one ended request. It allocates nothing. A request that ended before the
// interval now being filled (an engine may report slightly out of order) counts in that interval.
// It reports whether the request is the first that ended in its way, and should be explained.
func (s *Shard) Record(q Sample) (first bool) {
	if i := int(q.End / IntervalLength); i > s.set.interval {
		s.handOver(i)
	}
	set := s.set
	set.used = true
	set.ended[q.Class]++
	if q.End <= s.r.horizon {
		s.within[q.Class]++
		if q.Class == results.OK {
			s.thirds.count(q.End, s.r.horizon)
		}
	}
	if s.loop != nil {
		s.loop.add(&q)
	}
	if s.moments != nil {
		s.moments.add(&q)
	}
	name := s.r.of[q.Target]
	s.targets[name].count(&q)
	s.record(set.histogram(lateness, name), q.Sent-q.Due)
	switch q.Class {
	case results.OK, results.Timeout, results.InFlight:
		// A request without a response counts with the time it was waited for, which is a lower
		// bound: leaving it out would make a server that hangs look fast.
		s.record(set.histogram(response, name), q.End-q.Due)
		s.record(set.histogram(service, name), q.End-q.Sent)
		if q.Class == results.OK && q.App > 0 {
			s.record(set.together(app), q.App)
			s.record(set.together(waited), max(0, q.End-q.Sent-q.App))
		}
	default:
		s.record(set.histogram(failure, name), q.End-q.Due)
	}
	if q.FirstByte > 0 {
		s.record(set.histogram(ttfb, name), q.FirstByte-q.Sent)
	}
	return s.reasons.note(&q)
}

// histogram returns the histogram of one kind and name, created on first use: a long list of
// targets then uses memory only for those that are requested.
func (s *set) histogram(kind, name int) *results.Histogram {
	h := s.hists[kind][name]
	if h == nil {
		h = results.NewHistogram()
		s.hists[kind][name] = h
	}
	return h
}

// together returns the histogram of a kind that all targets share, created on first use.
func (s *set) together(kind int) *results.Histogram {
	if s.overall[kind] == nil {
		s.overall[kind] = results.NewHistogram()
	}
	return s.overall[kind]
}

// Drop counts the arrivals of the shard's part from number n on that were due by now, but will not be
// sent. Those due later have no part in an interrupted load.
func (s *Shard) Drop(n uint64, now time.Duration) {
	reached := s.r.reached(now)
	if dropped := dropped(s.part, n, reached); dropped > 0 {
		s.droppedFrom, s.droppedTo = n, reached // their targets are looked up when the load is over
		if s.moments != nil {
			s.moments.drop(s.part, s.r.pacer, n, reached)
		}
		s.drop(dropped)
	}
}

// DropStep counts one request of a session under way as dropped.
func (s *Shard) DropStep(target int) {
	s.targets[s.r.of[target]].classes[results.Dropped]++
	s.drop(1)
}

func (s *Shard) drop(n uint64) {
	s.set.used = true
	s.set.ended[results.Dropped] += n
}

// Opened counts one opened connection, and the time it took.
func (s *Shard) Opened(took time.Duration) {
	s.opened++
	s.record(s.set.together(connect), took)
}

// Waited counts one request that was due while every allowed connection was busy. Its
// lateness is the server's fault, not the generator's.
func (s *Shard) Waited() { s.waited++ }

// Limited counts one connection that could not be opened because of this machine, not the
// server: no file or port was left.
func (s *Shard) Limited() { s.limited++ }

// Stray counts bytes of a server that belong to no response: beyond one, or before any request.
func (s *Shard) Stray() { s.strays++ }

// Woke records one measured delay between a response's arrival in the kernel and its
// reading by the engine.
func (s *Shard) Woke(delay time.Duration) { s.record(s.set.together(wakeup), delay) }

// Spun adds time that the engine spent polling to avoid late wake-ups.
func (s *Shard) Spun(d time.Duration) { s.spun += d }

// UnderWay adds to the time integral of the number of requests under way. Divided by the time
// it is their mean number, independent of any request's own time.
func (s *Shard) UnderWay(n int, during time.Duration) { s.area += float64(n) * float64(during) }

// StaleRetry counts one request sent again because its reused connection was closed.
func (s *Shard) StaleRetry(target int) {
	s.set.used = true
	s.set.stale++
	s.targets[s.r.of[target]].stale++
}

func (s *Shard) record(h *results.Histogram, d time.Duration) {
	us, clamped := results.Micros(d)
	if clamped {
		s.clamped++
	}
	_ = h.RecordValue(us) // cannot fail: Micros clamps into the range
}

func (s *Shard) handOver(next int) {
	if s.set.used {
		s.r.full <- s.set
		s.set = <-s.r.free
	}
	s.set.interval = next
}
