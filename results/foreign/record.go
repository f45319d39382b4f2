package foreign

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"time"

	"bench/results"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// request is one request of another tool.
type request struct {
	sent         time.Time
	took         time.Duration
	class        results.Class
	status       int
	method, url  string
	name         string // of its target; "": its method and path
	reason       string // why it failed
	connect      time.Duration
	firstByte    time.Duration
	hasFirstByte bool
}

// The most that is kept apart, however much a file names.
const (
	mostTargets   = 100 // a run keeps as many
	mostIntervals = 240
	mostReasons   = 50
	others        = "others"
)

// recorder collects requests by interval, in any order and with bounded memory: when there are too many
// intervals, two become one.
type recorder struct {
	width    time.Duration
	buckets  map[int64]*bucket // by the number of widths since the Unix epoch
	targets  map[string]*Target
	order    []string
	reasons  map[reasonKey]*results.Reason
	server   string
	earliest time.Time
	latest   time.Time
	counts   results.Counts
	clamped  uint64
}

type reasonKey struct {
	class  results.Class
	status int
	text   string
}

type bucket struct {
	counts results.Counts
	hists  map[results.Series]*results.Packed
}

func newRecorder() *recorder {
	return &recorder{
		width: time.Second, buckets: map[int64]*bucket{}, targets: map[string]*Target{},
		reasons: map[reasonKey]*results.Reason{},
	}
}

// The times that a file may have: results beyond them are damaged.
var (
	firstTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	lastTime  = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// add adds a request.
func (r *recorder) add(q request) error {
	if q.sent.Before(firstTime) || q.sent.After(lastTime) {
		return fmt.Errorf("a request at %v: that is impossible", q.sent)
	}
	if q.took < 0 {
		return fmt.Errorf("a request that took %v: that is impossible", q.took)
	}
	if r.earliest.IsZero() || q.sent.Before(r.earliest) {
		r.earliest = q.sent
	}
	if q.sent.After(r.latest) {
		r.latest = q.sent
	}
	t := r.target(q)
	t.Counts.Add(q.class, 1)
	r.counts.Add(q.class, 1)
	if q.status > 0 {
		t.Statuses[q.status]++
	}
	r.explain(q)
	b := r.bucket(q.sent)
	b.counts.Add(q.class, 1)
	kind := results.Failure
	if q.class == results.OK || q.class == results.Timeout {
		kind = results.Service
	}
	r.record(b, kind, t.Name, q.took)
	if q.connect > 0 {
		r.record(b, results.Connect, t.Name, q.connect)
	}
	if q.hasFirstByte && q.class == results.OK {
		r.record(b, results.TTFB, t.Name, q.firstByte)
	}
	return nil
}

// target finds the target of a request. Those beyond the hundredth share one.
func (r *recorder) target(q request) *Target {
	name := q.name
	if u, err := url.Parse(q.url); err == nil && u.Host != "" {
		if r.server == "" {
			r.server = u.Scheme + "://" + u.Host
		}
		if path := u.EscapedPath(); name == "" || name == q.url {
			name = q.method + " " + path
		}
	}
	if name == "" {
		name = "requests"
	}
	t := r.targets[name]
	if t == nil && len(r.targets) >= mostTargets {
		name, q.method = others, ""
		t = r.targets[name]
	}
	if t == nil {
		t = &Target{Name: name, Method: q.method, Statuses: map[int]uint64{}}
		r.targets[name], r.order = t, append(r.order, name)
	}
	return t
}

func (r *recorder) explain(q request) {
	if q.class == results.OK {
		return
	}
	key := reasonKey{q.class, q.status, q.reason}
	if q.status > 0 {
		key.text = ""
	}
	if why := r.reasons[key]; why != nil {
		why.Count++
	} else if len(r.reasons) < mostReasons {
		r.reasons[key] = &results.Reason{
			Class: q.class.String(), Status: q.status, Count: 1, Request: q.method + " " + q.url, Text: key.text,
		}
	}
}

func (r *recorder) bucket(at time.Time) *bucket {
	number := at.UnixNano() / int64(r.width)
	if b := r.buckets[number]; b != nil {
		return b
	}
	for len(r.buckets) >= mostIntervals {
		r.halve()
		number = at.UnixNano() / int64(r.width)
	}
	b := r.buckets[number]
	if b == nil {
		b = &bucket{hists: map[results.Series]*results.Packed{}}
		r.buckets[number] = b
	}
	return b
}

// halve makes intervals twice as long.
func (r *recorder) halve() {
	r.width *= 2
	merged := map[int64]*bucket{}
	for _, number := range slices.Sorted(maps.Keys(r.buckets)) {
		b, into := r.buckets[number], merged[number/2]
		if into == nil {
			merged[number/2] = b
			continue
		}
		into.counts = into.counts.Plus(b.counts)
		for series, h := range b.hists {
			if have := into.hists[series]; have != nil {
				have.Merge(h)
			} else {
				into.hists[series] = h
			}
		}
	}
	r.buckets = merged
}

func (r *recorder) record(b *bucket, kind results.Kind, target string, took time.Duration) {
	series := results.Series{Kind: kind, Target: target}
	h := b.hists[series]
	if h == nil {
		h = hdr.NewPacked(results.LowestMicros, results.HighestMicros, results.SignificantDigits)
		b.hists[series] = h
	}
	us, clamped := results.Micros(took)
	if clamped {
		r.clamped++
	}
	_ = h.RecordValue(us) // Micros keeps it within the range
}

// result is what was recorded by a tool.
func (r *recorder) result(tool string) *Result {
	out := &Result{
		Tool: tool, URL: r.server, Started: r.earliest, Counts: r.counts, Missing: []results.Diagnostic{notOurs(tool)},
	}
	if n := r.counts.Intended; n > 1 {
		// Between n requests lie n−1 gaps; a load of n requests lasts n of them.
		out.Duration = time.Duration(float64(r.latest.Sub(r.earliest)) * float64(n) / float64(n-1))
	}
	numbers := slices.Sorted(maps.Keys(r.buckets))
	for _, number := range numbers {
		b := r.buckets[number]
		out.Intervals = append(out.Intervals, results.Interval{
			Start: time.Duration(number-numbers[0]) * r.width, Length: r.width, Counts: b.counts, Hists: b.hists,
		})
	}
	for _, name := range r.order {
		out.Targets = append(out.Targets, *r.targets[name])
	}
	for _, why := range r.reasons {
		out.Reasons = append(out.Reasons, *why)
	}
	slices.SortFunc(out.Reasons, func(a, b results.Reason) int {
		if a.Count != b.Count {
			return int(min(max(int64(b.Count)-int64(a.Count), math.MinInt32), math.MaxInt32))
		}
		return int(a.Status - b.Status)
	})
	if r.clamped > 0 {
		out.Missing = append(out.Missing, results.Diagnostic{Code: "clamped",
			Message: fmt.Sprintf("%d times were longer than an hour, and count as an hour", r.clamped)})
	}
	return out
}
