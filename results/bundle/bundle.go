// Package bundle makes one file of a run directory, to send to somebody, and a run directory of such a file.
// A bundle from elsewhere is opened with suspicion: it may not write outside its folder, hold anything but
// files, or take more room than a run does.
package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"

	"bench/results"
)

// Extension ends the names of bundles.
const Extension = ".bench.tar.gz"

// The most that a bundle may hold.
const (
	mostFiles     = 200_000
	mostFileBytes = 64 << 20
	mostBytes     = 2 << 30
	longestName   = 500
)

// Is reports whether a path is a bundle by its name and kind.
func Is(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && (strings.HasSuffix(file, ".tar.gz") || strings.HasSuffix(file, ".tgz"))
}

// Write writes a run directory as a bundle: every file of it, in the order of their names, so that the same
// run gives the same bytes.
func Write(w io.Writer, dir string) error {
	run, err := results.Load(dir)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	packed := gzip.NewWriter(w)
	archive := tar.NewWriter(packed)
	name := filepath.Base(filepath.Clean(dir))
	err = fs.WalkDir(root.FS(), ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if strings.HasPrefix(entry.Name(), ".") {
			return nil // a draft that was never finished
		}
		if !entry.Type().IsRegular() {
			return fmt.Errorf("%s is not a regular file", file)
		}
		data, err := root.ReadFile(file)
		if err != nil {
			return err
		}
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: path.Join(name, file), Size: int64(len(data)), Mode: 0o600,
			ModTime: run.Manifest.Started, Format: tar.FormatPAX,
		}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		_, err = archive.Write(data)
		return err
	})
	if err = errors.Join(err, archive.Close(), packed.Close()); err != nil {
		return fmt.Errorf("bundling %s: %w", dir, err)
	}
	return nil
}

// Open makes a run directory of a bundle, below a folder, and returns its path. If the same run is there
// already, it is left as it is; another one of the same name is an error.
func Open(file, below string) (dir string, err error) {
	in, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer in.Close()
	if err := os.MkdirAll(below, 0o700); err != nil {
		return "", err
	}
	root, err := os.OpenRoot(below)
	if err != nil {
		return "", err
	}
	defer root.Close()
	draft := ".bundle-" + random() + ".tmp"
	defer func() { err = errors.Join(err, root.RemoveAll(draft)) }()
	name, err := unpack(in, root, draft)
	if err != nil {
		return "", fmt.Errorf("opening %s: %w", file, err)
	}
	unpacked := filepath.Join(below, draft, name)
	if _, err := results.Load(unpacked); err != nil {
		return "", fmt.Errorf("opening %s: %w", file, err)
	}
	dir = filepath.Join(below, name)
	if _, err := root.Lstat(name); err == nil {
		if same(unpacked, dir) {
			return dir, nil
		}
		return "", fmt.Errorf("opening %s: there is another run %s already", file, dir)
	}
	return dir, root.Rename(path.Join(draft, name), name)
}

func random() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand documents that it aborts instead
	return hex.EncodeToString(b[:])
}

// same reports whether two folders hold the same run: their checksums are those of every file.
func same(a, b string) bool {
	one, err := os.ReadFile(filepath.Join(a, "SHA256SUMS"))
	two, missing := results.Folder(b).Read("SHA256SUMS")
	return err == nil && missing == nil && bytes.Equal(one, two)
}

// unpack writes the files of a bundle below a folder of the root, and returns the name of the run.
func unpack(r io.Reader, root *os.Root, draft string) (run string, err error) {
	packed, err := gzip.NewReader(r)
	if err != nil {
		return "", fmt.Errorf("not a bundle: %w", err)
	}
	left := int64(mostBytes)
	archive := tar.NewReader(io.LimitReader(packed, mostBytes+mostFiles*2048)) // with the headers
	for files := 0; ; files++ {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("not a bundle: %w", err)
		}
		if files == mostFiles {
			return "", fmt.Errorf("it holds more than %d files", mostFiles)
		}
		name, err := checked(header, run)
		if err != nil {
			return "", err
		}
		if run, _, _ = strings.Cut(name, "/"); header.Size > left {
			return "", fmt.Errorf("it holds more than %d MiB", mostBytes>>20)
		}
		left -= header.Size
		if err := write(root, path.Join(draft, name), archive); err != nil {
			return "", err
		}
	}
	if run == "" {
		return "", errors.New("it holds no file")
	}
	return run, nil
}

// checked is the name of an entry that may be written.
func checked(h *tar.Header, run string) (string, error) {
	top, rest, below := strings.Cut(h.Name, "/")
	switch {
	case h.Typeflag != tar.TypeReg:
		return "", fmt.Errorf("%q is not a regular file", h.Name)
	case len(h.Name) > longestName || strings.ContainsFunc(h.Name, unfit) || !filepath.IsLocal(h.Name) ||
		path.Clean(h.Name) != h.Name:
		return "", fmt.Errorf("%q is not the name of a file in a run", h.Name)
	case !below || rest == "" || strings.HasPrefix(top, "."):
		return "", fmt.Errorf("%q is not in the folder of a run", h.Name)
	case run != "" && top != run:
		return "", fmt.Errorf("it holds two folders, %q and %q", run, top)
	case h.Size < 0 || h.Size > mostFileBytes:
		return "", fmt.Errorf("%q has %d bytes: no file of a run has more than %d MiB", h.Name, h.Size, mostFileBytes>>20)
	}
	return h.Name, nil
}

// unfit are characters that names of a run's files do not have.
func unfit(c rune) bool { return c == '\\' || c == unicode.ReplacementChar || !unicode.IsPrint(c) }

// write writes a new file; a second one of the same name is an error.
func write(root *os.Root, name string, data io.Reader) error {
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, data)
	return errors.Join(err, f.Close())
}
