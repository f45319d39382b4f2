package loadgen

import (
	"bench/results"
	"bench/targets"
)

// TargetOutcome is what became of the requests of one target.
type TargetOutcome struct {
	Name     string
	Counts   results.Counts
	Statuses map[int]uint64 // of the responses that were complete, by status code
}

// The status codes that a response can have: all of three digits (RFC 9112, section 4).
const (
	lowestStatus  = 100
	highestStatus = 999
)

// byClass is how many requests ended in each class: what is counted for every request.
type byClass [results.Classes]uint64

func (b byClass) counts() (c results.Counts) {
	for class, n := range b {
		c.Add(results.Class(class), n)
	}
	return c
}

// ofTarget is what a shard counts of one target over the whole run: arrays of a fixed size,
// because it is done for every request.
type ofTarget struct {
	classes  byClass
	statuses [highestStatus - lowestStatus + 1]uint64
	stale    uint64
}

func (t *ofTarget) count(q *Sample) {
	t.classes[q.Class]++
	if code := uint(q.Status) - lowestStatus; code < uint(len(t.statuses)) {
		t.statuses[code]++
	}
}

// addTo adds what a shard counted to the outcome of the whole run.
func (t *ofTarget) addTo(out *TargetOutcome) {
	out.Counts = out.Counts.Plus(t.classes.counts())
	out.Counts.StaleRetry += t.stale
	for i, n := range t.statuses {
		if n > 0 {
			out.Statuses[lowestStatus+i] += n
		}
	}
}

// byTarget adds up what the shards counted, in the order of the names.
func (r *Recorder) byTarget() []TargetOutcome {
	all := make([]TargetOutcome, len(r.names))
	for i, name := range r.names {
		all[i] = TargetOutcome{Name: name, Statuses: map[int]uint64{}}
	}
	for _, s := range r.shards {
		for i := range s.targets {
			s.targets[i].addTo(&all[i])
		}
		for name, n := range r.shareOut(s.part, s.droppedFrom) {
			all[name].Counts.Add(results.Dropped, n)
		}
	}
	return all
}

// mostAsked bounds how many dropped arrivals are asked for their target. A plan that is
// interrupted on its first day may have dropped as many as there are seconds in a long life.
const mostAsked = 1 << 20

// shareOut says how many of a part's arrivals from number n on each target has, by the position
// of its name. Beyond mostAsked, the rest are taken to be as those that were asked.
func (r *Recorder) shareOut(part Part, n uint64) map[int]uint64 {
	dropped := r.dropped(part, n)
	if dropped == 0 {
		return nil
	}
	shares := map[int]uint64{}
	asked := min(dropped, mostAsked)
	for range asked {
		shares[r.of[firstTarget(&r.mix, n)]]++
		n = part.After(n)
	}
	if asked == dropped {
		return shares
	}
	left, some := dropped, 0
	for name, share := range shares {
		shares[name] = share * dropped / asked // below 2⁶³: a day at the greatest rate has fewer than 2⁴³
		left, some = left-shares[name], name
	}
	shares[some] += left
	return shares
}

// dropped is how many of the part's arrivals have number n or a greater one.
func (r *Recorder) dropped(part Part, n uint64) uint64 {
	return part.Share(r.arrivals) - part.Share(min(n, r.arrivals))
}

// firstTarget is what arrival n asks for: its target, or that of its session's first step.
func firstTarget(mix *targets.Mix, n uint64) int {
	if len(mix.Sessions) > 0 {
		return mix.Sessions[mix.SessionIndex(n)].Steps[0].Target
	}
	return mix.Index(n)
}
