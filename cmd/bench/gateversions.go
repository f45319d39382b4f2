package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"

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
}

// versions gets both sides: two folders, or two commits of a checkout.
func (s *shell) versions(ctx context.Context, o gateOptions, trees string) (both [2]side, err error) {
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

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
