package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/servers"
	"bench/servers/setup"
	"bench/targets"
)

// stack is what the commands that boot something share: an app and a site to boot it on.
type stack struct {
	project targets.Project
	site    *servers.Site
	scratch string
	bundled bool // the app is the one that comes with bench

	closeOnce sync.Once
	closeErr  error
}

// loadProject reads the app's bench.yaml: that of the folder named; without a name that of this
// folder, if it describes an app; else the bundled project's.
func loadProject(dir string) (targets.Project, error) {
	if dir == "" && isFile(targets.ProjectFile) {
		if project, err := targets.LoadProject("."); err != nil {
			return project, usageError{err}
		} else if project.App.WSGI != "" {
			dir = "."
		}
	}
	if dir == "" || dir == bundledName {
		return targets.Bundled()
	}
	project, err := targets.LoadProject(dir)
	if err == nil {
		err = project.App.Validate()
	}
	if err != nil {
		return project, usageError{err}
	}
	return project, nil
}

// host describes this machine with the tools that the topologies need.
func (s *shell) host(ctx context.Context, app targets.App, topologies []servers.Topology) (servers.Host, error) {
	host := servers.ThisHost()
	host.Env = s.baseEnv()
	cache, err := s.cacheDir()
	if err != nil {
		return host, err
	}
	python := app.Python
	if python != "" && servers.LookPath(python, s.env["PATH"]) == "" {
		return host, usagef("app.python: %s is no program that can be run", python)
	}
	if python == "" && app.Requirements != "" {
		list, err := setup.ReadRequirements(app.Requirements)
		if err != nil {
			return host, usageError{err}
		}
		if python, err = s.environment(ctx, list, ""); err != nil {
			return host, err
		}
	}
	if python == "" {
		python = setup.Python(cache, s.env["PATH"])
	}
	var others []string
	for _, t := range topologies {
		definition, err := servers.Define(t)
		if err != nil {
			return host, usageError{err}
		}
		others = append(others, definition.Tools...)
	}
	if host.Tools, err = servers.FindTools(ctx, python, s.env["PATH"], others); err != nil {
		return host, codedError{exitBoot, err}
	}
	return host, nil
}

// openStack gets everything ready to boot: keeper, tools, the app's files and its prepared
// state. The caller closes it.
func (s *shell) openStack(ctx context.Context, project targets.Project, topologies []servers.Topology, bootTimeout time.Duration, guard loadgen.Guard) (*stack, error) {
	for _, t := range topologies {
		if target := t.Target(); target != "" {
			if err := guard.Check(target); err != nil {
				return nil, err
			}
		}
	}
	host, err := s.host(ctx, project.App, topologies)
	if err != nil {
		return nil, err
	}
	for _, t := range topologies {
		if err := missing(t, host, project.App); err != nil {
			return nil, err
		}
	}
	cache, err := s.cacheDir()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the program's own path: %w", err)
	}
	scratch, err := os.MkdirTemp(s.env["TMPDIR"], "bench-")
	if err == nil {
		scratch, err = filepath.Abs(scratch) // the keeper is in another folder
	}
	if err != nil {
		return nil, fmt.Errorf("making a scratch folder: %w", err)
	}
	keeper, err := servers.NewKeeper([]string{self, keeperCommand})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(scratch))
	}
	if err := keeper.Scratch(scratch); err != nil {
		return nil, errors.Join(err, keeper.Close(), os.RemoveAll(scratch))
	}
	st := &stack{project: project, scratch: scratch, bundled: project.App.Dir == "", site: &servers.Site{
		Host: host, Keeper: keeper, Scratch: scratch, Timeout: bootTimeout,
		Locks: filepath.Join(cache, "ports"), Dial: guard.Dialer(net.Dialer{}),
	}}
	onlyURLs := !slices.ContainsFunc(topologies, servers.Topology.Boots)
	if onlyURLs {
		if st.bundled {
			st.project.App.Name, st.project.App.WSGI, st.project.App.Health = "", "", "/" // not the bundled one
		}
		return st, nil
	}
	err = s.prepareApp(ctx, st)
	for i := 0; err == nil && i < len(topologies); i++ {
		err = st.site.Check(topologies[i], st.project.App)
	}
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return st, nil
}

