package loadgen

import (
	"runtime"
	"testing"
	"time"

	"bench/internal/proof"
	"bench/results"
	"bench/targets"
)

// heap is the memory in use, without garbage.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// The memory of a load does not grow with its length: an hour takes what a minute takes.
func TestMemoryIsFlat(t *testing.T) {
	proof.WithoutRace(t)
	p := Plan{Duration: 24 * time.Hour, Mix: targets.Mix{Targets: []targets.Target{{Name: "a"}}}}
	rec := NewRecorder(p)
	defer rec.Close()
	shard := rec.Shard(Part{})
	health := new(monitor)
	second := 0
	fill := func(until int) uint64 {
		for ; second < until; second++ {
			for i := range 200 { // of which each second has others, as a real load has
				at := time.Duration(second)*time.Second + time.Duration(i)*time.Millisecond
				took := time.Duration(200+(second*7919+i*104729)%4000) * time.Microsecond
				shard.Record(Sample{Due: at, Sent: at + took/10, End: at + took, FirstByte: at + took/2, Class: results.OK})
			}
			health.keep(results.Health{Length: 1})
		}
		return heap()
	}
	minute := fill(firstMinute + 1)
	for _, until := range []int{120, 240, 600, 3600} {
		if size := fill(until); size > minute+minute/20 {
			t.Errorf("after %d s, %d KiB are in use, after a minute %d; want at most 5 %% more", until, size>>10, minute>>10)
		}
	}
	if n := len(rec.intervals); n < fewIntervals/2 {
		t.Errorf("%d intervals are left", n)
	}
}
