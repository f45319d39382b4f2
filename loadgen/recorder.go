package loadgen

import (
	"maps"
	"slices"
	"sync"
	"time"

	"bench/loadgen/pacing"
	"bench/results"
	"bench/targets"
)

// Recorder collects the samples of one run into intervals. Each shard of an engine records
// through its own Shard, which neither locks nor allocates per request: it fills one set of
// histograms for the current second and hands it over when the second has passed.
type Recorder struct {
	mix     targets.Mix
	names   []string // of the targets
	of      []int    // target index → index into names
	horizon time.Duration
	loop    *loop // of a closed loop; otherwise nil
	// pacer and arrivals of an open-loop plan, in all its parts
	pacer    pacing.Pacer
	arrivals uint64
	onStart  func(lead time.Duration) time.Time // may be nil
	moments  func() *moments                    // those of a shard, all empty

	mu        sync.Mutex
	intervals map[int]*results.Interval // by number
	length    int                       // of an interval, in units of IntervalLength
	delta     map[int]*results.Interval // what was added since the last delta; nil: nobody wants any
	budget    int                       // bytes that the intervals may take; 0: not known yet
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
		intervals: map[int]*results.Interval{}, length: 1, moments: func() *moments { return newMoments(p) },
		full:    make(chan *set, maxShards*2),
		free:    make(chan *set, maxShards*2),
		drained: make(chan struct{}),
	}
	if p.Mode == Open {
		r.pacer, r.arrivals = p.Pacer, p.Arrivals()
	} else if len(p.Mix.Sessions) == 0 && p.Requests == 0 {
		r.loop = &loop{horizon: p.Duration, connections: p.Conns.Max}
	}
	go r.merge()
	return r
}

// Start is called by an engine once, when it has done whatever comes before the load (opening
// connections, say). It returns the instant at which the engine's clock starts: not before the others that
// send parts of the same load are ready, and at least lead from now. What is measured around a load, such
// as CPU time, counts from here.
func (r *Recorder) Start(lead time.Duration) time.Time {
	if r.onStart == nil {
		return time.Now().Add(lead)
	}
	return r.onStart(lead)
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

// Shard returns a new recording handle for the sender of a part, to be used by one goroutine.
func (r *Recorder) Shard(part Part) *Shard {
	s := &Shard{
		r: r, part: part, set: r.newSet(), targets: make([]ofTarget, len(r.names)),
		loop: r.loop.share(part), moments: r.moments(), reasons: reasons{},
	}
	r.mu.Lock()
	r.shards = append(r.shards, s)
	r.mu.Unlock()
	r.free <- r.newSet() // the set to fill while the other is merged
	return s
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
	Strays    uint64                // bytes that belong to no response, by the number of times that they came
	Reasons   []results.Reason      // why requests failed or were redirected, the most frequent first
	Spun      time.Duration         // time spent polling, all shards together
	Moments   []results.Moment      // of a load with incidents
	UnderWay  time.Duration         // time integral of the number of requests under way; 0: the engine does not measure it
}

// Close ends the recording and returns what was recorded. The engine must have returned.
func (r *Recorder) Close() Outcome {
	why, fine := reasons{}, r.moments()
	for _, s := range r.shards {
		if s.set.used {
			r.full <- s.set
		}
		r.tally = r.tally.plus(s.tally)
		r.loop.merge(s.loop)
		why.merge(s.reasons)
		fine.merge(s.moments)
	}
	close(r.full)
	<-r.drained
	t := r.tally
	out := Outcome{
		Within: t.within.counts(), Thirds: t.thirds, Opened: t.opened, Clamped: t.clamped, Waited: t.waited,
		Limited: t.limited, Strays: t.strays, Reasons: why.list(),
		Moments: fine.result(), Spun: t.spun, UnderWay: time.Duration(t.area), Loop: r.loop.result(),
	}
	for _, i := range slices.Sorted(maps.Keys(r.intervals)) {
		out.Intervals = append(out.Intervals, *r.intervals[i])
	}
	out.Counts, out.Targets = results.TotalCounts(out.Intervals), r.byTarget()
	return out
}
