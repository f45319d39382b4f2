package setup

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bench/servers"
)

// with holds a list of pinned packages, each named by its hashes, for each tool that Run installs from
// PyPI where it is asked for.
//
//go:embed with/*.txt
var with embed.FS

// Optional lists the tools that the named topologies, or tools, need and Run does not install by itself.
// The names may be all or popular.
func Optional(names []string) (tools []string, err error) {
	host := servers.ThisHost()
	for _, name := range names {
		group := map[string][]string{"all": servers.Lineup(), "popular": servers.Popular()}[name]
		if group == nil {
			group = []string{name}
		}
		for _, name := range group {
			needed := []string{name}
			if !optional(name) {
				t, err := servers.ParseTopology(name)
				if err != nil {
					return nil, err
				}
				definition, err := servers.Define(t)
				if err != nil {
					return nil, err
				}
				if needed, err = definition.Requires(host); err != nil {
					return nil, err
				}
			}
			tools = append(tools, slices.DeleteFunc(needed, func(tool string) bool {
				return !optional(tool) || slices.Contains(tools, tool)
			})...)
		}
	}
	return tools, nil
}

func optional(tool string) bool {
	_, ofSystem := systemPackage(tool)
	return ofSystem || slices.Contains(servers.PythonPackages, tool)
}

// systemPackage is the system's package of a tool, if that is how it is installed.
func systemPackage(tool string) (p servers.SystemPackage, is bool) {
	all := servers.SystemPackages()
	at := slices.IndexFunc(all, func(p servers.SystemPackage) bool { return p.Tool == tool })
	if at < 0 {
		return p, false
	}
	return all[at], true
}

// optional installs those of the tools that are missing.
func (s Setup) optional(ctx context.Context, tools []string) error {
	if len(tools) == 0 {
		return nil
	}
	python := Python(s.Cache, s.Path)
	found, err := servers.FindTools(ctx, python, s.Path, tools)
	if err != nil {
		return err
	}
	for _, tool := range tools {
		ofSystem, is := systemPackage(tool)
		switch {
		case found[tool].Version != "" || found[tool].Path != "":
			s.say("%s %s is installed", tool, found[tool].Version)
		case is:
			err = s.system(ctx, ofSystem)
		default:
			err = s.pypi(ctx, python, tool)
		}
		if err == nil && ofSystem.Client != "" {
			err = s.client(ctx, python, ofSystem.Client)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// system installs a tool from the system's packages.
func (s Setup) system(ctx context.Context, p servers.SystemPackage) error {
	s.say("%s is missing: it is in the system's packages", p.Tool)
	if err := s.install(ctx, p.Package); err != nil || p.Service == "" {
		return err
	}
	return s.noService(ctx, p.Service)
}

// client installs the package with which apps reach a tool, where bench has an environment of its own.
func (s Setup) client(ctx context.Context, python, name string) error {
	if !strings.HasPrefix(python, venvDir(s.Cache)) || s.try(ctx, python, "-c", "import "+name) == nil {
		return nil
	}
	return s.pypi(ctx, python, name)
}

// builds is what compiling a tool from PyPI needs: a program that shows whether it is there, and its package.
var builds = map[string]struct{ program, packaged string }{
	"mod-wsgi": {"apxs", "apache2-dev"},
}

// pypi installs a tool from PyPI into bench's own environment.
func (s Setup) pypi(ctx context.Context, python, tool string) error {
	if s.Dry {
		s.say("would install %s from PyPI into %s", tool, venvDir(s.Cache))
		return nil
	}
	if !strings.HasPrefix(python, venvDir(s.Cache)) {
		return fmt.Errorf("installing %s: bench uses %s, which is not an environment of its own: install it there "+
			"(%s -m pip install %s)", tool, python, python, tool)
	}
	if needs, has := builds[tool]; has && servers.LookPath(needs.program, s.Path) == "" {
		if err := s.install(ctx, needs.packaged); err != nil {
			return err
		}
	}
	pinned, err := with.ReadFile("with/" + tool + ".txt")
	if err != nil {
		return err
	}
	list := filepath.Join(s.Cache, "with-"+tool+".txt")
	if err := os.WriteFile(list, pinned, 0o600); err != nil {
		return fmt.Errorf("installing %s: %w", tool, err)
	}
	s.say("installing %s into %s", tool, venvDir(s.Cache))
	err = s.command(ctx, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
		"--no-deps", "--require-hashes", "-r", list)
	return errors.Join(err, os.Remove(list))
}
