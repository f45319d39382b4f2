package gate

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"bench/experiments"
	"bench/reports/gate"
	"bench/results"
	"bench/targets"
)

// side is one version of a gate: an app in a folder.
type side struct {
	name    string // as the user named it
	commit  string
	dirty   bool
	project targets.Project
	// packages are those that only this version requires; broken is why an environment for them
	// could not be made.
	packages []string
	broken   error
}

// versions gets both versions. If equal versions are wanted and no base is named, base is the same as
// head.
func versions(ctx context.Context, env experiments.Env, spec Spec, trees string, equal bool) (both [2]side, err error) {
	if spec.Base == "" && (spec.App == experiments.Bundled || equal && spec.App == "") {
		spec.Base = experiments.Bundled
	}
	switch {
	case experiments.IsDir(spec.Base) && experiments.IsDir(spec.Head):
		both, err = loaded([2]side{{name: spec.Base}, {name: spec.Head}}, [2]string{spec.Base, spec.Head})
		sameState(&both, both[1].project.App.Folder())
	case spec.Base == experiments.Bundled && (spec.Head == experiments.Bundled || spec.Head == ""):
		bundled := side{name: experiments.Bundled}
		bundled.project, err = targets.Bundled()
		both = [2]side{bundled, bundled}
	default:
		both, err = commits(ctx, env, spec, trees, equal)
	}
	return both, err
}

// sameState gives both versions the state that head's bench.yaml names, from one folder: a work tree, or
// head's. What git ignores is not among the files of a commit, and two databases would be two loads.
func sameState(both *[2]side, from string) {
	for i := range both {
		app := &both[i].project.App
		app.StateFrom = from
		if len(app.State) == 0 {
			app.State = both[1].project.App.State
		}
	}
}

// Folder is the folder whose bench.yaml holds a gate's settings, if that is not the working folder:
// of two folders the one that is judged, and Bundled for the bundled project.
func (s Spec) Folder(selfTest bool) string {
	switch {
	case s.Base == experiments.Bundled, s.Base == "" && selfTest:
		return experiments.Bundled
	case experiments.IsDir(s.Base) && experiments.IsDir(s.Head):
		return s.Head
	}
	return ""
}

// loaded reads the projects in two folders.
func loaded(both [2]side, dirs [2]string) ([2]side, error) {
	for i, dir := range dirs {
		var err error
		if both[i].project, err = experiments.LoadProject(dir); err != nil {
			return both, fmt.Errorf("%s: %w", both[i].name, err)
		}
	}
	return both, nil
}

// commits gets both versions' files from a checkout.
func commits(ctx context.Context, env experiments.Env, spec Spec, trees string, equal bool) (both [2]side, err error) {
	from, err := openCheckout(ctx, env, cmp.Or(spec.App, "."))
	if err != nil {
		return both, err
	}
	if err := from.hasProject(ctx, cmp.Or(spec.Head, "HEAD")); err != nil {
		return both, err
	}
	head, err := from.head(ctx, spec.Head, trees)
	if err != nil {
		return both, err
	}
	base := side{name: head.name, commit: head.commit}
	if !equal || spec.Base != "" {
		if base, err = from.base(ctx, spec.Base, head); err != nil {
			return both, err
		}
	}
	if base.commit == head.commit && spec.Base == "" && !equal && from.isShallow(ctx) {
		return both, from.shallowError(head.commit)
	}
	if base.commit == head.commit && len(spec.HeadEnv) == 0 && !equal {
		return both, experiments.Misusef("base and head are the same commit, %s: there is nothing to compare; "+
			"name a different base: --base REF", base.commit[:12])
	}
	from.warnOfChanges(ctx, env, head)
	both = [2]side{base, head}
	var dirs [2]string
	for i, folder := range []string{results.Base, results.Head} { // names of equal length
		if dirs[i], err = from.extract(ctx, both[i].commit, filepath.Join(trees, folder)); err != nil {
			return both, err
		}
	}
	if err := from.sameProject(env, dirs, both); err != nil {
		return both, err
	}
	if both, err = loaded(both, dirs); err != nil {
		return both, err
	}
	warnOfPointers(env, both, dirs)
	sameState(&both, filepath.Join(from.root, from.prefix))
	for i, dir := range dirs {
		both[i].project.App.Python = from.interpreter(dir, both[i].project.App.Python)
		if both[i].commit = both[i].commit[:12]; both[i].dirty {
			both[i].commit = from.headCommit(ctx) + "-dirty"
		}
	}
	return both, nil
}

