package experiments

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"bench/results"
	"bench/servers"
	"bench/servers/setup"
	"bench/targets"
)

// Host describes this machine with the tools that the topologies need.
func (e Env) Host(ctx context.Context, app targets.App, topologies []servers.Topology) (servers.Host, error) {
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
	var others []string
	for _, t := range topologies {
		definition, err := servers.Define(t)
		if err != nil {
			return host, Misuse(err)
		}
		tools, err := definition.Requires(host)
		if err != nil {
			return host, Misuse(err)
		}
		others = append(others, tools...)
	}
	var err error
	if host.Tools, err = servers.FindTools(ctx, python, e.programs(), others); err != nil {
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

// missing is the error that keeps a topology from being booted for the app, if any.
func missing(t servers.Topology, host servers.Host, app targets.App) error {
	d, err := servers.Define(t)
	if err != nil {
		return Misuse(err)
	}
	if err := d.Unfit(app, host); err != nil {
		return Misuse(err)
	}
	err = d.Missing(host)
	var tool *servers.MissingToolError
	if errors.As(err, &tool) {
		tool.ForInterpreter(app.Python)
	}
	return err
}

// Present lists the topologies of a group that can be booted here, and reports what the others lack. A
// missing package does not keep the rest from being compared.
func (e Env) Present(ctx context.Context, word string, app targets.App) (
	list string, left []results.Diagnostic, err error,
) {
	all, err := ParseTopologies(word, "")
	if err != nil {
		return "", nil, err
	}
	host, err := e.Host(ctx, app, all)
	if err != nil {
		return "", nil, err
	}
	var names []string
	var lacks error
	out := leftOut{}
	for _, t := range all {
		err := missing(t, host, app)
		if err == nil {
			names = append(names, t.Name)
			continue
		}
		lacks = cmp.Or(lacks, err)
		out.add(t.Name, err)
	}
	if len(names) == 0 {
		return "", nil, lacks
	}
	return strings.Join(names, ","), out.diagnostics(), nil
}

// Lacking is why the first of the topologies that cannot be booted here for the app cannot; nil: all can.
func (e Env) Lacking(ctx context.Context, app targets.App, topologies []servers.Topology) (*results.Diagnostic, error) {
	lacks, err := e.Unbootable(ctx, app, topologies)
	for i, lack := range lacks {
		if lack != nil {
			reason, hint := lackOf(lack)
			return &results.Diagnostic{Code: "left-out", Message: topologies[i].Name + ": " + reason, Hint: hint}, nil
		}
	}
	return nil, err
}

// Unbootable says of each topology what keeps it from being booted here for the app; nil: nothing known.
func (e Env) Unbootable(ctx context.Context, app targets.App, topologies []servers.Topology) ([]error, error) {
	host, err := e.Host(ctx, app, topologies)
	if err != nil {
		return nil, err
	}
	lacks := make([]error, len(topologies))
	for i, t := range topologies {
		lacks[i] = missing(t, host, app)
	}
	return lacks, nil
}

// Lack is why a topology was left out, in a few words, and what to do.
func Lack(err error) (reason, hint string) { return lackOf(err) }

// leftOut collects the topologies that cannot be booted, by what they lack.
type leftOut struct {
	reasons []string // in the order in which they came up
	names   map[string][]string
	hints   map[string]string
}

func (l *leftOut) add(name string, err error) {
	if l.names == nil {
		l.names, l.hints = map[string][]string{}, map[string]string{}
	}
	reason, hint := lackOf(err)
	if l.names[reason] == nil {
		l.reasons, l.hints[reason] = append(l.reasons, reason), hint
	}
	l.names[reason] = append(l.names[reason], name)
}

// diagnostics has one for each reason.
func (l *leftOut) diagnostics() (list []results.Diagnostic) {
	for _, reason := range l.reasons {
		verb := "was"
		if len(l.names[reason]) > 1 {
			verb = "were"
		}
		list = append(list, results.Diagnostic{
			Code: "left-out", Hint: l.hints[reason],
			Message: fmt.Sprintf("%s %s left out: %s", strings.Join(l.names[reason], ", "), verb, reason),
		})
	}
	return list
}

// lackOf is why a topology was left out, in a few words, and what to do. What bench installs only when asked
// for it by name is one reason: most machines lack most of it.
func lackOf(err error) (reason, hint string) {
	var unfit *servers.UnfitError
	if errors.As(err, &unfit) {
		return "the app has no " + unfit.Key, err.Error()
	}
	var tool *servers.MissingToolError
	if errors.As(err, &tool) {
		if tool.Optional() {
			return "not installed", "Install what you want to compare: bench setup --with NAME,…, or --with all."
		}
		return tool.Tool + " is not installed", err.Error()
	}
	return "it cannot be booted here", err.Error()
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
