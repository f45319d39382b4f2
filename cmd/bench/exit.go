package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"bench/loadgen"
	"bench/loadgen/native"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
)

// Exit codes. Other programs rely on them.
const (
	exitOK           = 0
	exitInternal     = 1
	exitUsage        = 2 // usage or configuration
	exitRegression   = 3 // gate: regression; load: an objective missed
	exitInconclusive = 4
	exitInvalid      = 5 // run invalid or machine unfit
	exitBoot         = 6 // a topology failed to boot
	exitRefused      = 7 // preflight failed or target refused
	// 128 + signal: interrupted, partial results saved
)

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal syscall.Signal }

func (i interrupted) Error() string { return "interrupted by " + i.signal.String() }

// usageError is a mistake in the command line or a configuration file.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// codedError ends the program with a code of its own.
type codedError struct {
	code int
	err  error
}

func (e codedError) Error() string { return e.err.Error() }
func (e codedError) Unwrap() error { return e.err }

// exitCode says which code an error ends the program with.
func exitCode(ctx context.Context, err error) int {
	if i := (interrupted{}); errors.As(context.Cause(ctx), &i) {
		return 128 + int(i.signal)
	}
	var coded codedError
	var usage usageError
	var unknown *servers.UnknownTopologyError
	var parse *results.ParseError
	var boot *servers.BootError
	var prepare *servers.PrepareError
	var missing *servers.MissingToolError
	var config *servers.ConfigError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &boot), errors.As(err, &prepare), errors.As(err, &missing):
		return exitBoot
	case errors.Is(err, loadgen.ErrRefused), errors.Is(err, native.ErrTooFew), errors.Is(err, scenarios.ErrUnexpected):
		return exitRefused
	case errors.Is(err, scenarios.ErrTooFew), errors.Is(err, scenarios.ErrUnfit):
		return exitInvalid
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &usage), errors.As(err, &unknown), errors.As(err, &parse), errors.As(err, &config):
		return exitUsage
	}
	return exitInternal
}
