package results

import (
	"fmt"
	"reflect"
	"testing"
)

// Cells that did not record their pacer had Poisson arrivals drawn from their seed.
func TestCellsWithoutAPacerGetTheOneTheyHad(t *testing.T) {
	for _, row := range []struct {
		says string
		cell Cell
		want string
	}{
		{"an open loop", Cell{Mode: OpenLoop, Load: "rate-47.3", Rate: 47.3, Seed: 1<<64 - 1},
			"poisson 18446744073709551615 constant 47.3/s"},
		{"the arm that a pair asks first", Cell{Mode: OpenLoop, Load: Interleaved, Rate: 120, Seed: 7, Position: 1},
			"staggered 4.166666ms first poisson 7 constant 120/s"},
		{"and the other", Cell{Mode: OpenLoop, Load: Interleaved, Rate: 120, Seed: 7, Position: 2},
			"staggered 4.166666ms second poisson 7 constant 120/s"},
		{"a closed loop has none", Cell{Mode: ClosedLoop, Load: ClosedRun, Seed: 7}, ""},
	} {
		row.cell.addPacer()
		if row.cell.Pacer != row.want {
			t.Errorf("%s: %q; want %q", row.says, row.cell.Pacer, row.want)
		}
	}
}

// A cell of the first version is read as what it means: other words, two products' counters
// each by their own key, and no pacer.
func TestCellsOfSchema1AreReadInTodaysWords(t *testing.T) {
	now, err := cellFiles(sampleCell())
	if err != nil {
		t.Fatal(err)
	}
	const counted = `{"listen_drops": 2,
		"uwsgi": {"requests": 12, "respawns": 0, "listen_queue_max": 3, "requests_per_worker": [5, 7], "busy_seconds": 1.25},
		"nginx": {"accepts": 4, "handled": 3, "requests": 13}}`
	counts := sampleCell().Counts
	old := fmt.Sprintf(`{"topology": "uwsgi", "load": "burst-new", "mode": "closed", "seed": 18446744073709551615, "answered": 3,
		"grade": "DEGRADED", "causes": [{"code": "late", "message": "m", "remedy": "Wait."}], "generator": {"pacing": "sleep"},
		"counts": {"intended": %d, "sent": %d, "ok": 3, "http_error": 1, "timeout": 1, "unsent": 2, "stale_retry": 1}, "server": %s}`,
		counts.Intended, counts.Sent, counted)
	files := map[string][]byte{
		cellFile: []byte(old), hlogFile: now[hlogFile], usageFile: now[usageFile],
		countsFile: []byte("start_s,length_s,intended,sent,ok,http_error,bad_body,connect_error,reset,timeout,unsent,in_flight,stale_retry\n" +
			"0.000,1.000,4,4,3,1,0,0,0,0,0,0,1\n1.000,1.000,3,1,0,0,0,0,0,1,2,0,0\n"),
	}
	if err := cellOfSchema1(files); err != nil {
		t.Fatal(err)
	}
	c, err := decodeCell(files)
	if err != nil {
		t.Fatal(err)
	}
	if c.Load != "closed-new" || c.Seed != 1<<64-1 || c.Successful != 3 || c.Counts != counts || c.Generator.Timer != "sleep" {
		t.Errorf("read %+v", c)
	}
	if want := []Diagnostic{{"late", "m", "Wait."}}; !reflect.DeepEqual(c.Diagnostics, want) {
		t.Errorf("diagnostics %v; want %v", c.Diagnostics, want)
	}
	want := Server{
		ListenDrops: 2, PerWorker: map[string][]uint64{"uwsgi": {5, 7}},
		Counters: map[string]Counters{
			"uwsgi": {"requests": 12, "respawns": 0, "listen_queue_max": 3, "busy_seconds": 1.25},
			"nginx": {"accepts": 4, "handled": 3, "requests": 13},
		},
	}
	if !reflect.DeepEqual(c.Server, want) {
		t.Errorf("server %+v; want %+v", c.Server, want)
	}
	if requests, busy, known := c.Server.Worked(); requests != 12 || busy != 1.25 || !known {
		t.Errorf("Worked = %g, %g, %t; want the requests of the server that counts its time", requests, busy, known)
	}
}
