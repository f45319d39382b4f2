// Package reports maps each kind of run to its report: it holds a table of kinds, each with the function
// that judges a run and lays out the result as a Document (package page).
//
// Nothing in it or below it opens a socket, starts a process or reads a clock, so that any report can
// be made again, elsewhere and later, byte for byte.
package reports

import (
	"fmt"
	"strings"

	"bench/reports/capacity"
	"bench/reports/claims"
	"bench/reports/compare"
	"bench/reports/gate"
	"bench/reports/ladder"
	"bench/reports/load"
	"bench/reports/page"
	"bench/reports/tune"
	"bench/results"
)

// Kind is a kind of run and the function that judges one.
type Kind struct {
	Name  string // as in the manifest
	Judge func(*results.Run) (Judged, error)
}

// Kinds is the table of all kinds.
var Kinds = []Kind{
	{results.KindCompare, judging(compare.Build)},
	{results.KindGate, judging(gate.Build)},
	{results.KindCapacity, judging(capacity.Build)},
	{results.KindTune, judging(tune.Build)},
	{results.KindLoad, judging(load.Build)},
	{results.KindClaims, judging(claims.Build)},
	{results.KindLadder, judging(ladder.Build)},
}

// Judged is the result of judging a run.
type Judged struct {
	Document page.Document
	// Entries makes the run's lines in the history from one that holds what comes from the manifest;
	// nil if the history leaves out runs of this kind.
	Entries func(results.Entry) []results.Entry
	// Findings are what the run says, as figures that another run can confirm or contradict.
	Findings []page.Finding
}

// Judge judges a run by its kind. It is a pure function of the run.
func Judge(kinds []Kind, run *results.Run) (Judged, error) {
	var known []string
	for _, kind := range kinds {
		if kind.Name == run.Manifest.Kind {
			return kind.Judge(run)
		}
		known = append(known, kind.Name)
	}
	return Judged{}, fmt.Errorf("%q is not a kind of run that this bench reports on: want one of %s",
		run.Manifest.Kind, strings.Join(known, ", "))
}

// judging makes a row's function from the one that builds the kind's own report.
func judging[R interface{ Document() page.Document }](
	build func(*results.Run) (R, error),
) func(*results.Run) (Judged, error) {
	return func(run *results.Run) (Judged, error) {
		report, err := build(run)
		if err != nil {
			return Judged{}, err
		}
		judged := Judged{Document: report.Document()}
		m, d := run.Manifest, &judged.Document
		d.Started, d.Seconds = page.Moment(m.Started), page.Lasted(m.Elapsed)
		d.AddHosts(m)
		if r, remembered := any(report).(interface {
			Entries(results.Entry) []results.Entry
		}); remembered {
			judged.Entries = r.Entries
		}
		if r, finds := any(report).(interface{ Findings() []page.Finding }); finds {
			judged.Findings = r.Findings()
		}
		return judged, nil
	}
}
