package experiments

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"bench/internal/proc"
	"bench/servers"
	"bench/servers/setup"
	"bench/targets/discover"
)

// Discovery is what a search for the app in a folder is given.
type Discovery struct {
	Dir      string // the folder to search
	Settings string // the settings module to use; empty: the likeliest
	// Choose asks which of several candidates is meant; nil: the first.
	Choose func(what string, candidates []discover.Candidate) (int, error)
}

// Discover finds the app in a folder, asks it for its routes and proposes how to measure it. Nothing in
// the folder is changed, and nothing is left running.
func (e Env) Discover(ctx context.Context, d Discovery) (p discover.Proposal, err error) {
	dir, err := filepath.Abs(d.Dir)
	if err == nil && !IsDir(dir) {
		err = fmt.Errorf("looking for an app in %s: it is not a folder", dir)
	}
	if err != nil {
		return p, Misuse(err)
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real // as the project's own settings name it
	}
	scratch, err := e.NewScratch("bench-init-")
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, scratch.Close()) }()
	site := &servers.Site{
		Host: servers.ThisHost(), Keeper: scratch.Keeper, Scratch: scratch.Dir, Locks: filepath.Join(e.Cache, "ports"),
		Say: e.Say,
	}
	site.Host.Env, site.Host.Tools = e.Servers, servers.Tools{}
	p, err = e.discover(ctx, discover.Search{
		Dir: dir, Settings: d.Settings, Choose: d.Choose, Scratch: scratch.Dir, Say: e.Say,
		User: variables(e.User), Env: e.Servers,
		Run: func(ctx context.Context, argv, env []string, dir string) (string, error) {
			return scratch.Keeper.Run(ctx, proc.Spec{Name: filepath.Base(argv[0]), Argv: argv, Env: env, Dir: dir})
		},
		Services: e.lending(site, dir),
		Copy: func(from string, state []string) (to string, err error) {
			to = filepath.Join(scratch.Dir, "copy")
			return to, errors.Join(os.RemoveAll(to), servers.CopyFolder(from, to, state))
		},
		Ask:    func(dir string, argv ...string) string { return e.output(ctx, dir, argv) },
		OnPath: func(name string) string { return servers.LookPath(name, e.Path) },
	})
	if err != nil && ctx.Err() == nil {
		err = &Error{Refused, err}
	}
	return p, err
}

// lending lets a search have servers of its own in place of those that the app in a folder asks.
func (e Env) lending(site *servers.Site, folder string) discover.Services {
	start := func(ctx context.Context, kind string, databases []string) (discover.Server, error) {
		lent, err := site.Lend(ctx, kind, folder, databases)
		var missing *servers.MissingServiceError
		if errors.As(err, &missing) {
			err = fmt.Errorf("it is not installed: run `%s`, then `bench init --force`", missing.Provided)
		}
		return discover.Server{URL: lent.URL, Settings: lent.Settings, Close: lent.Close}, err
	}
	return discover.Services{Start: start, Module: servers.ServicesModule()}
}

// discover tries the user's interpreters first, then an environment made from the project's list of
// packages, then bench's own.
func (e Env) discover(ctx context.Context, search discover.Search) (discover.Proposal, error) {
	lists := discover.PackageLists(search.Dir)
	if len(lists) == 0 {
		search.Own = e.ownInterpreter()
	}
	p, err := discover.Discover(ctx, search)
	var failed *discover.NotLoadedError
	if len(lists) == 0 || !errors.As(err, &failed) || failed.Failure.Module == "" {
		return p, err
	}
	var lacks error
	for _, name := range lists {
		if search.Made.Python, err = e.environmentFrom(ctx, filepath.Join(search.Dir, name)); err == nil {
			search.Made.List = name
			return discover.Discover(ctx, search)
		}
		lacks = errors.Join(lacks, fmt.Errorf("making an environment from %s: %w", name, err))
	}
	search.Own = e.ownInterpreter()
	if p, err := discover.Discover(ctx, search); err == nil {
		return p, nil
	}
	return p, errors.Join(failed, lacks)
}

// environmentFrom makes the environment of a list of packages.
func (e Env) environmentFrom(ctx context.Context, file string) (python string, err error) {
	list, err := setup.ReadRequirements(file)
	if err == nil && len(list.Lines) == 0 {
		err = errors.New("it names no package")
	}
	if err != nil {
		return "", err
	}
	e.Say("no interpreter has the project's packages: making an environment from " + file)
	return e.Environment(ctx, list, "")
}

// ownInterpreter is that of bench's own environment; empty if there is none yet.
func (e Env) ownInterpreter() string {
	if python := setup.Python(e.Cache, e.Path); strings.HasPrefix(python, e.Cache) {
		return python
	}
	return ""
}

// output is the first line that a program of the user's prints; empty if it fails, is not there, or takes
// too long.
func (e Env) output(ctx context.Context, dir string, argv []string) string {
	program := servers.LookPath(argv[0], e.Path)
	if program == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, argv[1:]...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = dir, e.User, &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.Output()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if err != nil {
		return ""
	}
	return line
}

func variables(pairs []string) map[string]string {
	env := map[string]string{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return env
}
