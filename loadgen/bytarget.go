package loadgen

import (
	"time"

	"bench/loadgen/pacing"
	"bench/results"
	"bench/targets"
)

// TargetOutcome is the outcome of the requests of one target.
type TargetOutcome struct {
	Name     string
	Counts   results.Counts
	Statuses map[int]uint64 // of complete responses, by status code
}

// The status codes that a response can have: all three-digit ones (RFC 9112, section 4).
const (
	lowestStatus  = 100
	highestStatus = 999
)

// byClass is the number of requests that ended in each class, counted for every request.
type byClass [results.Classes]uint64

func (b byClass) counts() (c results.Counts) {
	for class, n := range b {
		c.Add(results.Class(class), n)
	}
	return c
}

// ofTarget is what a shard counts for one target over the whole run: fixed-size arrays, since
// it does so for every request.
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
		for name, n := range r.shareOut(s.part, s.droppedFrom, s.droppedTo) {
			all[name].Counts.Add(results.Dropped, n)
		}
	}
	return all
}

// mostLookedUp limits the number of dropped arrivals whose target is looked up. A plan that is
// interrupted on its first day may have dropped billions.
const mostLookedUp = 1 << 20

// shareOut returns the number of a part's arrivals from number n up to another that each target has,
// by the position of its name. Beyond mostLookedUp, the rest are assumed to be distributed like those.
func (r *Recorder) shareOut(part Part, n, to uint64) map[int]uint64 {
	dropped := dropped(part, n, to)
	if dropped == 0 {
		return nil
	}
	shares := map[int]uint64{}
	seen := min(dropped, mostLookedUp)
	for range seen {
		shares[r.of[firstTarget(&r.mix, n)]]++
		n = part.After(n)
	}
	if seen == dropped {
		return shares
	}
	left, some := dropped, 0
	for name, share := range shares {
		shares[name] = share * dropped / seen // below 2⁶³: a day at the highest rate has fewer than 2⁴³
		left, some = left-shares[name], name
	}
	shares[some] += left
	return shares
}

// reached is the number of arrivals that were due by now.
func (r *Recorder) reached(now time.Duration) uint64 {
	if r.pacer == nil || now > r.horizon {
		return r.arrivals
	}
	return min(r.arrivals, pacing.Count(r.pacer, now+1))
}

// dropped is the number of the part's arrivals from number n up to another.
func dropped(part Part, n, to uint64) uint64 { return part.Share(to) - part.Share(min(n, to)) }

// firstTarget is the target of arrival n, or of its session's first step.
func firstTarget(mix *targets.Mix, n uint64) int {
	if len(mix.Sessions) > 0 {
		return mix.Sessions[mix.SessionIndex(n)].Steps[0].Target
	}
	return mix.Index(n)
}
