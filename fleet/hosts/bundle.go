package hosts

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// bundle is an app with its state and what was built from it, as one tar file, known by its hash.
type bundle struct {
	Hash string `json:"hash"`
	Size int64  `json:"size"`
	Keep bool   `json:"keep"` // it will be the same another time

	path string
}

// The folders of a bundle.
const (
	appFolder   = "app"
	stateFolder = "state"
	buildFolder = "build"
)

// mostBundled bounds a bundle: an app with more beside it is not what is meant.
const mostBundled = 4 << 30

// pack writes folders, by their names in the bundle, into a tar file. Equal folders give equal bytes.
func pack(to string, folders [][2]string) (b bundle, err error) {
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return b, fmt.Errorf("bundling the app: %w", err)
	}
	sum := sha256.New()
	p := packer{tar: tar.NewWriter(io.MultiWriter(out, sum))}
	for _, f := range folders {
		err = errors.Join(err, p.add(f[1], f[0], 0))
	}
	if err := errors.Join(err, p.tar.Close(), out.Close()); err != nil {
		return b, fmt.Errorf("bundling the app: %w", err)
	}
	info, err := os.Stat(to)
	if err != nil {
		return b, fmt.Errorf("bundling the app: %w", err)
	}
	return bundle{Hash: hex.EncodeToString(sum.Sum(nil)), Size: info.Size(), path: to}, nil
}

type packer struct {
	tar  *tar.Writer
	size int64
}

// mostLinks bounds how deep links to folders are followed.
const mostLinks = 40

// add adds a file or folder. Links are followed, since what they lead to is not on another host; what others
// wrote for this one, such as an environment of Python, is left out.
func (p *packer) add(from, name string, depth int) error {
	info, err := os.Stat(from)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // a link to nothing, or a folder that the app does not need
	case err != nil:
		return err
	case info.Mode().IsRegular():
		return p.file(from, name, info)
	case !info.IsDir() || depth > mostLinks || depth > 0 && isLeftOut(from):
		return nil
	}
	header := &tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, ModTime: info.ModTime()}
	if err := p.tar.WriteHeader(header); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	for _, entry := range entries {
		err = errors.Join(err, p.add(filepath.Join(from, entry.Name()), path.Join(name, entry.Name()), depth+1))
	}
	return err
}

// isLeftOut reports whether a folder is no use on another host.
func isLeftOut(dir string) bool {
	switch filepath.Base(dir) {
	case ".git", ".hg", "node_modules", ".tox", ".nox", "bench-runs":
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "pyvenv.cfg"))
	return err == nil
}

func (p *packer) file(from, name string, info fs.FileInfo) error {
	if p.size += info.Size(); p.size > mostBundled {
		return fmt.Errorf("the app's folder has more than %d GiB: keep what it does not need elsewhere", mostBundled>>30)
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: info.Size(), Mode: int64(info.Mode().Perm()), ModTime: info.ModTime(),
	}
	if err := p.tar.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(p.tar, io.LimitReader(in, info.Size()))
	return err
}

// unpack writes what is in a bundle into a folder, and nothing outside it.
func unpack(in io.Reader, to string) (err error) {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range []string{appFolder, stateFolder, buildFolder} {
		if err := root.MkdirAll(name, 0o755); err != nil {
			return err
		}
	}
	for entries := tar.NewReader(in); ; {
		h, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(h.Name, "/")
		switch h.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(name, 0o755)
		case tar.TypeReg:
			err = write(root, name, h, entries)
		default:
			err = fmt.Errorf("%s: there are only files and folders in a bundle", name)
		}
		if err != nil {
			return err
		}
	}
}

// verify compares a file with its hash, and begins it anew.
func verify(f *os.File, hash string) error {
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != hash {
		return errors.New("the app arrived damaged")
	}
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// write writes a file with its mode and time, by which Python knows its compiled code.
func write(root *os.Root, name string, h *tar.Header, in io.Reader) error {
	out, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fs.FileMode(h.Mode).Perm()|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close(), root.Chtimes(name, h.ModTime, h.ModTime))
}
