package native

import (
	"container/heap"
	"time"

	"bench/results"
	"bench/targets"
)

// visit is one session under way.
type visit struct {
	n    uint64
	kind *targets.Session
	step int           // the next one
	due  time.Duration // when it is
	jar  jar
}

// visits is a heap of visits that wait for their next step, the first due first.
type visits []*visit

func (v visits) Len() int           { return len(v) }
func (v visits) Less(i, j int) bool { return v[i].due < v[j].due }
func (v visits) Swap(i, j int)      { v[i], v[j] = v[j], v[i] }
func (v *visits) Push(x any)        { *v = append(*v, x.(*visit)) }
func (v *visits) Pop() any {
	last := (*v)[len(*v)-1]
	*v = (*v)[:len(*v)-1]
	return last
}

// newVisit starts visit n, whose first step is due at the given time.
func (s *shard) newVisit(n uint64, due time.Duration) *visit {
	var v *visit
	if k := len(s.over); k > 0 {
		v, s.over = s.over[k-1], s.over[:k-1]
	} else {
		v = new(visit)
	}
	v.n, v.step, v.due = n, 0, due
	v.kind = &s.plan.Mix.Sessions[s.plan.Mix.SessionIndex(n)]
	v.jar.clear()
	return v
}

// take turns the visit's next step into a task.
func (s *shard) take(v *visit, now time.Duration) task {
	step := v.kind.Steps[v.step]
	v.step++
	return task{request: &s.requests[step.Target], n: v.n, visit: v, due: v.due, sent: now}
}

// proceed continues a visit whose step has ended: its next step is due after the pause. It
// reports whether the visit is over, after its last step or one without a successful response.
// A visit whose next step would fall due after the end of the plan just ends there: in a closed
// loop no other takes its place.
func (s *shard) proceed(v *visit, class results.Class, now time.Duration) (over bool) {
	if class == results.OK && v.step < len(v.kind.Steps) {
		v.due = now + v.kind.Steps[v.step].Think.Time(s.plan.Seed, v.n, v.step)
		if v.due <= s.plan.Duration {
			heap.Push(&s.waiting, v)
			s.refresh()
		} else {
			s.over = append(s.over, v)
		}
		return false
	}
	s.over = append(s.over, v)
	return true
}
