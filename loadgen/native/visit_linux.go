package native

import (
	"bytes"
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

// visits is a heap of those that wait for their next step, the first due first.
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

// newVisit starts visit n, whose first step is due at the time given.
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

// take makes the visit's next step a task.
func (s *shard) take(v *visit, now time.Duration) task {
	step := v.kind.Steps[v.step]
	v.step++
	return task{request: &s.requests[step.Target], n: v.n, visit: v, due: v.due, sent: now}
}

// proceed goes on with a visit whose step has ended: its next step is due after the pause. It
// reports whether the visit is over: after its last step, after one that got no right
// answer, or because the next one would fall due after the end of the plan.
func (s *shard) proceed(v *visit, class results.Class, now time.Duration) (over bool) {
	if class == results.OK && v.step < len(v.kind.Steps) {
		v.due = now + v.kind.Steps[v.step].Think.Time(s.plan.Seed, v.n, v.step)
		if v.due <= s.plan.Duration {
			heap.Push(&s.waiting, v)
			s.refresh()
			return false
		}
	}
	s.over = append(s.over, v)
	return true
}

// jar is the cookies of a visit, as far as a load needs them: by name, for every path.
type jar struct{ cookies []cookie }

type cookie struct{ name, value []byte }

func (j *jar) clear() { j.cookies = j.cookies[:0] }

// set takes the value of a Set-Cookie field.
func (j *jar) set(field []byte) {
	pair, attributes, _ := bytes.Cut(field, []byte(";"))
	name, value, is := bytes.Cut(pair, []byte("="))
	name, value = bytes.TrimSpace(name), bytes.TrimSpace(value)
	if !is || len(name) == 0 {
		return
	}
	at := -1
	for i := range j.cookies {
		if bytes.Equal(j.cookies[i].name, name) {
			at = i
		}
	}
	if len(value) == 0 || expired(attributes) {
		if last := len(j.cookies) - 1; at >= 0 {
			j.cookies[at], j.cookies[last] = j.cookies[last], j.cookies[at] // their space is used again
			j.cookies = j.cookies[:last]
		}
		return
	}
	if at < 0 {
		if at = len(j.cookies); at < cap(j.cookies) {
			j.cookies = j.cookies[:at+1]
		} else {
			j.cookies = append(j.cookies, cookie{})
		}
		j.cookies[at].name = append(j.cookies[at].name[:0], name...)
	}
	j.cookies[at].value = append(j.cookies[at].value[:0], value...)
}

// expired reports whether a cookie's attributes delete it, as Django's delete_cookie does.
func expired(attributes []byte) bool {
	for len(attributes) > 0 {
		var attribute []byte
		attribute, attributes, _ = bytes.Cut(attributes, []byte(";"))
		if bytes.EqualFold(bytes.TrimSpace(attribute), []byte("Max-Age=0")) {
			return true
		}
	}
	return false
}

// get is the value of a cookie; empty if there is none.
func (j *jar) get(name string) []byte {
	for i := range j.cookies {
		if string(j.cookies[i].name) == name {
			return j.cookies[i].value
		}
	}
	return nil
}
