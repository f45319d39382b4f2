package main

import (
	"bytes"
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
		return s.sameEnvironment(ctx, apps, lists)
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
		python, err := s.environment(ctx, list, apps[i].Python)
		if err != nil && ctx.Err() == nil {
			python, err = s.environment(ctx, list, apps[i].Python) // an index may be out of reach for a moment
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if apps[i].Python, both[i].broken = python, err; err != nil && unreachable(err) {
			return codedError{exitInvalid, fmt.Errorf("the packages of %s could not be had, which is no fault of its code: %w", both[i].name, err)}
		}
	}
	return nil
}

// unreachable reports whether pip failed because of the network, and not of what it was asked.
func unreachable(err error) bool {
	return networkFault.MatchString(err.Error())
}

var networkFault = regexp.MustCompile(`(?i)temporary failure in name resolution|failed to establish a new connection|connection (refused|reset|broken)|read timed out|max retries exceeded|network is unreachable|5\d\d server error`)

// sameEnvironment makes the one environment that both versions run in, where bench.yaml asks
// for one: now, so that it does not count as time of the gate.
func (s *shell) sameEnvironment(ctx context.Context, apps [2]*targets.App, lists [2]setup.Requirements) (err error) {
	if apps[0].Python != "" || apps[1].Python != "" || apps[0].Requirements == "" && apps[1].Requirements == "" {
		return nil
	}
	list := lists[0]
	if list.File() == "" {
		list = lists[1]
	}
	if apps[0].Python, err = s.environment(ctx, list, ""); err != nil {
		return err
	}
	apps[1].Python = apps[0].Python
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

// lockFiles say which packages a project is meant to run with, and are none that bench installs.
var lockFiles = []string{"poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock"}

// locksDiffer warns where such a file differs: both versions then run with the same packages.
func locksDiffer(both [2]side) (causes []results.Cause) {
	if len(both[0].packages)+len(both[1].packages) > 0 || both[0].project.App.Python != both[1].project.App.Python {
		return nil // each has an environment of its own
	}
	for _, name := range lockFiles {
		var data [2][]byte
		for i, version := range both {
			data[i], _ = os.ReadFile(filepath.Join(version.project.App.Dir, name))
		}
		if !bytes.Equal(data[0], data[1]) {
			causes = append(causes, results.Cause{
				Code: "packages-not-compared", Message: name + " differs between the versions, but both run with the same packages",
				Remedy: "Export it to a list, and name that in app.requirements of bench.yaml: then each version gets an environment of its own.",
			})
		}
	}
	return causes
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
	if o.app == bundledName && o.base == "" {
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
	if o.selfTest && o.base == "" {
		base.name, base.commit = head.name, head.commit // two of the same
	}
	if base.commit == head.commit && len(o.headEnv) == 0 && !o.selfTest {
		return both, usagef("base and head are the same commit, %s: there is nothing to judge; name another base: --base REF", base.commit[:12])
	}
	if head.dirty {
		fmt.Fprintln(s.errs, "bench: the work tree has uncommitted changes: they are measured")
	}
	if unknown, err := git(ctx, from.root, "ls-files", "--others", "--exclude-standard", "--", cmp.Or(from.prefix, ".")); err == nil && unknown != "" && o.head == "" {
		fmt.Fprintln(s.errs, "bench: files that git does not know are not measured; add them first: git add")
	}
	both = [2]side{base, head}
	var dirs [2]string
	for i, folder := range []string{results.Base, results.Head} { // as long as each other
		if dirs[i], err = from.extract(ctx, both[i].commit, filepath.Join(trees, folder)); err != nil {
			return both, err
		}
	}
	if err := s.sameProject(dirs, both); err != nil {
		return both, err
	}
	for i, dir := range dirs {
		if both[i].project, err = loadProject(dir); err != nil {
			return both, fmt.Errorf("%s: %w", both[i].name, err)
		}
		both[i].project.App.Python = from.interpreter(dir, both[i].project.App.Python)
		if both[i].commit = both[i].commit[:12]; both[i].dirty {
			both[i].commit = from.headCommit(ctx) + "-dirty"
		}
	}
	return both, nil
}

// sameProject gives a base that has no bench.yaml yet the one of head: the change that adds it
// can then be judged, too.
func (s *shell) sameProject(dirs [2]string, both [2]side) error {
	file := filepath.Join(dirs[0], targets.ProjectFile)
	if !isDir(dirs[0]) || isFile(file) {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(dirs[1], targets.ProjectFile))
	if err != nil {
		return nil // loading head says what is missing
	}
	fmt.Fprintf(s.errs, "bench: %s has no %s: it is measured with that of %s\n", both[0].name, targets.ProjectFile, both[1].name)
	return os.WriteFile(file, data, 0o600)
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
