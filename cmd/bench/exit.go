package main

import (
	"cmp"
	"context"
	"errors"
	"syscall"

	"bench/experiments"
	"bench/fleet"
	"bench/fleet/jobs"
	"bench/fleet/link"
	"bench/loadgen"
	"bench/reports/page"
	"bench/results"
	"bench/scenarios"
	"bench/servers"

	"golang.org/x/sys/unix"
)

// Exit codes. Other programs rely on them.
const (
	exitOK           = 0
	exitInternal     = 1
	exitUsage        = 2 // usage or configuration
	exitRegression   = 3 // gate: regression; load: an objective missed
	exitInconclusive = 4 // gate: nothing proven; load: an objective undecided
	exitInvalid      = 5 // run invalid or machine unfit
	exitBoot         = 6 // a topology failed to boot
	exitRefused      = 7 // preflight failed, target refused, or too few file descriptors or ports
	exitLikely       = 8 // gate: a regression is likely, but was not proven twice within the budget
	// 128 + signal: interrupted, partial results saved
)

// exitCodes is their description in the help.
const exitCodes = `Exit codes: 0 success, 1 internal error, 2 usage or configuration, 3 gate regression or
objective missed, 4 gate inconclusive or objective undecided, 5 run invalid or machine unfit,
6 a topology failed to boot, 7 preflight failed, target refused, or too few file descriptors
or ports, 8 gate: a regression is likely but not proven twice, 129, 130 and 143 interrupted
with partial results saved.`

// codes is the exit code of every verdict.
var codes = map[page.Verdict]int{
	page.Passed:           exitOK,
	page.Degraded:         exitOK,
	experiments.Misused:   exitUsage,
	page.Regressed:        exitRegression,
	page.Inconclusive:     exitInconclusive,
	page.Likely:           exitLikely,
	page.Invalid:          exitInvalid,
	experiments.NotBooted: exitBoot,
	experiments.Refused:   exitRefused,
}

// failures are errors with an exit code of their own, in order of precedence: what prevented a
// measurement comes before what the measurements say.
var failures = []struct {
	within func(error) bool
	code   int
}{
	{as[*servers.BootError], exitBoot},
	{as[*servers.PrepareError], exitBoot},
	{as[*servers.MissingToolError], exitBoot},
	{is(fleet.ErrNotStarted), exitBoot},
	{is(link.ErrUnreachable), exitBoot},
	{is(link.ErrRefused), exitRefused},
	{is(loadgen.ErrRefused), exitRefused},
	{is(fleet.ErrUnfit), exitRefused},
	{is(jobs.ErrNotOver), exitInvalid},
	{is(loadgen.ErrTooFew), exitRefused},
	{is(scenarios.ErrUnexpected), exitRefused},
	{is(scenarios.ErrTooFew), exitInvalid},
	{is(fleet.ErrLost), exitInvalid},
	{is(scenarios.ErrUnfit), exitInvalid},
}

// mistakes are errors in a text that the user wrote.
var mistakes = []func(error) bool{
	as[*servers.UnknownTopologyError], as[*results.ParseError], as[*servers.ConfigError], as[*servers.UnfitError],
	is(jobs.ErrUnknown),
}

func as[E error](err error) bool {
	var target E
	return errors.As(err, &target)
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// exitCode is the code with which an error ends the program.
func exitCode(ctx context.Context, err error) int {
	if i := (interrupted{}); errors.As(context.Cause(ctx), &i) {
		return 128 + int(i.signal)
	}
	if err == nil {
		return exitOK
	}
	if e := (*jobError)(nil); errors.As(err, &e) {
		return e.code
	}
	for _, failure := range failures {
		if failure.within(err) {
			return failure.code
		}
	}
	if e := (*experiments.Error)(nil); errors.As(err, &e) {
		return cmp.Or(codes[e.Verdict], exitInternal) // an error never passes
	}
	for _, mistake := range mistakes {
		if mistake(err) {
			return exitUsage
		}
	}
	return exitInternal
}

// outcomeError is the outcome of a run as an error; nil for one that exits with 0.
func outcomeError(o page.Outcome) error {
	if codes[o.Verdict] == exitOK {
		return nil
	}
	return &experiments.Error{Verdict: o.Verdict, Err: errors.New(o.Reason)}
}

// interrupted is the cause of a context that was ended by a signal.
type interrupted struct{ signal syscall.Signal }

func (i interrupted) Error() string { return "interrupted by " + unix.SignalName(i.signal) }

// usagef is a mistake in the command line or a configuration file.
func usagef(format string, args ...any) error { return experiments.Misusef(format, args...) }
