package experiments

import (
	"context"
	"errors"
	"path/filepath"

	"bench/servers"
	"bench/servers/setup"
	"bench/targets"
)

// Host describes this machine with the tools that the topologies need.
func (e Env) Host(ctx context.Context, app targets.App, topologies []servers.Topology) (servers.Host, error) {
	tools, err := required(topologies)
	if err != nil {
		return servers.ThisHost(), err
	}
	return e.HostWith(ctx, app, tools)
}

// required are the tools that topologies need.
func required(topologies []servers.Topology) (all []string, err error) {
	for _, t := range topologies {
		definition, err := servers.Define(t)
		if err != nil {
			return nil, Misuse(err)
		}
		tools, err := definition.Requires(servers.ThisHost())
		if err != nil {
			return nil, Misuse(err)
		}
		all = append(all, tools...)
	}
	return all, nil
}

// HostWith describes this machine with those tools.
func (e Env) HostWith(ctx context.Context, app targets.App, tools []string) (servers.Host, error) {
	host := servers.ThisHost()
	host.Env = e.Servers
	python := app.Python
	if python != "" && servers.LookPath(python, e.Path) == "" {
		return host, Misusef("app.python: %s is not an executable program: want a Python interpreter", python)
	}
	if python == "" && app.Requirements != "" {
		list, err := setup.ReadRequirements(app.Requirements)
		if err != nil {
			return host, Misuse(err)
		}
		if python, err = e.Environment(ctx, list, ""); err != nil {
			return host, err
		}
	}
	if python == "" {
		python = setup.Python(e.Cache, e.Path)
	}
	var err error
	if host.Tools, err = servers.FindTools(ctx, python, e.programs(), tools); err != nil {
		return host, &Error{NotBooted, err}
	}
	return host, nil
}

// programs is where programs are looked for: on PATH, then in bench's own environment. A server that
// embeds an interpreter can run an app in another environment of the same version of Python.
func (e Env) programs() string {
	own := e.ownInterpreter()
	if own == "" {
		return e.Path
	}
	return e.Path + string(filepath.ListSeparator) + filepath.Dir(own)
}

// Rendered is the blueprint of a topology as it would be booted, with placeholders for the folder,
// the ports and the tools' paths.
func (e Env) Rendered(ctx context.Context, t servers.Topology, app targets.App) (servers.Blueprint, error) {
	app = e.served(app)
	app.Requirements = "" // nothing is installed: the interpreter's path is a placeholder anyway
	host, err := e.Host(ctx, app, []servers.Topology{t})
	if err != nil {
		return servers.Blueprint{}, err
	}
	if e.Fleet != nil {
		host.Placed = e.Fleet().Planned(host, processesOf(t))
	}
	return t.Canonical(app, host)
}

// Environment returns the interpreter of an environment with those packages, made from base.
func (e Env) Environment(ctx context.Context, list setup.Requirements, base string) (python string, err error) {
	do := setup.Setup{Cache: e.Cache, Path: e.Path, Env: e.User, Say: &lines{env: e}}
	if python, err = do.Environment(ctx, list, base); err != nil {
		return "", SetupError(err)
	}
	return python, nil
}

// SetupError is the reason why something could not be installed: a mistake in the request where a folder
// cannot hold it.
func SetupError(err error) error {
	var config *servers.ConfigError
	if errors.As(err, &config) {
		return Misuse(err)
	}
	return &Error{Refused, err}
}
