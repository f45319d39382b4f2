package loadgen

import (
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"bench/results"
	"bench/targets"
)

// IntervalLength is the length of an interval of the record.
const IntervalLength = time.Second

// Sample is one ended request, in times since the start of the plan.
type Sample struct {
	Target         int // index into the mix's targets
	Due, Sent, End time.Duration
	FirstByte      time.Duration // zero if the engine does not know it
	// Connected is when its connection was established; zero if the engine does not know it.
	Connected time.Duration
	Class     results.Class
	Status    uint16 // of a complete response; otherwise 0
}

// Recorder collects the samples of one run into intervals. Each shard of an engine records
// through its own Shard, which neither locks nor allocates per request: it fills one set of
// histograms for the current second and hands it over when the second has passed.
type Recorder struct {
	mix     targets.Mix
	names   []string // of the targets
	of      []int    // target index → index into names
	horizon time.Duration
	loop    *loop // of a closed loop; otherwise nil
	// arrivals of an open-loop plan, in all its parts
	arrivals uint64
	onStart  func() // may be nil

	mu        sync.Mutex
	intervals map[int]*results.Interval // by number
	length    int                       // of an interval, in units of IntervalLength
	tally     tally

	shards  []*Shard
	threads []int
	full    chan *set
	free    chan *set
	drained chan struct{}
}

// maxShards limits the number of shards of a recorder, so that handing a set over never blocks
// on a full channel: each shard owns two sets.
const maxShards = 256

// NewRecorder returns a recorder for one run of the plan.
func NewRecorder(p Plan) *Recorder {
	names, of := p.Mix.Names()
	r := &Recorder{
		mix: p.Mix, names: names, of: of, horizon: p.Duration,
		intervals: map[int]*results.Interval{}, length: 1,
		full:    make(chan *set, maxShards*2),
		free:    make(chan *set, maxShards*2),
		drained: make(chan struct{}),
	}
	if p.Mode == Open {
		r.arrivals = p.Arrivals()
	} else if len(p.Mix.Sessions) == 0 {
		r.loop = &loop{horizon: p.Duration, connections: p.Conns.Max}
	}
	go r.merge()
	return r
}

// Start is called by an engine once, when it has done whatever comes before the load (opening
// connections, say) and is about to start its clock. What is measured around a load, such as
// CPU time, counts from here.
func (r *Recorder) Start() {
	if r.onStart != nil {
		r.onStart()
	}
}

// Thread registers the kernel's ID of a thread that sends the load, so that its waits for a core
// can be measured.
func (r *Recorder) Thread(id int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.threads = append(r.threads, id)
}

// Threads are the kernel's IDs of the engine's threads, as far as they are known.
func (r *Recorder) Threads() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.threads)
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

// set is the histograms and counts of one shard in one interval.
type set struct {
	interval int
	ended    byClass
	stale    uint64
	hists    [len(recordedKinds)][]*results.Histogram // by name
	connect  *results.Histogram
	wakeup   *results.Histogram
	used     bool
}

func (r *Recorder) newSet() *set {
	s := &set{connect: results.NewHistogram(), wakeup: results.NewHistogram()}
	for k := range s.hists {
		s.hists[k] = make([]*results.Histogram, len(r.names))
	}
	return s
}

// Shard returns a new recording handle for the sender of a part, to be used by one goroutine.
func (r *Recorder) Shard(part Part) *Shard {
	s := &Shard{
		r: r, part: part, set: r.newSet(), targets: make([]ofTarget, len(r.names)), droppedFrom: math.MaxUint64,
		loop: r.loop.share(part),
	}
	r.mu.Lock()
	r.shards = append(r.shards, s)
	r.mu.Unlock()
	r.free <- r.newSet() // the set to fill while the other is merged
	return s
}

// Shard records for one worker of an engine.
type Shard struct {
	r       *Recorder
	part    Part
	set     *set
	targets []ofTarget // by name
	// droppedFrom is the number from which the part's arrivals were dropped.
	droppedFrom uint64
	loop        *loop // of a closed loop; otherwise nil
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
		limited: t.limited + u.limited, spun: t.spun + u.spun, area: t.area + u.area,
	}
}

// Record counts one ended request. It allocates nothing. A request that ended before the
// interval now being filled (an engine may report slightly out of order) counts in that interval.
func (s *Shard) Record(q Sample) {
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
	name := s.r.of[q.Target]
	s.targets[name].count(&q)
	s.record(set.histogram(lateness, name), q.Sent-q.Due)
	switch q.Class {
	case results.OK, results.Timeout, results.InFlight:
		// A request without a response counts with the time it was waited for, which is a lower
		// bound: leaving it out would make a server that hangs look fast.
		s.record(set.histogram(response, name), q.End-q.Due)
		s.record(set.histogram(service, name), q.End-q.Sent)
	default:
		s.record(set.histogram(failure, name), q.End-q.Due)
	}
	if q.FirstByte > 0 {
		s.record(set.histogram(ttfb, name), q.FirstByte-q.Sent)
	}
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

// Drop counts the arrivals of the shard's part from number n on as dropped: they are due within
// the plan, but will not be sent.
func (s *Shard) Drop(n uint64) {
	if dropped := s.r.dropped(s.part, n); dropped > 0 {
		s.droppedFrom = n // their targets are looked up when the load is over
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
	s.record(s.set.connect, took)
}

// Waited counts one request that was due while every allowed connection was busy. Its
// lateness is the server's fault, not the generator's.
func (s *Shard) Waited() { s.waited++ }

// Limited counts one connection that could not be opened because of this machine, not the
// server: no file or port was left.
func (s *Shard) Limited() { s.limited++ }

// Woke records one measured delay between a response's arrival in the kernel and its
// reading by the engine.
func (s *Shard) Woke(delay time.Duration) { s.record(s.set.wakeup, delay) }

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

// merge adds filled sets to the intervals and returns them empty.
func (r *Recorder) merge() {
	defer close(r.drained)
	for s := range r.full {
		r.add(s)
		r.free <- s
	}
}

func (r *Recorder) add(s *set) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.intervals) >= maxIntervals {
		r.coarsen()
	}
	number := s.interval / r.length
	iv := r.intervals[number]
	if iv == nil {
		iv = r.interval(number)
		r.intervals[number] = iv
	}
	iv.Counts = iv.Counts.Plus(s.ended.counts())
	iv.Counts.StaleRetry += s.stale
	for k, byName := range s.hists {
		for i, h := range byName {
			mergeInto(iv, results.Series{Kind: recordedKinds[k], Target: r.names[i]}, h)
		}
	}
	mergeInto(iv, results.Series{Kind: results.Connect}, s.connect)
	mergeInto(iv, results.Series{Kind: results.Wakeup}, s.wakeup)
	s.ended, s.stale, s.used = byClass{}, 0, false
}

