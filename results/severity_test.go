package results

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestTheMostSevereComesFirst(t *testing.T) {
	given := []Diagnostic{
		{Code: "a", Severity: Notice}, {Code: "b"}, {Code: "c", Severity: Warning}, {Code: "d", Severity: "<script>"},
		{Code: "e", Severity: Fault}, {Code: "f", Severity: Warning},
	}
	var codes string
	for _, d := range Weighed(given) {
		codes += d.Code
		if !slices.Contains(Severities, d.Severity) {
			t.Errorf("%s has the severity %q", d.Code, d.Severity)
		}
	}
	if codes != "ecfabd" {
		t.Errorf("in the order %s", codes)
	}
	if got := Count(Weighed(given)).String(); got != "1 error, 2 warnings, 3 notes" {
		t.Errorf("counted %q", got)
	}
	if got := Count(nil).String(); got != "" {
		t.Errorf("of none: %q", got)
	}
	if Fault.Milder(Notice) != Notice || Notice.Milder(Fault) != Notice || Warning.Milder(Warning) != Warning {
		t.Error("the milder of two is not the one further down the list")
	}
}

// What decides the grade of a cell says so, and in a cell of an older run, all of them may.
func TestDiagnosticsSayWhatTheyDecide(t *testing.T) {
	c := &Cell{Grade: Valid}
	c.Diagnose(Valid, "full", "", "")
	c.Diagnose(Invalid, "stopped", "", "")
	c.Diagnose(Degraded, "busy", "", "")
	if c.Grade != Invalid || Count(c.Diagnostics) != (Tally{Errors: 1, Warnings: 1, Notes: 1}) {
		t.Errorf("%s, %+v", c.Grade, c.Diagnostics)
	}
	said := []Diagnostic{{Code: "old"}, {Code: "new", Severity: Notice}}
	files, err := cellFiles(&Cell{Grade: Degraded, Diagnostics: said})
	if err != nil {
		t.Fatal(err)
	}
	read, err := decodeCell(files)
	if err != nil {
		t.Fatal(err)
	}
	if d := read.Diagnostics; d[0].Severity != Warning || d[1].Severity != Notice {
		written, _ := json.Marshal(d)
		t.Errorf("read as %s", written)
	}
}
