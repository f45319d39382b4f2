package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"bench/experiments"
	"bench/loadgen"
	"bench/reports/page"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
)

func TestExitCodes(t *testing.T) {
	interrupt, cancel := context.WithCancelCause(t.Context())
	cancel(interrupted{syscall.SIGINT})
	_, parse := results.ParseObjectives("p99<")
	for _, row := range []struct {
		says string
		ctx  context.Context
		err  error
		want int
	}{
		{"nothing is wrong", t.Context(), nil, 0},
		{"an unforeseen error", t.Context(), errors.New("boom"), 1},
		{"a verdict that is not in the table", t.Context(),
			&experiments.Error{Verdict: "odd", Err: errors.New("boom")}, 1},
		{"a mistake in a flag", t.Context(), usagef("--seed"), 2},
		{"a mistake in a text, wrapped", t.Context(), fmt.Errorf("x: %w", parse), 2},
		{"a result with reservations", t.Context(), outcomeError(page.Outcome{Verdict: page.Degraded}), 0},
		{"a regression", t.Context(), outcomeError(page.Outcome{Verdict: page.Regressed, Reason: "slower"}), 3},
		{"nothing proven", t.Context(), outcomeError(page.Outcome{Verdict: page.Inconclusive}), 4},
		{"a machine that cannot be measured on", t.Context(), fmt.Errorf("x: %w", scenarios.ErrUnfit), 5},
		{"a server that does not boot", t.Context(), &servers.BootError{}, 6},
		{"a failed boot takes precedence over a verdict", t.Context(), errors.Join(
			outcomeError(page.Outcome{Verdict: page.Invalid}), &servers.BootError{}), 6},
		{"a target that is not allowed", t.Context(), fmt.Errorf("x: %w", loadgen.ErrRefused), 7},
		{"Ctrl-C, whatever the error", interrupt, errors.New("boom"), 130},
		{"Ctrl-C, even if all was done", interrupt, nil, 130},
	} {
		if code := exitCode(row.ctx, row.err); code != row.want {
			t.Errorf("%s: exit code %d; want %d", row.says, code, row.want)
		}
	}
}
