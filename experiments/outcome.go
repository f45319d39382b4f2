package experiments

import (
	"fmt"

	"bench/reports/page"
)

// Verdicts of what ended before there was anything to report, beside those that a report has.
const (
	NotBooted page.Verdict = "not-booted" // a topology could not be started
	Refused   page.Verdict = "refused"    // preflight failed, or a target or a set-up was refused
	Misused   page.Verdict = "misused"    // a mistake in what was asked for, or in a configuration file
)

// Error is an error that comes to a verdict of its own; any other one is internal.
type Error struct {
	Verdict page.Verdict
	Err     error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Misuse is a mistake in what was asked for.
func Misuse(err error) error { return &Error{Misused, err} }

// Misusef is a mistake in what was asked for, in words.
func Misusef(format string, args ...any) error { return Misuse(fmt.Errorf(format, args...)) }

// Invalidf says why there is no valid measurement: the run is void, or the machine unfit.
func Invalidf(format string, args ...any) error {
	return &Error{page.Invalid, fmt.Errorf(format, args...)}
}
