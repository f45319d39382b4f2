package loadgen

import (
	"testing"
	"time"

	"bench/results"
	"bench/targets"
)

// A run of any length keeps a bounded number of intervals, and loses nothing that was recorded.
func TestALongRunKeepsFewIntervals(t *testing.T) {
	p := Plan{Duration: 1000 * time.Second, Mix: targets.Mix{Targets: []targets.Target{{Name: "a"}}}}
	rec := NewRecorder(p)
	shard := rec.Shard(Part{})
	const n = 5000
	for i := range n {
		at := time.Duration(i) * 200 * time.Millisecond
		shard.Record(Sample{Due: at, Sent: at, End: at + time.Duration(1+i%7)*time.Millisecond, Class: results.OK})
	}
	out := rec.Close()
	if len(out.Intervals) > maxIntervals || len(out.Intervals) < maxIntervals/2-1 {
		t.Errorf("%d intervals; want between %d and %d", len(out.Intervals), maxIntervals/2-1, maxIntervals)
	}
	if total := results.Total(out.Intervals, results.Response); out.Counts.OK != n || total.TotalCount() != n ||
		total.Max() < 7000 {
		t.Errorf("%d counted, %d recorded, at most %d µs; want %d, %d and 7 ms", out.Counts.OK, total.TotalCount(),
			total.Max(), n, n)
	}
	for i, iv := range out.Intervals[1:] {
		if before := out.Intervals[i]; iv.Length != 16*time.Second || iv.Start != before.Start+before.Length {
			t.Fatalf("interval %d: %v from %v after %v from %v", i+1, iv.Length, iv.Start, before.Length, before.Start)
		}
	}
}
