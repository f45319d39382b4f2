package experiments

import "fmt"

// Outcome is what a run comes to, for programs that act on it.
type Outcome string

// Outcomes.
const (
	Passed       Outcome = "passed"
	Regression   Outcome = "regression"   // or an objective missed
	Inconclusive Outcome = "inconclusive" // within the budget
	Invalid      Outcome = "invalid"      // no valid measurement: the run is void, or the machine unfit
	NotBooted    Outcome = "not-booted"   // a topology could not be started
	Refused      Outcome = "refused"      // preflight failed, or a target or a set-up was refused
	Misused      Outcome = "misused"      // a mistake in what was asked for, or in a configuration file
)

// Error is an error that comes to an outcome of its own; any other one is internal.
type Error struct {
	Outcome Outcome
	Err     error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Misuse is a mistake in what was asked for.
func Misuse(err error) error { return &Error{Misused, err} }

// Misusef is a mistake in what was asked for, in words.
func Misusef(format string, args ...any) error { return Misuse(fmt.Errorf(format, args...)) }