func (r *Recorder) interval(number int) *results.Interval {
	length := time.Duration(r.length) * IntervalLength
	return &results.Interval{
		Start: time.Duration(number) * length, Length: length, Hists: map[results.Series]*results.Packed{},
	}
}

// maxIntervals limits the memory of a long run: beyond it, intervals become twice as long.
const maxIntervals = 120

// coarsen merges every two intervals into one.
func (r *Recorder) coarsen() {
	r.length *= 2
	old := r.intervals
	r.intervals = map[int]*results.Interval{}
	for _, number := range slices.Sorted(maps.Keys(old)) {
		from := old[number]
		iv := r.intervals[number/2]
		if iv == nil {
			iv = r.interval(number / 2)
			r.intervals[number/2] = iv
		}
		iv.Counts = iv.Counts.Plus(from.Counts)
		for series, h := range from.Hists {
			if iv.Hists[series] == nil {
				iv.Hists[series] = h
				continue
			}
			iv.Hists[series].Merge(h)
			iv.Hists[series].Compact()
		}
	}
}

func mergeInto(iv *results.Interval, series results.Series, h *results.Histogram) {
	if h == nil || h.TotalCount() == 0 {
		return
	}
	if packed := iv.Hists[series]; packed == nil {
		iv.Hists[series] = results.Pack(h)
	} else {
		packed.MergeFrom(h)
	}
	h.Reset()
}

// follow calls second every second with what has been recorded, until the function that it
// returns is called.
func (r *Recorder) follow(second func(Live)) (stop func()) {
	if second == nil {
		return func() {}
	}
	done := make(chan struct{})
	var following sync.WaitGroup
	following.Go(func() {
		tick := time.NewTicker(IntervalLength)
		defer tick.Stop()
		for began := time.Now(); ; {
			select {
			case <-done:
				return
			case <-tick.C:
				live := r.live()
				live.Elapsed = time.Since(began)
				second(live)
			}
		}
	})
	return func() { close(done); following.Wait() }
}

func (r *Recorder) live() (l Live) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := -1
	for i, iv := range r.intervals {
		l.Counts = l.Counts.Plus(iv.Counts)
		last = max(last, i)
	}
	if last >= 0 {
		response := results.Total([]results.Interval{*r.intervals[last]}, results.Response)
		p := results.Percentiles(response, 50, 99)
		l.P50, l.P99 = time.Duration(p[0])*time.Microsecond, time.Duration(p[1])*time.Microsecond
	}
	return l
}

// Outcome is what was recorded of a run.
type Outcome struct {
	Intervals []results.Interval // in time order
	Counts    results.Counts
	Targets   []TargetOutcome       // in the order in which the mix names them
	Within    results.Counts        // of requests that ended within the plan's duration
	Thirds    Thirds                // successful ones of these, by third of the duration
	Loop      *results.ClosedRecord // what the throughput of a closed loop is estimated from; of sessions nil
	Opened    uint64                // connections
	Clamped   uint64                // values outside the histograms' range
	Waited    uint64                // requests due while every connection was busy
	Limited   uint64                // connections for which this machine had no file or port left
	Spun      time.Duration         // time spent polling, all shards together
	UnderWay  time.Duration         // time integral of the number of requests under way; 0: the engine does not measure it
}

// Close ends the recording and returns what was recorded. The engine must have returned.
func (r *Recorder) Close() Outcome {
	for _, s := range r.shards {
		if s.set.used {
			r.full <- s.set
		}
		r.tally = r.tally.plus(s.tally)
		r.loop.merge(s.loop)
	}
	close(r.full)
	<-r.drained
	t := r.tally
	out := Outcome{
		Within: t.within.counts(), Thirds: t.thirds, Opened: t.opened, Clamped: t.clamped, Waited: t.waited,
		Limited: t.limited,
		Spun:    t.spun, UnderWay: time.Duration(t.area), Loop: r.loop.result(),
	}
	for _, i := range slices.Sorted(maps.Keys(r.intervals)) {
		out.Intervals = append(out.Intervals, *r.intervals[i])
	}
	out.Counts, out.Targets = results.TotalCounts(out.Intervals), r.byTarget()
	return out
}
