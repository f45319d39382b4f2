// Package page turns a judged run into what people and programs read. A Document is the whole report
// as values. Each of its formats, for a terminal, a pull request, a browser or a program, is written
// by one function here, for every kind of run. Each format has one escaper, through which every text
// passes: whatever the name of a server, an app or a file holds stays text.
package page

import (
	"slices"
	"strings"

	"bench/reports/plot"
	"bench/results"
)

// Document is a report as values, the most important first. A kind of run fills it in and does no
// formatting of its own; a writer lays it out and computes nothing.
type Document struct {
	Kind     string // compare, gate, capacity
	Title    string // the question
	Subject  string // what it was asked of: the app, its versions, the machine, the date
	Outcome  Outcome
	Headline string      // the answer in one line
	Reply    string      // the answer to the question, in words for everybody; "": the headline
	Lead     []string    // further sentences, most important first
	Heading  string      // what was measured, when and for how long
	Tiles    []Tile      // the figures that the answer rests on, beside it
	Glance   plot.Figure // the answer as one small chart; none without a kind
	Brief    []Table     // the answer as tables of a terminal's width
	Sections []Section

	Started string // of the run: UTC, as Moment writes it
	Seconds string // that it took

	// Data is the kind's own JSON: an object with a schema, to which the figures are added.
	Data any
	// Files are files of this kind, in addition to the table of formats.
	Files []File
	// Annotations are lines by which a CI system that reads them points out what is wrong.
	Annotations []string
}

// Outcome is how a run ended: it decides the colour of a page and the exit code of a command.
type Outcome struct {
	Verdict Verdict
	Label   string // the kind's own word for it, such as VALID or REGRESSION
	Reason  string // why, if the headline does not say it
}

// Verdict is an outcome that every kind of run shares.
type Verdict string

// The verdicts.
const (
	Passed       Verdict = "passed"
	Degraded     Verdict = "degraded"     // an answer, with reservations
	Regressed    Verdict = "regressed"    // a regression, or an objective that was missed
	Inconclusive Verdict = "inconclusive" // no answer within the time given
	Likely       Verdict = "likely"       // a regression that could not be proven twice within the time given
	Invalid      Verdict = "invalid"      // the run is not a measurement
)

// Tile is a measure in which everything that the report compares stands side by side.
type Tile struct {
	Name  string
	Value string // the figure that the answer speaks of
	Note  string // its interval, or what it refers to
	Rows  []TileRow
}

// TileRow is the value of one of the things compared.
type TileRow struct {
	Name  string
	Group int // its colour, as in the figures
	Value string
}

// Section is a part of a document, under its own title. Its parts are written in the order of the
// fields.
type Section struct {
	ID          string // unique within the page: letters and dashes
	Title       string
	Short       string // in the list of contents, if the title is too long for it
	Folded      bool   // reference: closed on a page, left out on a terminal
	Text        []string
	Tables      []Table
	Figures     []plot.Figure
	Items       []Item
	Diagnostics []results.Diagnostic
	Commands    []string // to copy
}

// Item is an entry of a list: a text, under a name that may be missing.
type Item struct {
	Name, Text string
	Group      int // on a page, the colour of the thing it is about, counted from 1; 0: of nothing in particular
}

// Table is rows of texts, ready to be shown.
type Table struct {
	Title   string // may be missing if the section's title is enough
	Columns []Column
	Rows    [][]string
	Note    string
}

// Column is the head of a column; numbers are right-aligned.
type Column struct {
	Name    string
	Numeric bool
}

// Columns makes heads from names; one that begins with "#" is a column of numbers.
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

// Filled are the sections that are not empty, without the tables that have no rows, and with the most severe
// diagnostics first: what a writer lays out.
func (d Document) Filled() (sections []Section) {
	for _, s := range d.Sections {
		s.Tables = slices.DeleteFunc(slices.Clone(s.Tables), func(t Table) bool { return len(t.Rows) == 0 })
		if len(s.Text)+len(s.Tables)+len(s.Figures)+len(s.Items)+len(s.Diagnostics)+len(s.Commands) > 0 {
			s.Diagnostics = results.Weighed(s.Diagnostics)
			sections = append(sections, s)
		}
	}
	return sections
}

// diagnostics are those of all sections, the most severe first.
func (d Document) diagnostics() (all []results.Diagnostic) {
	for _, s := range d.Sections {
		all = append(all, s.Diagnostics...)
	}
	return results.Weighed(all)
}

// Counted is the number of diagnostics of each severity, to be shown beside the outcome; "" if there are none.
func (d Document) Counted() string { return results.Count(d.diagnostics()).String() }

// measured is what was measured, and of what.
func (d Document) measured() string {
	return strings.Trim(d.Subject+" · "+d.Heading, " ·")
}

// glance is the name of a first chart of which the sections show more.
const glance = "glance"

// Figures are all figures of a document, in order.
func (d Document) Figures() []plot.Figure {
	figures := []plot.Figure{}
	if d.Glance.Kind != "" && d.Glance.Name != glance { // it is more than a glance, and stands nowhere else
		figures = append(figures, d.Glance)
	}
	for _, s := range d.Sections {
		figures = append(figures, s.Figures...)
	}
	return figures
}
