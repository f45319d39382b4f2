package page

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"bench/internal/inert"
)

// The size of the answer on a terminal.
const (
	columns   = 100
	mostLines = 24 // the path of the page follows
)

// Brief writes the answer for a terminal: what was compared, in one table, then what else was found, and
// last, where the eye is, the verdict. What does not fit is in the full text and on the page. The word for
// the outcome is coloured on request.
func Brief(w io.Writer, d Document, colour bool) error {
	verdict := wrapped("", labelled(d))
	notes := d.diagnosed()
	room := mostLines - len(verdict) - len(notes) - 2 // and the blank lines
	var out lines
	for _, t := range d.brief() {
		t.Rows, t.Note = slices.Clone(t.Rows[:min(len(t.Rows), max(3, room-2))]), ""
		t = fitting(t)
		before := out.count()
		out.table(t)
		room -= out.count() - before
	}
	lead := d.leading(room)
	for i, block := range [][]string{lead, notes, verdict} {
		if len(block) > 0 && (out.Len() > 0 && i != 1 || i == 1 && len(lead) == 0 && out.Len() > 0) {
			out.WriteString("\n")
		}
		out.add("", block...)
	}
	text := out.String()
	if label := d.Outcome.Label; colour && label != "" {
		at := strings.LastIndex(text, "\n"+verdict[0]) + 1
		text = text[:at] + paint[d.Outcome.Verdict] + label + "\x1b[0m" + text[at+len(label):]
	}
	_, err := io.WriteString(w, text)
	return err
}

// brief are the tables of a terminal: those that the kind made for it, or else the first that there is.
func (d Document) brief() []Table {
	if len(d.Brief) > 0 {
		return d.Brief
	}
	for _, s := range d.Filled() {
		if len(s.Tables) > 0 && !s.Folded {
			return s.Tables[:1]
		}
	}
	return nil
}

// fitting is a table without the columns at the right that a terminal has no room for, and with names cut
// that would fill it alone.
func fitting(t Table) Table {
	const longest = 40
	width := 0
	for i, c := range t.Columns {
		most := utf8.RuneCountInString(inert.Row(c.Name))
		for j, row := range t.Rows {
			if text := []rune(at(row, i)); len(text) > longest {
				t.Rows[j] = slices.Clone(row)
				t.Rows[j][i] = string(text[:longest-1]) + "…"
			}
			most = max(most, utf8.RuneCountInString(inert.Row(at(t.Rows[j], i))))
		}
		if width += 2 + most; width > columns {
			t.Columns = t.Columns[:i]
			break
		}
	}
	return t
}

// paint is the colour of a verdict on a terminal.
var paint = map[Verdict]string{
	Passed: "\x1b[1;32m", Degraded: "\x1b[1;33m", Inconclusive: "\x1b[1;33m",
	Regressed: "\x1b[1;31m", Likely: "\x1b[1;31m", Invalid: "\x1b[1;31m",
}

// leading are the sentences after the headline that fit into a number of lines, and how many do not.
func (d Document) leading(room int) (fit []string) {
	for i, sentence := range d.Lead {
		block := wrapped("  ", sentence)
		rest := len(d.Lead) - i
		if len(fit)+len(block)+1 > room && !(rest == 1 && len(fit)+len(block) <= room) {
			return append(fit, fmt.Sprintf("  and %s in the report, and with -v", Count(rest, "more sentence")))
		}
		fit = append(fit, block...)
	}
	return fit
}

// diagnosed are the most severe diagnostics, a line each.
func (d Document) diagnosed() (list []string) {
	const most = 3
	all := d.diagnostics()
	for _, c := range all[:min(most, len(all))] {
		list = append(list, cut("  "+string(c.Severity)+": "+c.Code+": "+c.Message))
	}
	if more := len(all) - most; more > 0 {
		list = append(list, fmt.Sprintf("  and %s in the report, and with -v", Count(more, "more diagnostic")))
	}
	return list
}

// cut shortens a line to the width of a terminal.
func cut(line string) string {
	if utf8.RuneCountInString(line) <= columns {
		return line
	}
	return strings.TrimRight(string([]rune(line)[:columns-1]), " ") + "…"
}

// wrapped breaks a text into lines of a terminal's width, all after the first one indented further.
func wrapped(indent, text string) (all []string) {
	line := indent
	for _, word := range strings.Fields(text) {
		switch {
		case strings.TrimSpace(line) == "":
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > columns:
			all = append(all, line)
			line = indent + "  " + word
		default:
			line += " " + word
		}
	}
	if strings.TrimSpace(line) != "" {
		all = append(all, line)
	}
	return all
}

func (l *lines) count() int { return strings.Count(l.String(), "\n") }
