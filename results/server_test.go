package results

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestCountersOfBeforeTheyHadNames(t *testing.T) {
	const old = `{"listen_drops": 2, "uwsgi": {"requests": 12, "exceptions": 1, "harakiri": 0, "respawns": 0,
		"listen_queue_max": 3, "requests_per_worker": [5, 7], "busy_seconds": 1.25},
		"nginx": {"accepts": 4, "handled": 3, "requests": 13}}`
	var s Server
	if err := json.Unmarshal([]byte(old), &s); err != nil {
		t.Fatal(err)
	}
	want := Server{
		ListenDrops: 2, PerWorker: map[string][]uint64{"uwsgi": {5, 7}},
		Counters: map[string]Counters{
			"uwsgi": {"requests": 12, "exceptions": 1, "harakiri": 0, "respawns": 0, "listen_queue_max": 3, "busy_seconds": 1.25},
			"nginx": {"accepts": 4, "handled": 3, "requests": 13},
		},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("read %+v; want %+v", s, want)
	}
	if requests, busy, known := s.Worked(); requests != 12 || busy != 1.25 || !known {
		t.Errorf("Worked = %g, %g, %t; want the requests of the server that counts its time", requests, busy, known)
	}
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var again Server
	if err := json.Unmarshal(data, &again); err != nil || !reflect.DeepEqual(again, s) {
		t.Errorf("written and read again: %+v, %v", again, err)
	}
}

func TestRolesOfBeforeTheyWereRecorded(t *testing.T) {
	var record TopologyRecord
	if err := json.Unmarshal([]byte(`{"name": "x", "ref": "x:workers=2"}`), &record); err != nil {
		t.Fatal(err)
	}
	cpu := map[string]float64{"python": 2, "nginx": 1, "postgres": 4}
	if sum, known := record.Roles.Sum(cpu, AppRole); sum != 2 || !known {
		t.Errorf("the app's share = %g, %t; want that of python", sum, known)
	}
	record = TopologyRecord{}
	if err := json.Unmarshal([]byte(`{"name": "x", "roles": {"waitress": "app"}}`), &record); err != nil {
		t.Fatal(err)
	}
	if !record.Roles.Has("waitress", AppRole) || record.Roles.Has("python", AppRole) {
		t.Errorf("roles %v; want those that are recorded", record.Roles)
	}
}

func TestMergeAddsUpAndKeepsPeaks(t *testing.T) {
	a := Server{Counters: map[string]Counters{"s": {"requests": 1, "listen_queue_max": 7}}, PerWorker: map[string][]uint64{"s": {1}}}
	before := a
	a.Merge(map[string]Counters{"s": {"requests": 2, "listen_queue_max": 3}}, map[string][]uint64{"s": {1, 1}})
	if c := a.Counters["s"]; c["requests"] != 3 || c["listen_queue_max"] != 7 || !reflect.DeepEqual(a.PerWorker["s"], []uint64{2, 1}) {
		t.Errorf("merged: %+v", a)
	}
	if before.Counters["s"]["requests"] != 1 || before.PerWorker["s"][0] != 1 {
		t.Errorf("the copy changed: %+v", before)
	}
}
