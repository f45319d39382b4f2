package gate

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bench/experiments"
	"bench/servers"
)

// checkout is a git checkout from which a gate takes versions.
type checkout struct {
	git    git
	root   string // of the work tree
	prefix string // of the app's folder within it
}

// openCheckout finds the checkout that holds the folder.
func openCheckout(ctx context.Context, env experiments.Env, dir string) (checkout, error) {
	git := git{servers.LookPath("git", env.Path), env.User}
	if git.program == "" {
		return checkout{}, experiments.Misusef("comparing commits needs git on PATH: install it, or %s", twoFolders)
	}
	root, err := git.run(ctx, dir, "rev-parse", "--show-toplevel")
	if err != nil {
		return checkout{}, experiments.Misusef("%s is not in a git checkout (%v); %s", dir, err, twoFolders)
	}
	prefix, err := git.run(ctx, dir, "rev-parse", "--show-prefix")
	return checkout{git, root, prefix}, err
}

// twoFolders is the alternative where git cannot help.
const twoFolders = "compare two folders instead: --base DIR --head DIR"

// git is the program, with the environment that holds the user's settings.
type git struct {
	program string
	env     []string
}

// run runs a git command and returns its output.
func (g git) run(ctx context.Context, dir string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, g.program, append([]string{"-C", dir}, args...)...)
	c.Env = g.env
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// mainBranches are the names tried for the main branch.
var mainBranches = []string{"origin/HEAD", "origin/main", "origin/master", "main", "master"}

// mergeBase is where head's branch left the main branch.
func (c checkout) mergeBase(ctx context.Context, head string) (string, error) {
	for _, branch := range mainBranches {
		if base, err := c.git.run(ctx, c.root, "merge-base", branch, head); err == nil {
			return base, nil
		}
	}
	if c.isShallow(ctx) {
		return "", c.shallowError(head)
	}
	return "", experiments.Misusef("no main branch (%s) shares a commit with %s: name the base with --base REF "+
		"(in CI, fetch the whole history: fetch-depth: 0)", strings.Join(mainBranches, ", "), head)
}

func (c checkout) shallowError(head string) error {
	return experiments.Misusef("%s is a shallow clone, which does not show where %.12s left the main branch: "+
		"fetch the rest with git fetch --unshallow (in CI: fetch-depth: 0), or name the base with --base REF", c.root, head)
}

// isShallow reports whether the clone lacks the commits before some of its own.
func (c checkout) isShallow(ctx context.Context) bool {
	shallow, err := c.git.run(ctx, c.root, "rev-parse", "--is-shallow-repository")
	return err == nil && shallow == "true"
}

// commit resolves a name to a commit.
func (c checkout) commit(ctx context.Context, name string) (string, error) {
	full, err := c.git.run(ctx, c.root, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	if err != nil && c.isShallow(ctx) {
		return "", experiments.Misusef("%q is not among the commits of %s, which is a shallow clone: fetch it with "+
			"git fetch --depth 1 origin %s (in CI: fetch-depth: 0)", name, c.root, name)
	}
	if err != nil {
		return "", experiments.Misusef("%q is not a commit in %s: want a branch, tag or hash", name, c.root)
	}
	return full, nil
}

// workTree is the work tree as a commit: HEAD, or one with the changes since. It leaves out untracked
// files.
//
// Git is given a copy of the index, whose times are refreshed first: in a checkout that was copied,
// they are those of other files, and git stash create then ends with 1 instead of seeing no change.
func (c checkout) workTree(ctx context.Context, scratch string) (commit string, dirty bool, err error) {
	own := c.git
	if index := filepath.Join(scratch, "index"); c.copyIndex(ctx, index) == nil {
		defer os.Remove(index)
		own.env = append(slices.Clip(c.git.env), "GIT_INDEX_FILE="+index)
		_, _ = own.run(ctx, c.root, "update-index", "-q", "--refresh") // ends with 1 where a file has changed
	}
	if commit, err = own.run(ctx, c.root, "stash", "create"); err != nil {
		return "", false, filterError(err)
	}
	if commit != "" {
		return commit, true, nil
	}
	commit, err = c.git.run(ctx, c.root, "rev-parse", "HEAD")
	return commit, false, err
}

// copyIndex copies the checkout's index, with the time of its last change: git looks into files that were changed at
// that time or later, also where what it knows of them is as it was ("racy git" in its documentation).
func (c checkout) copyIndex(ctx context.Context, to string) error {
	index, err := c.git.run(ctx, c.root, "rev-parse", "--git-path", "index")
	if err != nil {
		return err
	}
	if !filepath.IsAbs(index) {
		index = filepath.Join(c.root, index)
	}
	info, err := os.Stat(index) // before it is read: a later index is only looked into more
	if err != nil {
		return err
	}
	data, err := os.ReadFile(index)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		return err
	}
	return os.Chtimes(to, time.Time{}, info.ModTime())
}

// extract writes a commit's files into a folder, as a checkout would, and returns the app's
// folder in it.
//
// Note: a git worktree would do the same, but stays registered in the user's repository when bench
// is killed; git archive leaves out what is marked export-ignore.
func (c checkout) extract(ctx context.Context, commit, dir string) (string, error) {
	if err := c.git.write(ctx, c.root, commit, dir); err != nil {
		return "", err
	}
	return filepath.Join(dir, c.prefix), nil
}

// headCommit is the commit that the work tree is based on.
func (c checkout) headCommit(ctx context.Context) string {
	commit, err := c.git.run(ctx, c.root, "rev-parse", "--short=12", "HEAD")
	if err != nil {
		return "unknown"
	}
	return commit
}

// interpreter is the path of an app's Python: an environment within the project is not in git, and so
// not among the extracted files; then both versions use that of the checkout.
func (c checkout) interpreter(dir, python string) string {
	rel, err := filepath.Rel(dir, python)
	if python == "" || err != nil || !filepath.IsLocal(rel) {
		return python
	}
	if _, err := os.Stat(python); err == nil {
		return python
	}
	return filepath.Join(c.root, c.prefix, rel)
}
