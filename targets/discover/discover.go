package discover

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Search is what is searched, and what the search may use.
type Search struct {
	Dir      string            // absolute
	Settings string            // the settings module to use; empty: the likeliest
	User     map[string]string // the user's environment
	Env      []string          // the environment that servers get, KEY=value
	Scratch  string            // a folder for copies
	Run      Runner
	Services Services
	// Copy copies the folder, with the files that are state, for an app that may write into it.
	Copy   func(from string, state []string) (to string, err error)
	Ask    Asker
	OnPath func(name string) string
	// Own is an interpreter of last resort, which need not be named in bench.yaml.
	Own string
	// Made is an interpreter with the packages of a list, which is then the only one to use.
	Made Made
	// Choose asks which of several candidates is meant; nil: the first.
	Choose func(what string, candidates []Candidate) (int, error)
	Say    func(string)
}

// NothingFoundError says that a folder holds no app that can be recognised.
type NothingFoundError struct {
	Dir   string
	Files int
	Above string // a folder above with a manage.py; empty: none
	Has   string // what is there instead, and what would make it an app; empty: nothing
}

func (e *NothingFoundError) Error() string {
	if e.Above != "" {
		return fmt.Sprintf("looking for an app in %s: there is none in or below it, but %s has a manage.py: "+
			"run bench init there, or name the folder: bench init %[2]s", e.Dir, e.Above)
	}
	if e.Has != "" {
		return fmt.Sprintf("looking for an app in %s: %s, and run bench init again", e.Dir, e.Has)
	}
	return fmt.Sprintf("looking for an app in %s: none of its %d files is a manage.py or defines a WSGI or ASGI "+
		"application: name the folder that has it (bench init DIR), or write bench.yaml by hand "+
		"(docs/OWN-APP.md)",
		e.Dir, e.Files)
}

// NotLoadedError says why an app that was found could not be loaded.
type NotLoadedError struct {
	What     string
	Python   string
	Failure  *failure
	Attempts []string // what else was tried
}

func (e *NotLoadedError) Error() string {
	text := fmt.Sprintf("loading %s with %s: %v", e.What, e.Python, e.Failure)
	for _, other := range e.Attempts {
		text += "\n  also tried: " + other
	}
	return text + "\n" + e.hint()
}

func (e *NotLoadedError) hint() string {
	switch {
	case e.Failure.Module != "":
		return fmt.Sprintf("install the project's packages for that interpreter, or activate the environment that has %s, "+
			"and run bench init again", e.Failure.Module)
	case len(e.Failure.Wants) > 0:
		return fmt.Sprintf("set %s in the environment, and run bench init again: bench.yaml then names it under app.env_from",
			strings.Join(e.Failure.Wants, " and "))
	}
	return "fix that, or name other settings with --settings MODULE, and run bench init again"
}

// Discover finds the app in a folder, asks it for its routes, and proposes how to measure it.
func Discover(ctx context.Context, s Search) (Proposal, error) {
	tree, err := ReadTree(os.DirFS(s.Dir))
	if err != nil {
		return Proposal{}, fmt.Errorf("reading %s: %w", s.Dir, err)
	}
	projects := tree.Projects()
	if len(projects) == 0 {
		return Proposal{}, &NothingFoundError{s.Dir, len(tree.Files), managedAbove(s.Dir), tree.almost()}
	}
	e := explorer{Search: s, tree: tree, lent: lend(s.Services)}
	p, err := e.discover(ctx, projects)
	return p, errors.Join(err, e.lent.close())
}

func (e *explorer) discover(ctx context.Context, projects []Project) (p Proposal, err error) {
	if e.project, err = e.chooseProject(projects); err != nil {
		return p, err
	}
	e.dir = filepath.Join(e.Dir, filepath.FromSlash(e.project.Dir))
	e.readEnvFile()
	if e.asked = e.dir; !e.project.Django && e.Copy != nil {
		copied, err := e.Copy(e.Dir, e.tree.Databases)
		if err != nil {
			return p, err
		}
		e.asked = filepath.Join(copied, filepath.FromSlash(e.project.Dir))
	}
	ways, err := e.ways()
	if err != nil {
		return p, err
	}
	if err := e.load(ctx, ways); err != nil {
		return p, err
	}
	return e.propose(), nil
}

// explorer is a search under way.
type explorer struct {
	Search
	tree    Tree
	project Project
	dir     string // of the project, absolute
	asked   string // where it is asked: a copy, if asking may change something
	lent    *lending

	envFile   string // relative to the folder searched
	inEnvFile map[string]string

	way       way
	found     answer
	variables Variables
	override  map[string]any
	notes     []string // what bench init did not know
	changes   []string // likewise, about what it had to replace
	services  []string // kinds of servers that bench runs in place of the project's
	sqlite    bool     // whether the project's database was replaced by an empty SQLite one
	own       database // that was replaced
	host      string   // that the app is asked under; empty: the usual one
	allowed   []string // the hosts that the project's settings allow
}

func (e *explorer) say(format string, args ...any) {
	if e.Say != nil {
		e.Say(fmt.Sprintf(format, args...))
	}
}

func (e *explorer) note(format string, args ...any) {
	e.notes = append(e.notes, fmt.Sprintf(format, args...))
}

func (e *explorer) change(format string, args ...any) {
	e.changes = append(e.changes, fmt.Sprintf(format, args...))
}

// chooseProject asks which of several projects is meant.
func (e *explorer) chooseProject(projects []Project) (Project, error) {
	if len(projects) == 1 || projects[0].Dir == "." && projects[0].Django {
		return projects[0], nil
	}
	var candidates []Candidate
	var others []string
	for i, p := range projects {
		why := "has a manage.py"
		if !p.Manage && len(p.Apps) > 0 {
			why = p.Apps[0].Name + ", " + p.Apps[0].Why
		}
		candidates = append(candidates, Candidate{p.Dir, why})
		if i > 0 {
			others = append(others, p.Dir)
		}
	}
	at, err := e.choose("projects", candidates)
	if err != nil {
		return Project{}, err
	}
	if at == 0 {
		e.note("there are other projects in this folder, each of which `bench init DIR` describes: %s", shortList(others, 4))
	}
	return projects[at], nil
}

func (e *explorer) choose(what string, candidates []Candidate) (int, error) {
	if e.Choose == nil || len(candidates) < 2 {
		return 0, nil
	}
	return e.Choose(what, candidates)
}

// readEnvFile reads the project's .env file, in case the project itself does not.
func (e *explorer) readEnvFile() {
	for _, dir := range e.folders() {
		text, err := os.ReadFile(filepath.Join(dir, ".env"))
		if err != nil {
			continue
		}
		if e.inEnvFile = readEnv(string(text)); len(e.inEnvFile) > 0 {
			e.envFile, _ = filepath.Rel(e.Dir, filepath.Join(dir, ".env"))
			return
		}
	}
}

// folders are those from the project's up to the one that was searched.
func (e *explorer) folders() (dirs []string) {
	for dir := e.dir; ; dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
		if dir == e.Dir || dir == filepath.Dir(dir) {
			return dirs
		}
	}
}

// mostWays bounds the attempts to load an app.
const mostWays = 12

// mostVariables bounds the variables that are supplied, one attempt each.
const mostVariables = 25

// A secret of the right length, for what is asked here; each boot gets one of its own.
const trialSecret = "a-secret-for-the-trial-that-bench-init-makes-0123456789"

// host is the Host header of requests, as bench sends it.
const host = "127.0.0.1"
