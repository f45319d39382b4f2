package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"bench/experiments"
	"bench/internal/inert"
	"bench/internal/secret"
	"bench/reports/page"
	"bench/terminal"
)

// shell is what a command may touch of the outside world: its streams and the environment. It is the
// only place in the program where either is used.
type shell struct {
	out      io.Writer // data
	errs     io.Writer // messages and progress
	env      map[string]string
	terminal bool // whether errs is a terminal that can redraw a line
	live     bool // whether a run may be shown there by a view that is redrawn
	colour   bool // whether out is a terminal that shows colours
	// interactive means that a person sits at a terminal: both streams and the input are one.
	interactive bool
	in          io.Reader // that person's answers

	// While a command runs, out and errs make inert what comes from elsewhere, and take secrets out of it.
	// The streams themselves are for what has been treated already.
	stdout, stderr io.Writer
	showSecrets    bool
	view           terminal.View // of the run under way; nil: none yet
}

func environment(pairs []string) map[string]string {
	env := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		env[key] = value
	}
	return env
}

// run runs one command line and returns the exit code.
func (s *shell) run(ctx context.Context, args []string) (code int) {
	defer guardStreams(s)()
	root := newRootCommand(s)
	root.SetArgs(args)
	root.SetOut(s.out)
	root.SetErr(s.errs)
	defer endProgress(s) // also if the command panics
	err := root.ExecuteContext(ctx)
	endProgress(s)
	code = exitCode(ctx, err)
	if errors.Is(err, context.Canceled) {
		err = context.Cause(ctx) // the signal, not its effect on whatever was under way
	}
	if err != nil {
		fmt.Fprintf(s.errs, "bench: %v\n", err)
	}
	return code
}

// cacheDir is where installed tools and prepared apps are kept: the XDG cache folder.
func (s *shell) cacheDir() (string, error) {
	if dir := s.env["BENCH_CACHE"]; dir != "" {
		return filepath.Abs(dir)
	}
	if dir := s.env["XDG_CACHE_HOME"]; filepath.IsAbs(dir) {
		return filepath.Join(dir, "bench"), nil
	}
	if home := s.env["HOME"]; home != "" {
		return filepath.Join(home, ".cache", "bench"), nil
	}
	return "", usagef("no folder for the cache: set XDG_CACHE_HOME, HOME or BENCH_CACHE")
}

// user is the environment of the user's own programs, with the settings of git, pip and apt.
func (s *shell) user() (pairs []string) {
	for key, value := range s.env {
		pairs = append(pairs, key+"="+value)
	}
	return pairs
}

// servers is the part of the environment that servers get: enough to find programs and use UTF-8, and
// nothing that could be a secret.
func (s *shell) servers() (pairs []string) {
	for _, key := range []string{"HOME", "PATH", "TMPDIR", "USER"} {
		if value := s.env[key]; value != "" {
			pairs = append(pairs, key+"="+value)
		}
	}
	return append(pairs, "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC")
}

// experimentEnv is what an experiment may touch of the outside world. The command adds what only it
// knows: the engine, and the record of its flags.
func (s *shell) experimentEnv(o sharedFlags) (experiments.Env, error) {
	cache, err := s.cacheDir()
	if err != nil {
		return experiments.Env{}, err
	}
	services, err := o.services()
	if err != nil {
		return experiments.Env{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return experiments.Env{}, fmt.Errorf("finding the program's own path: %w", err)
	}
	env := experiments.Env{
		Version: version, Results: o.out, Cache: cache, Temporary: s.env["TMPDIR"], Path: s.env["PATH"],
		User: s.user(), Services: services, Servers: s.servers(), Keeper: []string{self, keeperCommand},
		Guard: o.guard(), SharedMachine: o.shared,
		Emit: progress(s).Show,
	}
	return env, o.fleet.place(s, &env)
}

// json writes a value to stdout.
func (s *shell) json(v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return s.raw(data)
}

// raw writes a JSON text without its secrets.
func (s *shell) raw(data []byte) error {
	if !s.showSecrets {
		data = secret.JSON(data)
	}
	_, err := s.stdout.Write(append(inert.JSON(data), '\n'))
	return err
}

// show prints the report of a run, and the path of its page.
func (s *shell) show(dir string, d page.Document, o sharedFlags) error {
	if err := errors.Join(s.job(d), printDocument(s, d, o)); err != nil {
		return err
	}
	fmt.Fprintf(s.errs, "bench: the report is %s\n", filepath.Join(dir, "report.html"))
	return nil
}

// printDocument prints the answer of a report, all of it, or its JSON.
func printDocument(s *shell, d page.Document, o sharedFlags) error {
	switch {
	case o.json:
		return page.JSON(s.stdout, d)
	case o.verbose:
		return page.Text(s.out, d)
	case s.colour:
		return page.Brief(s.stdout, d, true) // colours are control characters; its texts are inert
	}
	return page.Brief(s.out, d, false)
}

// job adds a report to the GitHub Actions job, if bench is a step of one.
func (s *shell) job(d page.Document) error {
	if s.env["GITHUB_ACTIONS"] == "true" {
		for _, line := range d.Annotations {
			fmt.Fprintln(s.stderr, line) // a command to GitHub, its texts made inert
		}
	}
	file := s.env["GITHUB_STEP_SUMMARY"]
	if file == "" {
		return nil
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		err = errors.Join(page.Markdown(f, d), f.Close())
	}
	if err != nil {
		return fmt.Errorf("writing the step summary: %w", err)
	}
	return nil
}

// conclude shows the report of a run and turns its outcome into the command's.
func (s *shell) conclude(r experiments.Result, err error, o sharedFlags) error {
	endProgress(s)
	if r.Document.Kind == "" { // nothing was measured, or it cannot be judged
		return err
	}
	shown := s.show(r.Dir, r.Document, o)
	return errors.Join(outcomeError(r.Outcome), err, shown)
}
