package servers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Tool is a program that topologies start, or a library that they rest on.
type Tool struct {
	Path    string            // empty where it was not found, and of a library
	Version string            // as it says itself
	How     string            // how it was found
	Facts   map[string]string // what else a configuration has to know of it
}

// Tools are the tools that were looked for, by name.
type Tools map[string]Tool

// Path is where a program is; empty: it was not found.
func (t Tools) Path(name string) string { return t[name].Path }

// Versions are the versions of what was found, by name.
func (t Tools) Versions() map[string]string {
	versions := map[string]string{}
	for name, tool := range t {
		if tool.Version != "" {
			versions[name] = tool.Version
		}
	}
	return versions
}

// Runtime names what the app runs on, as it may stand in a file's name: what was prepared for
// another interpreter or framework is of no use to this one.
func (t Tools) Runtime() string {
	return fmt.Sprintf("py%s-dj%s", t["python"].Version, t["django"].Version)
}

// canonical puts a program's name in place of its path, and a stand-in for each path that is
// known of it. Those named are there, found or not.
func (t Tools) canonical(names []string) Tools {
	tools := Tools{}
	for _, name := range append(slices.Collect(maps.Keys(t)), names...) {
		facts := maps.Clone(t[name].Facts)
		for fact, value := range facts {
			if filepath.IsAbs(value) {
				facts[fact] = "/" + fact
			}
		}
		tools[name] = Tool{Path: name, Facts: facts}
	}
	return tools
}

// MissingToolError names a program that a topology needs.
type MissingToolError struct {
	Topology string
	Tool     string
	Beside   string // an interpreter in whose environment it belongs, and which bench does not provide for
}

func (e *MissingToolError) Error() string {
	if e.Beside != "" {
		return fmt.Sprintf("topology %s: %s is not there for %s: install it in that environment (%s -m pip install %s), "+
			"or name its packages in app.requirements of bench.yaml", e.Topology, e.Tool, e.Beside, e.Beside, e.Tool)
	}
	return fmt.Sprintf("topology %s: %s is not installed; run `bench setup`, or `bench doctor` to see what is missing",
		e.Topology, e.Tool)
}

// ForInterpreter says that the app has an interpreter of its own: a tool that belongs beside it
// is then for the user to install, not for bench setup.
func (e *MissingToolError) ForInterpreter(path string) {
	if f := finderOf(e.Tool); path != "" && f.beside {
		e.Beside = path
	}
}

// missing returns nil when the program was found.
func (t Tools) missing(name string) *MissingToolError {
	if t[name].Path != "" {
		return nil
	}
	missing := &MissingToolError{Tool: name}
	if !finderOf(name).provided {
		missing.ForInterpreter(t.Path("python"))
	}
	return missing
}

// FindTools looks for programs in PATH: those that the embedded topologies start, and the
// others named. Python is the interpreter to be used.
func FindTools(ctx context.Context, python, path string, others []string) (Tools, error) {
	s := search{path: path, python: python, found: Tools{}}
	names := []string{}
	for _, f := range finders() {
		names = append(names, f.name)
	}
	for _, name := range append(names, others...) {
		if _, done := s.found[name]; done {
			continue
		}
		tool, err := finderOf(name).find(ctx, s, name)
		if err != nil {
			return s.found, err
		}
		s.found[name] = tool
	}
	return s.found, nil
}

// LookPath finds a program in a PATH given as text.
func LookPath(name, path string) string {
	if strings.ContainsRune(name, os.PathSeparator) {
		if executable(name) {
			return name
		}
		return ""
	}
	for _, dir := range filepath.SplitList(path) {
		if candidate := filepath.Join(dir, name); dir != "" && executable(candidate) {
			return candidate
		}
	}
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// copyTree copies a folder; a missing one counts as empty.
func copyTree(from, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	if from == "" {
		return nil
	}
	err := os.CopyFS(to, os.DirFS(from))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
