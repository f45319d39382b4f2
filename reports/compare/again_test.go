package compare

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"bench/results"
)

// A cell that was disturbed and measured again leaves no trace in any figure, but is counted.
func TestDisturbedCellsThatWereMeasuredAgainAreLeftOut(t *testing.T) {
	undisturbed := build(t, madeUpRun(3, madeUpArms()))
	run := madeUpRun(3, madeUpArms())
	repeated := *run.Cells[4]
	repeated.Index, repeated.Again = len(run.Cells)+1, 1
	disturbed := run.Cells[4]
	disturbed.Grade, disturbed.Successful = results.Invalid, disturbed.Successful/3
	disturbed.Diagnostics = []results.Diagnostic{{Code: "busy-neighbour", Message: "other programs used 38 %"}}
	run.Cells = append(run.Cells, &repeated)
	r := build(t, run)
	want, err := json.Marshal(undisturbed.Topologies)
	got, err2 := json.Marshal(r.Topologies)
	if err != nil || err2 != nil || r.Grade != undisturbed.Grade || !bytes.Equal(got, want) {
		t.Errorf("grade %s, %v, %v; want the report of an undisturbed run, %s", r.Grade, err, err2, undisturbed.Grade)
	}
	last := r.Diagnostics[len(r.Diagnostics)-1]
	if r.MeasuredAgain != 1 || last.Code != "measured-again" || !strings.Contains(last.Message, "38 %") {
		t.Errorf("%d measured again, diagnostics %v; want the one, with its reason", r.MeasuredAgain, r.Diagnostics)
	}
}

// A server that is still warming up within its cells is named, with how much; one that is not, is not. The
// thirds are made so that the ratio of the last two is known.
func TestDriftWithinCellsIsNamed(t *testing.T) {
	for _, row := range []struct {
		last uint64
		says bool
	}{{100, false}, {101, false}, {110, true}, {90, false}} {
		run := madeUpRun(6, madeUpArms())
		for i, c := range run.Cells {
			if c.Topology == "uwsgi" {
				c.Thirds = []uint64{80, 100, row.last + uint64(i%2)}
			}
		}
		r := build(t, run)
		said := slices.ContainsFunc(r.Diagnostics, func(d results.Diagnostic) bool {
			return d.Code == "drift" && strings.Contains(d.Message, "uwsgi: the throughput rose by 1")
		})
		if said != row.says {
			t.Errorf("last third %d of 100: %v; drift named: %v", row.last, r.Diagnostics, said)
		}
	}
}

// What the report says of a load itself is not a diagnostic of the run, or it would stand in every one.
func TestFindingsAboutServersAreNoDiagnostics(t *testing.T) {
	run := madeUpRun(3, madeUpArms())
	for _, c := range run.Cells {
		for _, code := range []string{"connections-busy", "listen-overflow", "generator-bound", "in-flight"} {
			c.Diagnostics = append(c.Diagnostics, results.Diagnostic{Code: code, Message: code})
		}
	}
	if r := build(t, run); len(r.Diagnostics) > 0 {
		t.Errorf("diagnostics %v; want none", r.Diagnostics)
	}
	run.Cells[0].Diagnostics = []results.Diagnostic{{Code: "in-flight", Message: "requests were abandoned"}}
	if r := build(t, run); len(r.Diagnostics) != 1 || r.Diagnostics[0].Code != "in-flight" {
		t.Errorf("diagnostics %v; want that requests of a load that was sustained were abandoned", r.Diagnostics)
	}
}
