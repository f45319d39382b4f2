package servers

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A tree is a copy of an app's folder, in which the app is prepared, and of which every boot gets a copy
// of its own. A copy and not a link, because an app finds its files from where its own code lies: the
// database beside settings.py is then the copy's.

// largeFile is the size from which a file that is not state is linked and not copied: code is smaller.
const largeFile = 1 << 20

// copyFolder copies an app's folder. What others wrote, such as packages, and large files are linked:
// they are read and not written.
func copyFolder(from, to string) error {
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case path == to, entry.IsDir() && entry.Name() == "bench-runs":
			return fs.SkipDir
		case entry.IsDir() && rel != "." && isForeign(path):
			if err := os.Symlink(path, target); err != nil {
				return err
			}
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		case entry.Type()&fs.ModeSymlink != 0:
			return copyLink(from, path, target)
		case entry.Type().IsRegular():
			return copySmall(path, target, entry)
		}
		return nil // a socket or a pipe
	})
	if err != nil {
		return fmt.Errorf("copying the app's folder %s: %w", from, err)
	}
	return nil
}

// isForeign reports whether a folder holds what others wrote and the app only reads.
func isForeign(path string) bool {
	if slices.Contains([]string{".git", ".hg", "node_modules", ".tox", ".nox"}, filepath.Base(path)) {
		return true
	}
	return isFile(filepath.Join(path, "pyvenv.cfg")) // a virtual environment
}

// copyLink copies a symbolic link; one that leads out of the folder still leads to the same place.
func copyLink(root, path, to string) error {
	target, err := os.Readlink(path)
	if err != nil {
		return err
	}
	if !filepath.IsAbs(target) {
		absolute := filepath.Join(filepath.Dir(path), target)
		if rel, err := filepath.Rel(root, absolute); err != nil || !filepath.IsLocal(rel) {
			target = absolute
		}
	}
	return os.Symlink(target, to)
}

func copySmall(path, to string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err == nil && info.Size() < largeFile {
		if err = copyFile(path, to, info); !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // removed in the meantime
	}
	return os.Symlink(path, to)
}

// copyFile copies a file with its mode and time, by which Python knows its compiled code.
func copyFile(from, to string, info fs.FileInfo) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, info.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close(), os.Chtimes(to, time.Time{}, info.ModTime()))
}

// besideDatabase are the endings of the files that SQLite keeps beside a database.
var besideDatabase = []string{"-wal", "-journal"}

// copyState copies a file or folder of the app's state, with what belongs to it, replacing what is
// there. It reports whether there was one.
func copyState(from, to string) (found bool, err error) {
	info, err := os.Stat(from) // follows links: the content counts
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = errors.Join(os.RemoveAll(to), os.MkdirAll(filepath.Dir(to), 0o755))
	}
	if err != nil {
		return false, fmt.Errorf("copying the app's state: %w", err)
	}
	if info.IsDir() {
		err = copyAll(from, to)
	} else if err = copyFile(from, to, info); err == nil {
		for _, ending := range besideDatabase {
			if info, statErr := os.Stat(from + ending); statErr == nil && info.Mode().IsRegular() {
				err = errors.Join(err, os.RemoveAll(to+ending), copyFile(from+ending, to+ending, info))
			}
		}
	}
	if err != nil {
		return false, fmt.Errorf("copying the app's state: %w", err)
	}
	return true, nil
}

// copyAll copies a folder, with links as what they lead to.
func copyAll(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	for _, entry := range entries {
		path, target := filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())
		info, statErr := os.Stat(path)
		switch {
		case statErr != nil: // a link to nothing
		case info.IsDir():
			err = errors.Join(err, copyAll(path, target))
		case info.Mode().IsRegular():
			err = errors.Join(err, copyFile(path, target, info))
		}
	}
	return err
}

// linkFolder makes a boot's copy of a prepared tree: its state is copied, and everything else are hard
// links, which cost nothing and lie where the copy lies.
func linkFolder(tree, to string, state []string) error {
	isState := func(rel string) bool {
		return slices.ContainsFunc(state, func(s string) bool {
			return rel == s || strings.HasPrefix(rel, s+string(filepath.Separator)) ||
				slices.ContainsFunc(besideDatabase, func(ending string) bool { return rel == s+ending })
		})
	}
	err := filepath.WalkDir(tree, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(tree, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		case entry.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			return errors.Join(err, os.Symlink(link, target))
		case !entry.Type().IsRegular():
			return nil
		case !isState(rel) && os.Link(path, target) == nil:
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return copyFile(path, target, info)
	})
	if err != nil {
		return fmt.Errorf("copying the prepared app: %w", err)
	}
	return nil
}