// missing says what keeps a topology from being booted for the app.
func missing(t servers.Topology, host servers.Host, app targets.App) error {
	d, err := servers.Define(t)
	if err != nil {
		return usageError{err}
	}
	err = d.Missing(host)
	var tool *servers.MissingToolError
	if errors.As(err, &tool) {
		tool.ForInterpreter(app.Python)
	}
	return err
}

// allTopologies stands for the embedded topologies whose tools are here.
const allTopologies = "all"

// present lists the embedded topologies that can be booted here, and says of the others what
// they lack. That one package is missing does not keep the rest from being compared.
func (s *shell) present(ctx context.Context, app targets.App) (list string, left []results.Cause, err error) {
	all, err := parseTopologies(allTopologies, "")
	if err != nil {
		return "", nil, err
	}
	host, err := s.host(ctx, app, all)
	if err != nil {
		return "", nil, err
	}
	var names []string
	var lacks error
	for _, t := range all {
		err := missing(t, host, app)
		if err == nil {
			names = append(names, t.Name)
			continue
		}
		lacks = cmp.Or(lacks, err)
		fmt.Fprintf(s.errs, "bench: left out: %v\n", err)
		left = append(left, results.Cause{
			Code: "left-out", Message: fmt.Sprintf("%s was left out: a tool is missing", t.Name), Remedy: err.Error(),
		})
	}
	if len(names) == 0 {
		return "", nil, lacks
	}
	return strings.Join(names, ","), left, nil
}

// prepareApp runs the app's preparation. The bundled project's result is kept in the
// cache, named by the project's content and the versions of Python and Django.
func (s *shell) prepareApp(ctx context.Context, st *stack) error {
	if st.project.App.Dir != "" {
		return st.site.Prepare(ctx, st.project.App, filepath.Join(st.scratch, "prepared"))
	}
	cache, err := s.cacheDir()
	if err != nil {
		return err
	}
	unlock, err := servers.LockFile(ctx, filepath.Join(cache, "app.lock"), func() {
		fmt.Fprintln(s.errs, "bench: waiting for another bench that prepares the bundled project")
	})
	if err != nil {
		return err
	}
	defer unlock()
	versions := st.site.Host.Tools.Versions()
	kept := filepath.Join(cache, fmt.Sprintf("app-%s-py%s-dj%s", targets.BundledHash(), versions["python"], versions["django"]))
	st.project.App.Dir = filepath.Join(kept, "src")
	ready := filepath.Join(kept, "ready")
	if _, err := os.Stat(ready); err == nil {
		st.site.Host.State, st.site.Host.Build = filepath.Join(kept, "state"), filepath.Join(kept, "build")
		return nil
	}
	fmt.Fprintln(s.errs, "bench: preparing the bundled Django project (once)")
	if err := os.RemoveAll(kept); err != nil {
		return fmt.Errorf("preparing the bundled project: %w", err)
	}
	if err := targets.WriteBundled(st.project.App.Dir); err != nil {
		return fmt.Errorf("writing the bundled project: %w", err)
	}
	if err := st.site.Prepare(ctx, st.project.App, kept); err != nil {
		return err
	}
	return results.WriteFile(ready, nil)
}

// Close ends everything that still runs and removes the scratch folder. It may be called
// more than once.
func (st *stack) Close() error {
	st.closeOnce.Do(func() {
		st.closeErr = errors.Join(st.site.Keeper.Close(), os.RemoveAll(st.scratch))
	})
	return st.closeErr
}

// parseTopologies reads a --topologies list: names separated by commas, where a comma
// within parameters belongs to the parameters ("uwsgi:workers=2,threads=4,runserver").
func parseTopologies(text string, profile string) ([]servers.Topology, error) {
	if text == allTopologies {
		text = strings.Join(servers.Names(), ",")
	}
	var words []string
	for part := range strings.SplitSeq(text, ",") {
		if len(words) > 0 && strings.Contains(part, "=") && !strings.Contains(part, ":") && strings.Contains(words[len(words)-1], ":") {
			words[len(words)-1] += "," + part
			continue
		}
		words = append(words, strings.TrimSpace(part))
	}
	var list []servers.Topology
	for _, word := range words {
		t, err := servers.ParseTopology(word)
		if err != nil {
			return nil, usageError{err}
		}
		if profile != "" && t.Param("profile") == "" {
			t = t.With("profile", profile)
		}
		if _, err := servers.Define(t); err != nil {
			return nil, usageError{err}
		}
		list = append(list, t)
	}
	return list, nil
}
