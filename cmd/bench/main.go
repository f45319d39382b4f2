// Command bench starts the real servers that can deploy a Django app, drives each with the same load,
// and reports which is better, by how much and why.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"bench/terminal"
)

func main() {
	os.Exit(program())
}

// program runs bench with the process's own streams and environment.
func program() int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	log.SetOutput(io.Discard) // net/http's: a line for each stray response, which loads count
	s := &shell{out: os.Stdout, errs: os.Stderr, in: os.Stdin, env: environment(os.Environ())}
	s.interactive = isTerminal(os.Stdin) && isTerminal(os.Stdout) && isTerminal(os.Stderr)
	s.terminal = isTerminal(os.Stderr) && s.env["TERM"] != "dumb"
	s.colour = isTerminal(os.Stdout) && s.env["TERM"] != "dumb" && s.env["NO_COLOR"] == ""
	go interrupts(cancel, s)
	return s.run(ctx, os.Args[1:])
}

// interrupts ends the work in an orderly way at the first SIGINT, SIGTERM or SIGHUP, and at once at the
// second: the keeper then kills what is left. Under nohup, a terminal that closes ends nothing.
func interrupts(cancel context.CancelCauseFunc, s *shell) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	first := (<-signals).(syscall.Signal)
	cancel(interrupted{first})
	second := (<-signals).(syscall.Signal)
	if s.terminal {
		terminal.Restore(os.Stderr)
	}
	os.Exit(128 + int(second))
}
