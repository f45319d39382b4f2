package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"bench/internal/proc"
	"bench/results"

	"github.com/spf13/cobra"
)

// shell is what a command may touch of the world: its streams and the environment. It is
// the only place in the program where either is read.
type shell struct {
	out      io.Writer // data
	errs     io.Writer // messages and progress
	env      map[string]string
	terminal bool // errs is a terminal that can redraw a line
}

func environment(pairs []string) map[string]string {
	env := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		env[key] = value
	}
	return env
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// run runs one command line and returns the exit code.
func (s *shell) run(ctx context.Context, args []string) int {
	root := s.rootCommand()
	root.SetArgs(args)
	root.SetOut(s.out)
	root.SetErr(s.errs)
	err := root.ExecuteContext(ctx)
	code := exitCode(ctx, err)
	if errors.Is(err, context.Canceled) {
		err = context.Cause(ctx) // the signal, not what it did to whatever was under way
	}
	if err != nil {
		fmt.Fprintf(s.errs, "bench: %s\n", results.Plain(err.Error())) // it may quote a server's log
	}
	return code
}

// keeperCommand is the hidden command that runs the keeper process.
const keeperCommand = "keep-watch"

func (s *shell) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "bench",
		Short: "Compare the ways to deploy a Django app, under real load",
		Long: `bench boots the real ways to deploy a Django app (runserver, prefork uWSGI, nginx in
front of a uWSGI cluster, and your own), drives each with the same load, and says with
honest uncertainty which is better, by how much and why.

Exit codes: 0 success, 1 internal error, 2 usage or configuration, 3 gate regression or
objective missed, 4 inconclusive, 5 run invalid, 6 a topology failed to boot, 7 preflight
failed or target refused, 130 and 143 interrupted with partial results saved.`,
		Example: `  bench setup                                   # install what is missing
  bench compare --topologies all                # the main job, about three minutes
  bench compare --topologies all --quick        # the same within a minute
  bench compare --app ../mysite --topologies uwsgi:workers=4,uwsgi:workers=8
  bench report bench-runs/<run>                 # make a run's reports again`,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			text := fmt.Sprintf("unknown command %q", args[0])
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				text += fmt.Sprintf("; did you mean %s?", strings.Join(near, " or "))
			}
			return usagef("%s; `bench --help` lists the commands", text)
		},
		PersistentPreRunE: func(c *cobra.Command, _ []string) error { return s.settle(c) },
	}
	root.Args = cobra.ArbitraryArgs
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(
		s.compareCommand(), s.gateCommand(), s.capacityCommand(), s.historyCommand(), s.trendCommand(), s.reportCommand(), s.loadCommand(), s.topologiesCommand(), s.renderCommand(),
		s.upCommand(), s.setupCommand(), s.doctorCommand(), s.selftestCommand(), s.versionCommand(),
		s.nullServerCommand(), keepCommand(),
	)
	for _, c := range root.Commands() {
		c.Args = usageArgs(c.Args)
	}
	return root
}

// usageArgs gives mistakes in the arguments the exit code of mistakes in the flags.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	if check == nil {
		check = cobra.NoArgs
	}
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usageError{err}
		}
		return nil
	}
}

func keepCommand() *cobra.Command {
	return &cobra.Command{
		Use: keeperCommand, Hidden: true, Args: cobra.NoArgs,
		Run: func(c *cobra.Command, _ []string) { proc.Keep(c.InOrStdin()) },
	}
}

// cacheDir is where set-up and prepared apps are kept: XDG's cache folder.
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

// baseEnv is the part of the environment that servers get: enough to find programs and
// speak UTF-8, and nothing that could be a secret.
func (s *shell) baseEnv() []string {
	var env []string
	for _, key := range []string{"HOME", "PATH", "TMPDIR", "USER"} {
		if value := s.env[key]; value != "" {
			env = append(env, key+"="+value)
		}
	}
	return append(env, "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC")
}
