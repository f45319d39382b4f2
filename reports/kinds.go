// Package reports is where a run of some kind meets the report that is made of it: a table of
// kinds, each with the function that judges a run directory and lays the result out as one
// Document (package page), whatever the kind.
//
// Nothing in it or below it opens a socket, starts a process or reads a clock, so any report can be
// made again, elsewhere and later, byte for byte.
package reports

import (
	"fmt"
	"strings"

	"bench/reports/capacity"
	"bench/reports/compare"
	"bench/reports/gate"
	"bench/reports/page"
	"bench/results"
)

// Kind is a kind of run, and what makes a report of one.
type Kind struct {
	Name  string // as manifests have it
	Judge func(*results.Run) (Judged, error)
}

// Kinds is the table of all.
var Kinds = []Kind{
	{results.KindCompare, judging(compare.Build)},
	{results.KindGate, judging(gate.Build)},
	{results.KindCapacity, judging(capacity.Build)},
}

// Judged is what is made of a run.
type Judged struct {
	Document page.Document
	// Entries makes the run's lines of the history, from one that holds what its manifest says;
	// nil where runs of the kind are not in it.
	Entries func(results.Entry) []results.Entry
}

// Judge asks the kind of a run for its report. It is a pure function of the run.
func Judge(kinds []Kind, run *results.Run) (Judged, error) {
	var known []string
	for _, kind := range kinds {
		if kind.Name == run.Manifest.Kind {
			return kind.Judge(run)
		}
		known = append(known, kind.Name)
	}
	return Judged{}, fmt.Errorf("a run of kind %q: this bench reports on %s", run.Manifest.Kind, strings.Join(known, ", "))
}

// judging is a row's function, of what builds the kind's own report.
func judging[R interface{ Document() page.Document }](build func(*results.Run) (R, error)) func(*results.Run) (Judged, error) {
	return func(run *results.Run) (Judged, error) {
		report, err := build(run)
		if err != nil {
			return Judged{}, err
		}
		judged := Judged{Document: report.Document()}
		if r, remembered := any(report).(interface {
			Entries(results.Entry) []results.Entry
		}); remembered {
			judged.Entries = r.Entries
		}
		return judged, nil
	}
}
