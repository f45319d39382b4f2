package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"bench/reports/gate"
	"bench/results"
	"bench/servers/setup"
	"bench/targets"
)

// side is one version of a gate: an app in a folder.
type side struct {
	name    string // as the user named it
	commit  string
	dirty   bool
	project targets.Project
	// packages are those that only this version requires; broken is why the environment for
	// them could not be made.
	packages []string
	broken   error
}

// versions gets both sides, each with its own environment if they require different packages.
func (s *shell) versions(ctx context.Context, o gateOptions, trees string) (both [2]side, err error) {
	if both, err = s.sides(ctx, o, trees); err != nil {
		return both, err
	}
	return both, s.environments(ctx, &both)
}

// environments gives each version an interpreter with what it requires, where that differs:
// one environment would fit one version only.
func (s *shell) environments(ctx context.Context, both *[2]side) error {
	lists, err := requirementsOf(*both)
	if err != nil {
		return err
	}
	apps := [2]*targets.App{&both[0].project.App, &both[1].project.App}
	both[0].packages, both[1].packages = lists[0].Differ(lists[1])
	if same := len(both[0].packages)+len(both[1].packages) == 0; same {
		// One that bench makes for one version alone would be a difference, too.
		for i, app := range apps {
			if other := apps[1-i]; app.Requirements == "" && other.Requirements != "" && app.Python == other.Python {
				app.Requirements = lists[i].File()
			}
		}
		return nil
	}
	if apps[0].Python != "" && apps[1].Python != "" && apps[0].Python != apps[1].Python {
		return nil // each names its own already
	}
	for i, list := range lists {
		if list.Local() != "" && apps[i].Python != "" {
			fmt.Fprintf(s.errs, "bench: the requirements differ, but no environment can be made of %s: both versions run with app.python\n", list.Local())
			return nil
		}
	}
	fmt.Fprintln(s.errs, "bench: the requirements differ: each version that lists some gets an environment of its own")
	for i, list := range lists {
		if list.File() == "" {
			continue // it keeps the interpreter that it names, or bench's own
		}
		if apps[i].Python, both[i].broken = s.environment(ctx, list, apps[i].Python); ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// requirementsOf reads the lists of both versions: those that bench.yaml names, or a
// requirements.txt beside it.
func requirementsOf(both [2]side) (lists [2]setup.Requirements, err error) {
	for i, version := range both {
		app := version.project.App
		file := app.Requirements
		if beside := filepath.Join(app.Dir, "requirements.txt"); file == "" && app.Dir != "" && isFile(beside) {
			file = beside
		}
		if file == "" {
			continue
		}
		if lists[i], err = setup.ReadRequirements(file); err != nil {
			return lists, usageError{err}
		}
	}
	return lists, nil
}

// requirementsDiffer tells the report that packages are part of what was compared.
func requirementsDiffer(both [2]side) []results.Cause {
	if len(both[0].packages)+len(both[1].packages) == 0 {
		return nil
	}
	return []results.Cause{{
		Code:    "requirements-differ",
		Message: fmt.Sprintf("base requires %s, head %s", packageList(both[0].packages), packageList(both[1].packages)),
		Remedy:  "What the gate says is of the packages as well as of the code. To judge the code alone, give both the same requirements.",
	}}
}

// secret is what a URL says of who asks.
var secret = regexp.MustCompile(`://[^/@\s]*@`)

func packageList(all []string) string {
	var lines []string
	for _, line := range all {
		if !strings.HasPrefix(line, "-") { // an option, of where packages come from
			line, _, _ = strings.Cut(line, " --hash")
			lines = append(lines, secret.ReplaceAllString(line, "://"))
		}
	}
	const most = 5
	switch {
	case len(lines) == 0:
		return "nothing that the other does not"
	case len(lines) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(lines[:most], ", "), len(lines)-most)
	}
	return strings.Join(lines, ", ")
}

// sides gets both versions' files: two folders, or two commits of a checkout.
func (s *shell) sides(ctx context.Context, o gateOptions, trees string) (both [2]side, err error) {
	if isDir(o.base) && isDir(o.head) {
		for i, dir := range []string{o.base, o.head} {
			both[i].name = dir
			if both[i].project, err = loadProject(dir); err != nil {
				return both, err
			}
		}
		return both, nil
	}
	if o.selfTest && o.base == "" && o.app == "" {
		o.base = bundledName
	}
	if o.base == bundledName && (o.head == bundledName || o.head == "") {
		for i := range both {
			both[i].name = bundledName
			if both[i].project, err = targets.Bundled(); err != nil {
				return both, err
			}
		}
		return both, nil
	}
	from, err := openCheckout(ctx, cmp.Or(o.app, "."))
	if err != nil {
		return both, err
	}
	head := side{name: o.head}
	if o.head == "" {
		head.name = gate.WorkTree
		head.commit, head.dirty, err = from.workTree(ctx)
	} else {
		head.commit, err = from.commit(ctx, o.head)
	}
	if err != nil {
		return both, err
	}
	base := side{name: o.base}
	if o.base == "" {
		if base.commit, err = from.mergeBase(ctx, head.commit); err == nil {
			base.name = base.commit[:12]
		}
	} else {
		base.commit, err = from.commit(ctx, o.base)
	}
	if err != nil {
		return both, err
	}
	if base.commit == head.commit && len(o.headEnv) == 0 {
		return both, usagef("base and head are the same commit, %s: there is nothing to judge; name another base: --base REF", base.commit[:12])
	}
	if head.dirty {
		fmt.Fprintln(s.errs, "bench: the work tree has uncommitted changes: they are measured")
	}
	if unknown, err := git(ctx, from.root, "ls-files", "--others", "--exclude-standard", "--", cmp.Or(from.prefix, ".")); err == nil && unknown != "" && o.head == "" {
		fmt.Fprintln(s.errs, "bench: files that git does not know are not measured; add them first: git add")
	}
	both = [2]side{base, head}
	for i, folder := range []string{results.Base, results.Head} { // as long as each other
		dir, err := from.extract(ctx, both[i].commit, filepath.Join(trees, folder))
		if err != nil {
			return both, err
		}
		if both[i].project, err = loadProject(dir); err != nil {
			return both, fmt.Errorf("%s: %w", both[i].name, err)
		}
		both[i].project.App.Python = from.interpreter(dir, both[i].project.App.Python)
		both[i].commit = both[i].commit[:12]
	}
	return both, nil
}

// bundledName stands for the bundled project, to try a gate out on.
const bundledName = "bundled"

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
