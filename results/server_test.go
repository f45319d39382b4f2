package results

import (
	"reflect"
	"testing"
)

func TestMergeAddsUpAndKeepsPeaks(t *testing.T) {
	a := Server{
		Counters:  map[string]Counters{"s": {"requests": 1, "listen_queue_max": 7}},
		PerWorker: map[string][]uint64{"s": {1}},
	}
	before := a
	a.Merge(map[string]Counters{"s": {"requests": 2, "listen_queue_max": 3}}, map[string][]uint64{"s": {1, 1}})
	if c := a.Counters["s"]; c["requests"] != 3 || c["listen_queue_max"] != 7 ||
		!reflect.DeepEqual(a.PerWorker["s"], []uint64{2, 1}) {
		t.Errorf("merged: %+v", a)
	}
	if before.Counters["s"]["requests"] != 1 || before.PerWorker["s"][0] != 1 {
		t.Errorf("the copy changed: %+v", before)
	}
}
