package experiments

import (
	"fmt"

	"bench/reports/page"
)

// Verdicts of experiments that ended before there was anything to report, in addition to those of a
// report.
const (
	NotBooted page.Verdict = "not-booted" // a topology could not be started
	Refused   page.Verdict = "refused"    // preflight failed, or a target or set-up was refused
	Misused   page.Verdict = "misused"    // a mistake in the request or in a configuration file
)

// Error is an error with a verdict of its own; any other error is internal.
type Error struct {
	Verdict page.Verdict
	Err     error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Misuse is a mistake in the request.
func Misuse(err error) error { return &Error{Misused, err} }

// Misusef is a mistake in the request, as a formatted message.
func Misusef(format string, args ...any) error { return Misuse(fmt.Errorf(format, args...)) }

// Invalidf is the reason why there is no valid measurement: the run is void, or the machine unfit.
func Invalidf(format string, args ...any) error {
	return &Error{page.Invalid, fmt.Errorf(format, args...)}
}
