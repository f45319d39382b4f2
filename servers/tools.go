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

// Tool is a program that topologies start, or a library that they need.
type Tool struct {
	Path    string            // empty if it was not found, and for a library
	Version string            // as it reports itself
	How     string            // how it was found
	Facts   map[string]string // what else a configuration has to know about it
}

// Tools are the tools that were looked for, by name.
type Tools map[string]Tool

// Path is where a program is; empty if it was not found.
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

// Runtime identifies what the app runs on, in a form fit for file names: what was prepared for
// another interpreter or framework cannot be reused.
func (t Tools) Runtime() string {
	return fmt.Sprintf("py%s-dj%s", t["python"].Version, t["django"].Version)
}

// canonical replaces each program's path with its name, and each path among its facts with a
// placeholder. The tools named are included, found or not.
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
	Beside   string // the interpreter whose environment it belongs in, where that is the user's own
	Provided string // the command that installs it; empty: none
	Lacking  string // what its absence means, where that is not that it is not installed
}

func (e *MissingToolError) Error() string {
	if e.Lacking != "" {
		return fmt.Sprintf("topology %s: %s", e.Topology, e.Lacking)
	}
	if e.Beside != "" {
		return fmt.Sprintf("topology %s: %s is not installed for %s: install it in that environment (%s -m pip install %s), "+
			"or list its packages in app.requirements of bench.yaml", e.Topology, e.Tool, e.Beside, e.Beside, e.Tool)
	}
	if e.Provided == "" {
		return fmt.Sprintf("topology %s: %s is not installed: install it, and make sure that it is on PATH",
			e.Topology, e.Tool)
	}
	return fmt.Sprintf("topology %s: %s is not installed; run `%s`, or `bench doctor` to see what is missing",
		e.Topology, e.Tool, e.Provided)
}

// Optional reports whether bench setup installs the tool when it is asked for by name, and only then.
func (e *MissingToolError) Optional() bool {
	return e.Beside == "" && strings.Contains(e.Provided, "--with")
}

// ForInterpreter notes that the app has an interpreter of its own: a tool that belongs in its
// environment is then for the user to install, not for bench setup.
func (e *MissingToolError) ForInterpreter(path string) {
	if f := finderOf(e.Tool); path != "" && f.beside {
		e.Beside = path
	}
}

// missing returns nil when the tool was found.
func (t Tools) missing(name string) *MissingToolError {
	row := finderOf(name)
	if t[name].Path != "" || row.library && t[name].Version != "" {
		return nil
	}
	missing := &MissingToolError{Tool: name, Provided: row.provided, Lacking: row.lacking}
	if row.provided == "" {
		missing.ForInterpreter(t.Path("python"))
	}
	return missing
}

// FindTools looks for programs on PATH: those that the embedded topologies start, and the
// others named. Python is the interpreter to use.
func FindTools(ctx context.Context, python, path string, others []string) (Tools, error) {
	s := search{path: path, python: python, found: Tools{}}
	names := []string{}
	for _, f := range finders() {
		if !f.asked {
			names = append(names, f.name)
		}
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
