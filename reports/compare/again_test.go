package compare

import (
	"bytes"
	"encoding/json"
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
