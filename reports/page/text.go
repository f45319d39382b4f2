package page

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"bench/internal/inert"
)

// Text writes a document in full for a terminal: the result first, without the folded sections.
func Text(w io.Writer, d Document) error {
	var out lines
	out.wrap("", labelled(d))
	out.wrap("", d.Lead...)
	out.wrap("", d.measured())
	for _, s := range d.Filled() {
		if !s.Folded {
			out.section(s)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// labelled is the headline, after the word for the outcome and the number of diagnostics.
func labelled(d Document) string {
	headline := d.Headline
	if headline == "" {
		headline = d.Outcome.Reason
	}
	if d.Outcome.Label == "" {
		return headline
	}
	label := d.Outcome.Label
	if counted := d.Counted(); counted != "" {
		label += " (" + counted + ")"
	}
	return label + ": " + headline
}

// lines collects lines, each of which passes through the escaper.
type lines struct{ strings.Builder }

func (l *lines) add(indent string, texts ...string) {
	for _, text := range texts {
		if text != "" {
			l.WriteString(inert.Row(indent+text) + "\n")
		}
	}
}

// wrap adds texts, each on as many lines as it needs.
func (l *lines) wrap(indent string, texts ...string) {
	for _, text := range texts {
		l.add("", wrapped(indent, text)...)
	}
}

func (l *lines) section(s Section) {
	var body lines
	body.wrap("  ", s.Text...)
	for _, t := range s.Tables {
		body.table(t)
	}
	for _, i := range s.Items {
		body.wrap("  ", i.String())
	}
	for _, c := range s.Diagnostics {
		body.wrap("  ", string(c.Severity)+": "+c.Code+": "+c.Sentences())
	}
	body.add("  ", s.Commands...)
	if body.Len() == 0 {
		return // it has only figures, which a terminal does not show
	}
	l.WriteString("\n")
	l.add("", s.Title)
	l.WriteString(body.String())
}

// String is an item on one line.
func (i Item) String() string {
	if i.Name == "" {
		return i.Text
	}
	return i.Name + ": " + i.Text
}

// table separates its columns by two spaces, and aligns numbers to the right.
func (l *lines) table(t Table) {
	if t.Title != "" {
		l.add("  ", t.Title)
	}
	head := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		head[i] = c.Name
	}
	rows := append([][]string{head}, t.Rows...)
	widths := make([]int, len(t.Columns))
	for _, row := range rows {
		for i := range t.Columns {
			widths[i] = max(widths[i], utf8.RuneCountInString(inert.Row(at(row, i))))
		}
	}
	for _, row := range rows {
		var text strings.Builder
		for i, c := range t.Columns {
			width := -widths[i]
			if c.Numeric {
				width = widths[i]
			}
			fmt.Fprintf(&text, "  %*s", width, inert.Row(at(row, i)))
		}
		l.add("", strings.TrimRight(text.String(), " "))
	}
	l.wrap("  ", t.Note)
}

// at is a cell of a row, or empty if the row is shorter.
func at(row []string, i int) string {
	if i >= len(row) {
		return ""
	}
	return row[i]
}
