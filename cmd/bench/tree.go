package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// checkout is a git checkout that a gate takes versions from.
type checkout struct {
	root   string // of the work tree
	prefix string // of the app's folder within it
}

// openCheckout finds the checkout that holds the folder.
func openCheckout(ctx context.Context, dir string) (checkout, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return checkout{}, usagef("a gate between commits needs git, which is not on PATH; compare two folders instead: --base DIR --head DIR")
	}
	root, err := git(ctx, dir, "rev-parse", "--show-toplevel")
	if err != nil {
		return checkout{}, usagef("%s is in no git checkout (%v); compare two folders instead: --base DIR --head DIR", dir, err)
	}
	prefix, err := git(ctx, dir, "rev-parse", "--show-prefix")
	return checkout{root, prefix}, err
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// mainBranches are the names under which the main branch is looked for.
var mainBranches = []string{"origin/HEAD", "origin/main", "origin/master", "main", "master"}

// mergeBase is where the head's branch left the main one.
func (c checkout) mergeBase(ctx context.Context, head string) (string, error) {
	for _, branch := range mainBranches {
		if base, err := git(ctx, c.root, "merge-base", branch, head); err == nil {
			return base, nil
		}
	}
	return "", usagef("no main branch (%s) shares a commit with %s; name the base: --base REF (in CI, fetch the whole history: fetch-depth: 0)", strings.Join(mainBranches, ", "), head)
}

// commit is the commit that a name stands for.
func (c checkout) commit(ctx context.Context, name string) (string, error) {
	full, err := git(ctx, c.root, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	if err != nil {
		return "", usagef("%q is no commit of %s", name, c.root)
	}
	return full, nil
}

// workTree is the work tree as a commit: HEAD, or one that holds what has been changed since.
// Files that git does not know are not in it.
func (c checkout) workTree(ctx context.Context) (commit string, dirty bool, err error) {
	if commit, err = git(ctx, c.root, "stash", "create"); err != nil {
		return "", false, err
	}
	if commit != "" {
		return commit, true, nil
	}
	commit, err = git(ctx, c.root, "rev-parse", "HEAD")
	return commit, false, err
}

// extract writes a commit's files into a folder and returns the app's folder in it.
//
// Note: a git worktree would do the same, but leaves its registration behind in the user's
// repository when bench is killed.
func (c checkout) extract(ctx context.Context, commit, dir string) (string, error) {
	if tree, err := git(ctx, c.root, "ls-tree", "-r", commit); err == nil && (strings.HasPrefix(tree, "160000 ") || strings.Contains(tree, "\n160000 ")) {
		return "", usagef("%.12s has submodules, which git archive leaves out; compare two folders instead: --base DIR --head DIR", commit)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	archive := exec.CommandContext(ctx, "git", "-C", c.root, "archive", "--format=tar", commit)
	var stderr strings.Builder
	archive.Stderr = &stderr
	out, err := archive.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := archive.Start(); err != nil {
		return "", fmt.Errorf("git archive: %w", err)
	}
	err = untar(out, dir)
	if _, drainErr := io.Copy(io.Discard, out); err == nil {
		err = drainErr
	}
	if waitErr := archive.Wait(); waitErr != nil {
		err = errors.Join(err, fmt.Errorf("git archive %s: %w: %s", commit, waitErr, strings.TrimSpace(stderr.String())))
	}
	if err != nil {
		return "", fmt.Errorf("writing the files of %s: %w", commit, err)
	}
	return filepath.Join(dir, c.prefix), nil
}

// interpreter is where an app's Python is: an environment within the project is not in git,
// and so not among the extracted files; the checkout's own is used for both versions then.
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

// untar writes an archive below a folder, and nothing outside of it.
func untar(r io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for in := tar.NewReader(r); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch header.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(filepath.Clean(header.Name), 0o700)
		case tar.TypeSymlink:
			err = root.Symlink(header.Linkname, header.Name)
		case tar.TypeReg:
			err = writeFrom(root, header, in)
		}
		if err != nil {
			return err
		}
	}
}

func writeFrom(root *os.Root, header *tar.Header, in io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(header.Name), 0o700); err != nil {
		return err
	}
	f, err := root.OpenFile(header.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, os.FileMode(header.Mode)&0o700|0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, in)
	return errors.Join(err, f.Close())
}
