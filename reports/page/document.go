// Package page turns a judged run into what people and programs read: a Document is the whole
// report as values, and each format of it, for a terminal, a pull request, a browser or a
// program, is written by one function here, for every kind of run. Each format has one
// escaper, through which every text passes: what comes from a server, an app or a file's name
// stays text.
package page

import (
	"slices"

	"bench/reports/plot"
	"bench/results"
)

// Document is a report as values, the most important first. A kind of run fills it in and
// does no formatting of its own; a writer lays it out and computes nothing.
type Document struct {
	Kind     string // compare, gate, capacity
	Title    string
	Outcome  Outcome
	Headline string   // the answer in one line
	Lead     []string // further sentences, most important first
	Heading  string   // what was measured, when and for how long
	Sections []Section

	// Data is the kind's own JSON, an object with a schema. The figures are added to it.
	Data any
	// Files are further files of this kind, beside those of the table of formats.
	Files []File
	// Annotations are the lines by which a CI that reads them points at what is wrong.
	Annotations []string
}

// Outcome is how a run ended: the tone of a page, and the exit code of a command.
type Outcome struct {
	Verdict Verdict
	Label   string // the kind's own word for it: VALID, REGRESSION
	Reason  string // why, where the headline does not say it
}

// Verdict is an outcome that every kind of run shares.
type Verdict string

// The verdicts.
const (
	Passed       Verdict = "passed"
	Degraded     Verdict = "degraded"     // an answer, with reservations
	Regressed    Verdict = "regressed"    // a regression, or an objective that was missed
	Inconclusive Verdict = "inconclusive" // no answer within the time given
	Invalid      Verdict = "invalid"      // the run is not a measurement
)

// Section is a part of a document, under a title of its own. Its parts are written in the
// order of the fields.
type Section struct {
	ID          string // within the page: letters and dashes
	Title       string
	Folded      bool // for reference: closed on a page, left out on a terminal
	Text        []string
	Tables      []Table
	Figures     []plot.Figure
	Items       []Item
	Diagnostics []results.Diagnostic
	Commands    []string // to copy
}

// Item is an entry of a list: a name, which may be missing, and what is said of it.
type Item struct{ Name, Text string }

// Table is rows of texts that are ready to be shown.
type Table struct {
	Title   string // may be missing where the section's title says it
	Columns []Column
	Rows    [][]string
	Note    string
}

// Column is the head of a column; numbers are set flush right.
type Column struct {
	Name    string
	Numeric bool
}

// Columns are some heads; a name that begins with "#" is one of numbers.
func Columns(names ...string) []Column {
	columns := make([]Column, len(names))
	for i, name := range names {
		if name != "" && name[0] == '#' {
			columns[i] = Column{name[1:], true}
			continue
		}
		columns[i] = Column{Name: name}
	}
	return columns
}

// File is a file of a run directory.
type File struct {
	Name string
	Data []byte
}

// Filled are the sections that hold something, without tables that have no rows: what a
// writer lays out.
func (d Document) Filled() (sections []Section) {
	for _, s := range d.Sections {
		s.Tables = slices.DeleteFunc(slices.Clone(s.Tables), func(t Table) bool { return len(t.Rows) == 0 })
		if len(s.Text)+len(s.Tables)+len(s.Figures)+len(s.Items)+len(s.Diagnostics)+len(s.Commands) > 0 {
			sections = append(sections, s)
		}
	}
	return sections
}

// Figures are all figures of a document, in their order.
func (d Document) Figures() []plot.Figure {
	figures := []plot.Figure{}
	for _, s := range d.Sections {
		figures = append(figures, s.Figures...)
	}
	return figures
}