// head is the version that is judged: a commit, by default the work tree.
func (c checkout) head(ctx context.Context, name, scratch string) (head side, err error) {
	head.name = cmp.Or(name, gate.WorkTree)
	if name == "" {
		head.commit, head.dirty, err = c.workTree(ctx, scratch)
	} else {
		head.commit, err = c.commit(ctx, name)
	}
	return head, err
}

// base is the version that head is compared with: a commit, by default where head left the main
// branch.
func (c checkout) base(ctx context.Context, name string, head side) (base side, err error) {
	if name == "" {
		if base.commit, err = c.mergeBase(ctx, head.commit); err == nil {
			base.name = base.commit[:12]
		}
		return base, err
	}
	base.name = name
	base.commit, err = c.commit(ctx, name)
	return base, err
}

// warnOfChanges reports which changes in the work tree are measured and which are not.
func (c checkout) warnOfChanges(ctx context.Context, env experiments.Env, head side) {
	if head.dirty {
		env.Warn(results.Diagnostic{Code: "uncommitted-changes",
			Message: "the work tree has uncommitted changes: they are measured"})
	}
	unknown, err := c.git.run(ctx, c.root, "ls-files", "--others", "--exclude-standard", "--", cmp.Or(c.prefix, "."))
	if err == nil && unknown != "" && head.name == gate.WorkTree {
		env.Warn(results.Diagnostic{Code: "untracked-files", Severity: results.Warning,
			Message: "untracked files are not measured", Hint: "Add them first, with git add."})
	}
}

// hasProject checks that the app's folder has a bench.yaml in the commit or in the work tree.
func (c checkout) hasProject(ctx context.Context, commit string) error {
	folder := filepath.Join(c.root, c.prefix)
	if experiments.IsFile(filepath.Join(folder, targets.ProjectFile)) {
		return nil
	}
	name := filepath.Join(c.prefix, targets.ProjectFile)
	if _, err := c.git.run(ctx, c.root, "cat-file", "-e", commit+":"+name); err == nil {
		return nil
	}
	if _, err := c.git.run(ctx, c.root, "rev-parse", "--verify", "--quiet", "--end-of-options", commit); err != nil {
		return nil // that is reported first
	}
	_, err := targets.LoadProject(folder)
	return experiments.Misuse(err)
}

// sameProject gives a version without bench.yaml another's, so that the change that adds it can be
// judged, too: base gets head's, and head that of the work tree, which may not be in git yet.
func (c checkout) sameProject(env experiments.Env, dirs [2]string, both [2]side) error {
	files := [2]string{filepath.Join(dirs[0], targets.ProjectFile), filepath.Join(dirs[1], targets.ProjectFile)}
	if own := filepath.Join(c.root, c.prefix, targets.ProjectFile); experiments.IsDir(dirs[1]) &&
		!experiments.IsFile(files[1]) && experiments.IsFile(own) {
		env.Warn(results.Diagnostic{Code: "untracked-project-file", Message: fmt.Sprintf(
			"%s of %s is not in git yet: it is measured with that of the work tree", targets.ProjectFile, both[1].name),
			Hint: "git add " + filepath.Join(c.prefix, targets.ProjectFile)})
		if err := copyFile(own, files[1]); err != nil {
			return err
		}
	}
	if !experiments.IsDir(dirs[0]) || !experiments.IsFile(files[1]) {
		return nil // loading reports what is missing
	}
	if experiments.IsFile(files[0]) {
		_, err := experiments.LoadProject(dirs[0])
		if err == nil {
			return nil
		}
		env.Warn(results.Diagnostic{Code: "heads-project-file", Message: fmt.Sprintf(
			"the %s of %s cannot be read (%v): it is measured with that of %s",
			targets.ProjectFile, both[0].name, err, both[1].name)})
		return copyFile(files[1], files[0])
	}
	env.Warn(results.Diagnostic{Code: "no-project-file", Message: fmt.Sprintf(
		"%s has no %s: it is measured with that of %s",
		both[0].name, targets.ProjectFile, both[1].name)})
	return copyFile(files[1], files[0])
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}
