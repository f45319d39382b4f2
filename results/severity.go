package results

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity is how much a diagnostic weighs.
type Severity string

// The severities. That of a report's diagnostic is about the run: a void cell among many is a warning there.
const (
	Fault   Severity = "error"   // the measurement is INVALID for it
	Warning Severity = "warning" // the measurement is DEGRADED for it, or lacks something that was asked for
	Notice  Severity = "note"    // it does not weaken the measurement
)

// Severities are all of them, the most severe first.
var Severities = []Severity{Fault, Warning, Notice}

// SeverityOf is the severity of what gave a measurement its grade.
func SeverityOf(g Grade) Severity {
	switch g {
	case Invalid:
		return Fault
	case Degraded:
		return Warning
	}
	return Notice
}

// or is the severity, or another one where it is none of them.
func (s Severity) or(other Severity) Severity {
	if slices.Contains(Severities, s) {
		return s
	}
	return other
}

// Weighed are diagnostics with the most severe first, and otherwise in the given order. One without a severity,
// from a run of an older version, is a note.
func Weighed(all []Diagnostic) []Diagnostic {
	sorted := append([]Diagnostic{}, all...)
	for i := range sorted {
		sorted[i].Severity = sorted[i].Severity.or(Notice)
	}
	slices.SortStableFunc(sorted, func(a, b Diagnostic) int {
		return cmp.Compare(slices.Index(Severities, a.Severity), slices.Index(Severities, b.Severity))
	})
	return sorted
}

// Milder is the less severe of two.
func (s Severity) Milder(than Severity) Severity {
	if slices.Index(Severities, than) > slices.Index(Severities, s) {
		return than
	}
	return s
}

// Tally is the number of diagnostics of each severity.
type Tally struct {
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Notes    int `json:"notes"`
}

// Count counts diagnostics.
func Count(all []Diagnostic) (t Tally) {
	for _, d := range all {
		switch d.Severity {
		case Fault:
			t.Errors++
		case Warning:
			t.Warnings++
		default:
			t.Notes++
		}
	}
	return t
}

// String is the tally in words, "1 error, 2 warnings"; "" if there is nothing to count.
func (t Tally) String() string {
	var parts []string
	for _, part := range []struct {
		n    int
		name Severity
	}{{t.Errors, Fault}, {t.Warnings, Warning}, {t.Notes, Notice}} {
		switch {
		case part.n == 1:
			parts = append(parts, "1 "+string(part.name))
		case part.n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", part.n, part.name))
		}
	}
	return strings.Join(parts, ", ")
}

// Diagnose adds a diagnostic of the cell, which leaves it at most the given grade.
func (c *Cell) Diagnose(g Grade, code, message, hint string) {
	c.Grade = c.Grade.Worse(g)
	c.Diagnostics = append(c.Diagnostics, Diagnostic{Code: code, Message: message, Hint: hint, Severity: SeverityOf(g)})
}
