package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"bench/experiments"
	"bench/internal/inert"
	"bench/results"
	"bench/targets"
	"bench/targets/discover"

	"github.com/spf13/cobra"
)

// initOptions are the flags of bench init.
type initOptions struct {
	sharedFlags
	dir      string
	settings string
	yes      bool
	force    bool
}

func newInitCommand(s *shell) *cobra.Command {
	var o initOptions
	c := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Find the app in this folder, ask it for its routes, and write a bench.yaml",
		Long: `init finds manage.py or a WSGI or ASGI application, its settings, the interpreter that has its
packages, and its database; asks its routes once each, in that interpreter and on a copy of the
database; and writes a short, commented bench.yaml with a mix of what answers. It says what it did
not know. It changes nothing else in the folder.`,
		Example: `  bench init                                # asks where there is a choice
  bench init --yes && bench compare --quick # takes the likeliest
  bench init --settings mysite.settings.production
  bench init services/shop --dry-run        # prints the file`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.dir = cmp.Or(strings.Join(args, ""), ".")
			return runInit(c.Context(), s, c.InOrStdin(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.settings, "settings", "", "settings `MODULE` (default: production-like ones first)")
	f.BoolVar(&o.yes, "yes", false, "ask nothing: take the likeliest")
	f.BoolVar(&o.force, "force", false, "overwrite an existing bench.yaml")
	o.add(c, "dry-run", "json")
	return c
}

func runInit(ctx context.Context, s *shell, in io.Reader, o initOptions) error {
	path := filepath.Join(o.dir, targets.ProjectFile)
	if _, err := os.Lstat(path); err == nil && !o.force && !o.dryRun {
		return usagef("writing %s: it exists already; --force overwrites it, --dry-run prints the new one", path)
	}
	env, err := s.experimentEnv(o.sharedFlags)
	if err != nil {
		return err
	}
	d := experiments.Discovery{Dir: o.dir, Settings: o.settings}
	if !o.yes && s.terminal {
		d.Choose = chooser(s.errs, in)
	}
	found, err := env.Discover(ctx, d)
	if err != nil {
		return err
	}
	if o.json {
		if err := s.json(map[string]any{"schema": "bench.init/1", "proposal": found, "file": found.YAML()}); err != nil {
			return err
		}
	}
	if o.dryRun {
		if !o.json {
			_, err = io.WriteString(s.out, found.YAML())
		}
		return err
	}
	if err := results.WriteFile(path, []byte(found.YAML())); err != nil {
		return err
	}
	printInit(s, path, found)
	return printBootable(ctx, s, env, o.dir)
}

// printBootable says what bench compare will find on this machine, in the environment that the file names.
func printBootable(ctx context.Context, s *shell, env experiments.Env, dir string) error {
	project, err := targets.LoadProject(dir)
	if err != nil {
		return err
	}
	present, left, err := env.Bootable(ctx, experiments.AllTopologies, project.App)
	if err != nil {
		return err
	}
	if len(present) > 1 {
		fmt.Fprintf(s.errs, "bench: it will compare %s; next: bench compare --quick\n", strings.Join(present, ", "))
		return nil
	}
	fmt.Fprintf(s.errs, "bench: before a comparison, which takes two topologies:\n")
	for _, d := range left {
		fmt.Fprintf(s.errs, "  %s\n", inert.Text(d.Sentences()))
	}
	return nil
}

func printInit(s *shell, path string, found discover.Proposal) {
	for _, line := range found.Summary() {
		fmt.Fprintf(s.errs, "bench: %s\n", inert.Text(line))
	}
	for _, note := range found.Notes {
		fmt.Fprintf(s.errs, "bench: not known: %s\n", inert.Text(note))
	}
	fmt.Fprintf(s.errs, "bench: wrote %s with a mix of %d requests\n", path, len(found.Mix))
}

// chooser asks on the terminal. An empty line takes the first candidate.
func chooser(out io.Writer, in io.Reader) func(string, []discover.Candidate) (int, error) {
	lines := bufio.NewScanner(in)
	return func(what string, candidates []discover.Candidate) (int, error) {
		fmt.Fprintf(out, "several %s:\n", what)
		for i, c := range candidates {
			fmt.Fprintf(out, "  %d  %s (%s)\n", i+1, c.Name, c.Why)
		}
		for {
			fmt.Fprintf(out, "which one? [1] ")
			if !lines.Scan() {
				return 0, errors.Join(usagef("choosing among %s: no answer; --yes takes the first", what), lines.Err())
			}
			text := strings.TrimSpace(lines.Text())
			if text == "" {
				return 0, nil
			}
			if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= len(candidates) {
				return n - 1, nil
			}
		}
	}
}
