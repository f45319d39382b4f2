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
