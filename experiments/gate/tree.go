package gate

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"bench/experiments"
	"bench/results"
)

// write writes the files of a commit, and those of its submodules, into a folder.
func (g git) write(ctx context.Context, repository, commit, dir string) error {
	withIndex := g
	withIndex.env = append(slices.Clip(g.env), "GIT_INDEX_FILE="+dir+".index")
	defer os.Remove(dir + ".index")
	prefix := "--prefix=" + dir + string(filepath.Separator)
	for _, args := range [][]string{{"read-tree", commit}, {"checkout-index", "--all", prefix}} {
		if _, err := withIndex.run(ctx, repository, args...); err != nil {
			return fmt.Errorf("writing the files of %.12s: %w", commit, filterError(err))
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil { // a commit may be empty
		return err
	}
	modules, err := g.submodules(ctx, repository, commit)
	if err != nil {
		return err
	}
	for path, at := range modules {
		if err := g.writeSubmodule(ctx, filepath.Join(repository, path), at, filepath.Join(dir, path)); err != nil {
			return err
		}
	}
	return nil
}

// submodules are the paths of a commit's submodules, and the commits that they are at.
func (g git) submodules(ctx context.Context, repository, commit string) (map[string]string, error) {
	tree, err := g.run(ctx, repository, "ls-tree", "-r", "-z", commit)
	if err != nil {
		return nil, fmt.Errorf("listing the submodules of %.12s: %w", commit, err)
	}
	found := map[string]string{}
	for entry := range strings.SplitSeq(tree, "\x00") {
		facts, path, _ := strings.Cut(entry, "\t")
		const submodule = "160000 commit "
		if at, is := strings.CutPrefix(facts, submodule); is {
			found[path] = at
		}
	}
	return found, nil
}

// writeSubmodule writes a submodule's files from its clone within the checkout. Nothing is fetched.
func (g git) writeSubmodule(ctx context.Context, repository, commit, dir string) error {
	top, err := g.run(ctx, repository, "rev-parse", "--show-toplevel")
	if own, _ := filepath.EvalSymlinks(repository); err != nil || top != own {
		return experiments.Misusef("the submodule in %s is not checked out: git submodule update --init --recursive; or %s",
			repository, twoFolders)
	}
	if _, err := g.run(ctx, repository, "cat-file", "-e", commit+"^{commit}"); err != nil {
		return experiments.Misusef("the submodule in %s lacks the commit %.12s: fetch it there with git fetch origin %s; "+
			"or %s", repository, commit, commit, twoFolders)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	return g.write(ctx, repository, commit, dir)
}

// failedFilter is what git says of a program, named in .gitattributes, that could not convert a file.
var failedFilter = regexp.MustCompile(
	`(?:clean|smudge) filter '?([\w.-]+)'? failed|external filter '?(\S+)|(git-lfs)\S*: not found`)

// filterError explains git's failure to run a filter; other errors stay as they are.
func filterError(err error) error {
	m := failedFilter.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	name := m[1] + m[2] + m[3]
	program := name
	if name == "lfs" {
		program = "git-lfs"
	}
	return experiments.Misusef("git cannot read or write files that .gitattributes sends through the filter %s (%w): "+
		"put %s on PATH, or %s", name, err, program, twoFolders)
}

// pointer is how a file that git LFS keeps elsewhere begins, where only its place is checked out.
const pointer = "version https://git-lfs.github.com/spec/v1\n"

// pointers finds such files in a folder.
func pointers(dir string) (found []string) {
	const mostBytes = 1024 // the specification's own limit
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil
		}
		info, err := entry.Info()
		if err != nil || info.Size() >= mostBytes {
			return nil
		}
		data, err := os.ReadFile(path)
		if err == nil && bytes.HasPrefix(data, []byte(pointer)) {
			name, _ := filepath.Rel(dir, path)
			found = append(found, name)
		}
		return nil
	})
	return found
}

// warnOfPointers reports files that an app would read without getting their content.
func warnOfPointers(env experiments.Env, both [2]side, dirs [2]string) {
	for i, dir := range dirs {
		if found := pointers(dir); len(found) > 0 {
			env.Warn(results.Diagnostic{Code: "lfs-pointers", Severity: results.Warning, Message: fmt.Sprintf(
				"%d files of %s are pointers of git LFS and not their content, such as %s", len(found), both[i].name, found[0]),
				Hint: "Install git-lfs and run: git lfs install && git lfs fetch --all."})
		}
	}
}
