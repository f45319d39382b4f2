package results

import (
	"fmt"
	"reflect"
	"strings"
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
		{"the first arm of a pair", Cell{Mode: OpenLoop, Load: Interleaved, Rate: 120, Seed: 7, Position: 1},
			"staggered 4.166666ms first poisson 7 constant 120/s"},
		{"and the second", Cell{Mode: OpenLoop, Load: Interleaved, Rate: 120, Seed: 7, Position: 2},
			"staggered 4.166666ms second poisson 7 constant 120/s"},
		{"a closed loop has none", Cell{Mode: ClosedLoop, Load: ClosedRun, Seed: 7}, ""},
	} {
		row.cell.addPacer()
		if row.cell.Pacer != row.want {
			t.Errorf("%s: %q; want %q", row.says, row.cell.Pacer, row.want)
		}
	}
}

// A cell of the first version has other keys, the counters of two products under a key each, and
// no pacer.
func TestCellsOfSchema1AreReadUnderTheirPresentNames(t *testing.T) {
	now, err := cellFiles(sampleCell())
	if err != nil {
		t.Fatal(err)
	}
	const counted = `{"listen_drops": 2,
		"uwsgi": {"requests": 12, "respawns": 0, "listen_queue_max": 3, "requests_per_worker": [5, 7],
			"busy_seconds": 1.25},
		"nginx": {"accepts": 4, "handled": 3, "requests": 13}}`
	counts := sampleCell().Counts
	old := fmt.Sprintf(`{"topology": "uwsgi", "load": "burst-new", "mode": "closed", "seed": 18446744073709551615,
		"answered": 3, "grade": "DEGRADED", "causes": [{"code": "late", "message": "m", "remedy": "Wait."}],
		"generator": {"pacing": "sleep"},
		"counts": {"intended": %d, "sent": %d, "ok": 3, "http_error": 1, "timeout": 1, "unsent": 2, "stale_retry": 1},
		"server": %s}`,
		counts.Intended, counts.Sent, counted)
	files := map[string][]byte{
		cellFile: []byte(old), hlogFile: now[hlogFile], usageFile: now[usageFile],
		countsFile: []byte("start_s,length_s,intended,sent,ok,http_error,bad_body,connect_error,reset,timeout," +
			"unsent,in_flight,stale_retry\n" +
			"0.000,1.000,4,4,3,1,0,0,0,0,0,0,1\n1.000,1.000,3,1,0,0,0,0,0,1,2,0,0\n"),
	}
	if err := cellOfSchema1(files); err != nil {
		t.Fatal(err)
	}
	c, err := decodeCell(files)
	if err != nil {
		t.Fatal(err)
	}
	if c.Load != "closed-new" || c.Seed != 1<<64-1 || c.Successful != 3 || c.Counts != counts ||
		c.Generator.Timer != "sleep" {
		t.Errorf("read %+v", c)
	}
	if want := []Diagnostic{{"late", "m", "Wait.", Warning}}; !reflect.DeepEqual(c.Diagnostics, want) {
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

// The first schema distinguished kinds by their keys; each kind's manifest is read into spec and
// findings.
func TestManifestsOfSchema1BecomeSpecAndFindings(t *testing.T) {
	for _, row := range []struct{ says, manifest, kind, spec string }{
		{"a comparison has neither", `{"schema":"bench.run/1","command":"compare","name":"compare",` +
			`"topologies":[{"name":"a","slots":2}]}`, KindCompare, ""},
		{"without a command, its name is its kind", `{"schema":"bench.run/1","name":"compare"}`, KindCompare, ""},
		{"a gate's are in duel", `{"schema":"bench.run/1","command":"gate","seed":18446744073709551615,` +
			`"duel":{"base":"v1","head":"work tree","rate_per_arm":240,"gated":[{"metric":"p50_ms","effect":0.03}]}}`,
			KindGate, `"base":"v1"`},
		{"a capacity run's are in capacity", `{"schema":"bench.run/1","command":"capacity",` +
			`"capacity":{"slo":"p99<100ms","headroom":-1,"contention":1.05,` +
			`"sizes":[{"topology":"uwsgi","unseen":true,"goals":[{"goal":"p99 < 100ms","low":4,"high":9,"boots":3}]}],` +
			`"predicted":[{"topology":"uwsgi","max_rate":[5,4,6]}],"checks":[{"pace":0.8,"rate_at_pace":4}]}}`,
			KindCapacity, `"slo":"p99`},
	} {
		m, _, err := decodeManifest([]byte(row.manifest))
		if err != nil || m.Kind != row.kind || !strings.Contains(string(m.Spec), row.spec) {
			t.Errorf("%s: kind %q, spec %s, %v", row.says, m.Kind, m.Spec, err)
			continue
		}
		switch m.Kind {
		case KindCompare:
			for _, topology := range m.Topologies {
				if topology.Concurrency != 2 || !topology.Roles.Has("python", AppRole) {
					t.Errorf("%s: %+v; want the present keys, and the roles of that version's tiers", row.says, topology)
				}
			}
		case KindGate:
			g, err := Decode[Gate](m, KindGate)
			if err != nil || g.Base != "v1" || g.Rate != 240 || g.Gated[0].Effect != 0.03 || m.Seed != 1<<64-1 {
				t.Errorf("%s: %+v, %v", row.says, g, err)
			}
		case KindCapacity:
			c, err := Decode[Capacity](m, KindCapacity)
			if err != nil || c.Headroom != Automatic || c.Contention != 1.05 || !c.Configurations[0].HeldOut {
				t.Fatalf("%s: %+v, %v", row.says, c, err)
			}
			if b := c.Configurations[0].Goals[0]; b.Value != 6 || b.Low != 4 || b.High != 9 || b.N != 3 {
				t.Errorf("%s: bound %+v; want 6 [4, 9], from 3 boots", row.says, b)
			}
			p, check := c.Predicted[0].Capacity, c.Checks[0]
			if p.Value != 5 || p.Low != 4 || p.High != 6 || check.CPUSpeed != 0.8 || check.RateAtSpeed != 4 {
				t.Errorf("%s: prediction %+v, check %+v", row.says, p, check)
			}
		}
		if _, err := Decode[Gate](m, "other"); err == nil {
			t.Errorf("%s: decoded as a kind that it is not", row.says)
		}
	}
}
