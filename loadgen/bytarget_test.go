package loadgen

import (
	"testing"

	"bench/results"
)

// If more requests were dropped than are looked up one by one, the rest are shared out in
// proportion, and every one of them has a target.
func TestDroppedRequestsOfALongPlanAreSharedOut(t *testing.T) {
	p := testPlan()
	p.Mix.Targets[1].Weight = 3
	const arrivals = 5*mostLookedUp + 7
	for _, part := range []Part{{}, {1, 3}} {
		r := &Recorder{mix: p.Mix, of: []int{0, 1}}
		shares := r.shareOut(part, part.Nth(2), arrivals)
		want := part.Share(arrivals) - 2
		if shares[0]+shares[1] != want {
			t.Errorf("%v: %v; want %d in all", part, shares, want)
		}
		if share := float64(shares[0]) / float64(want); share < 0.245 || share > 0.255 {
			t.Errorf("%v: a quarter of the mix has %.4f of the dropped requests", part, share)
		}
	}
}

// Every three-digit status code is counted, and no other.
func TestStatusesAreCounted(t *testing.T) {
	r := NewRecorder(testPlan())
	s := r.Shard(Part{})
	for _, status := range []uint16{0, 99, 100, 200, 200, 599, 999, 1000, 65535} {
		s.Record(Sample{Class: results.HTTPError, Status: status})
	}
	got := r.Close().Targets[0].Statuses
	if len(got) != 4 || got[100] != 1 || got[200] != 2 || got[599] != 1 || got[999] != 1 {
		t.Errorf("statuses = %v", got)
	}
}
