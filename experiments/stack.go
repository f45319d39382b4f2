package experiments

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/servers"
	"bench/targets"
)

// Stack is an app with a site to boot it on.
type Stack struct {
	Project targets.Project
	Site    *servers.Site
	Bundled bool // whether the app is the one that comes with bench
	scratch *Scratch
	fleet   Fleet // nil: its clusters run here
}

// Open gets everything ready to boot: keeper, tools, the app's files and its prepared state. The
// caller closes it.
func (e Env) Open(ctx context.Context, project targets.Project, topologies []servers.Topology,
	bootTimeout time.Duration) (*Stack, error) {
	project.App = e.served(project.App)
	if err := e.allowed(project.App, topologies); err != nil {
		return nil, err
	}
	onlyURLs := !slices.ContainsFunc(topologies, servers.Topology.Boots)
	if !onlyURLs {
		var err error
		if project.App, err = e.withSecrets(project.App); err != nil {
			return nil, err
		}
	}
	host, err := e.equipped(ctx, project.App, topologies)
	if err != nil {
		return nil, err
	}
	st, err := e.stack(project, host)
	if err != nil {
		return nil, err
	}
	st.Site.Timeout = bootTimeout
	if onlyURLs {
		if st.Bundled {
			// Whatever is running there, it is not the bundled project.
			st.Project.App = targets.App{Health: "/"}
		}
		return st, nil
	}
	if err := e.ready(ctx, st, topologies); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return st, nil
}

// allowed refuses running servers that may not be asked, and what cannot run on the hosts of the fleet.
func (e Env) allowed(app targets.App, topologies []servers.Topology) error {
	for _, t := range topologies {
		if target := t.Target(); target != "" {
			if err := e.Guard.Check(target); err != nil {
				return err
			}
		}
	}
	return e.Placeable(app, topologies)
}

// equipped is this machine with what the topologies need; hosts of a fleet say themselves what they lack.
func (e Env) equipped(ctx context.Context, app targets.App, topologies []servers.Topology) (servers.Host, error) {
	if e.Fleet != nil {
		return e.Host(ctx, app, nil)
	}
	host, err := e.Host(ctx, app, topologies)
	for i := 0; err == nil && i < len(topologies); i++ {
		err = missing(topologies[i], host, app)
	}
	return host, err
}

// ready prepares the app, and brings it to where it will be booted.
func (e Env) ready(ctx context.Context, st *Stack, topologies []servers.Topology) error {
	err := e.prepareApp(ctx, st)
	switch {
	case err == nil && e.Fleet != nil:
		err = e.settle(ctx, st, topologies)
	case err == nil:
		st.Site.DropPrivileges(ctx, st.Project.App)
	}
	for _, d := range st.Site.Notes {
		e.Warn(d)
	}
	for i := 0; err == nil && i < len(topologies); i++ {
		err = st.Site.Check(topologies[i], st.Project.App)
	}
	return err
}

// stack starts the keeper and creates a scratch folder.
func (e Env) stack(project targets.Project, host servers.Host) (*Stack, error) {
	scratch, err := e.NewScratch("bench-")
	if err != nil {
		return nil, err
	}
	if host.Tools, err = host.Tools.Plain(scratch.Dir); err != nil {
		return nil, errors.Join(err, scratch.Close())
	}
	return &Stack{Project: project, scratch: scratch, Bundled: project.App.Dir == "", Site: &servers.Site{
		Host: host, Keeper: scratch.Keeper, Scratch: scratch.Dir,
		Locks: filepath.Join(e.Cache, "ports"), Cache: e.Cache, Dial: e.Guard.Dialer(net.Dialer{}), Say: e.Say,
	}}, nil
}

// prepareApp runs the app's preparation. The result for the bundled project is kept in the cache,
// under a name made from the project's content, the interpreter and the framework.
func (e Env) prepareApp(ctx context.Context, st *Stack) error {
	fresh := filepath.Join(st.scratch.Dir, "prepared")
	if st.Project.App.Dir == "" && len(st.Project.App.Services) > 0 { // what services hold is not kept
		st.Project.App.Dir, st.Project.App.Owned = filepath.Join(fresh, "src"), true
		if err := targets.WriteBundled(st.Project.App.Dir); err != nil {
			return fmt.Errorf("writing the bundled project: %w", err)
		}
	}
	if st.Project.App.Dir != "" {
		return st.Site.Prepare(ctx, st.Project.App, fresh)
	}
	unlock, err := servers.LockFile(ctx, filepath.Join(e.Cache, "app.lock"), func() {
		e.Say("waiting for another bench process to prepare the bundled project")
	})
	if err != nil {
		return err
	}
	defer unlock()
	kept := filepath.Join(e.Cache, fmt.Sprintf("app-%s-%s", targets.BundledHash(), st.Site.Host.Tools.Runtime()))
	st.Project.App.Dir, st.Project.App.Owned = filepath.Join(kept, "src"), true
	ready := filepath.Join(kept, "ready")
	if _, err := os.Stat(ready); err == nil {
		st.Site.Host.State, st.Site.Host.Build = filepath.Join(kept, "state"), filepath.Join(kept, "build")
		return nil
	}
	e.Say("preparing the bundled Django project (once)")
	if err := os.RemoveAll(kept); err != nil {
		return fmt.Errorf("preparing the bundled project: %w", err)
	}
	if err := targets.WriteBundled(st.Project.App.Dir); err != nil {
		return fmt.Errorf("writing the bundled project: %w", err)
	}
	if err := st.Site.Prepare(ctx, st.Project.App, kept); err != nil {
		return err
	}
	return results.WriteFile(ready, nil)
}

// served is the app with the services that were asked for.
func (e Env) served(app targets.App) targets.App {
	if len(e.Services) > 0 {
		app.Services = e.Services
	}
	return app
}

// From is what sends the load, and single requests, if the stack has hosts of its own; nil: this machine does.
func (st *Stack) From() (loadgen.Measurer, http.RoundTripper) {
	if st.fleet == nil {
		return nil, nil
	}
	return st.fleet.Measurer(), st.fleet
}

// Close stops everything that is still running and removes the scratch folder. It may be called more
// than once.
func (st *Stack) Close() error {
	if st.fleet == nil {
		return st.scratch.Close()
	}
	return errors.Join(st.fleet.Close(), st.scratch.Close())
}
