package results

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
)

// Disk is what the store needs of a file system: so few operations that a test can fail, cut short or
// stop the program at every single one of them. Names are relative and have slashes.
type Disk interface {
	// Mkdir creates a folder and those above it; one that exists is no error.
	Mkdir(name string) error
	// Write creates a file with the data, all of which has reached the disk when it returns. The file
	// must not exist.
	Write(name string, data []byte) error
	// Rename gives a file or a folder another name; a file of that name is replaced.
	Rename(from, to string) error
	// Remove removes a file, or a folder with all that is in it; one that does not exist is no error.
	Remove(name string) error
	// Sync makes the names in a folder last.
	Sync(name string) error
	// Read returns the content of a regular file that is not larger than a run's files can be.
	Read(name string) ([]byte, error)
	// List returns the names in a folder.
	List(name string) ([]string, error)
}

// put writes a file that is never seen half written: under a temporary name in the same folder,
// synced, renamed; and the folder synced.
func put(d Disk, name string, data []byte) error {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand documents that it aborts instead
	dir, base := path.Split(name)
	dir = path.Clean(dir)
	draft := path.Join(dir, "."+base+"."+hex.EncodeToString(random[:])+".tmp")
	err := d.Write(draft, data)
	if err == nil {
		err = d.Rename(draft, name)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, errors.Join(err, d.Remove(draft)))
	}
	if err := d.Sync(dir); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// putTree writes a folder that appears with all its files at once.
func putTree(d Disk, name string, files map[string][]byte) error {
	dir, base := path.Split(name)
	dir = path.Clean(dir)
	draft := path.Join(dir, "."+base+".tmp")
	if err := writeTree(d, draft, files); err != nil {
		return errors.Join(err, d.Remove(draft))
	}
	if err := d.Rename(draft, name); err != nil {
		return errors.Join(err, d.Remove(draft))
	}
	return d.Sync(dir)
}

func writeTree(d Disk, root string, files map[string][]byte) error {
	if err := d.Remove(root); err != nil { // of a program that was killed
		return err
	}
	folders := map[string]bool{root: true}
	if err := d.Mkdir(root); err != nil {
		return err
	}
	for name, data := range inOrder(files) {
		file := path.Join(root, name)
		for dir := path.Dir(file); !folders[dir]; dir = path.Dir(dir) {
			folders[dir] = true
		}
		if err := d.Mkdir(path.Dir(file)); err != nil {
			return err
		}
		if err := d.Write(file, data); err != nil {
			return err
		}
	}
	for dir := range inOrder(folders) {
		if err := d.Sync(dir); err != nil {
			return err
		}
	}
	return nil
}

// Folder is the disk below a folder of this machine. Nothing outside it is read or written: links in
// it, which a run directory from elsewhere may hold, are refused.
type Folder string

// WriteInto writes a file of a folder, such as a run directory, and the folders above it. The file is
// never seen half written.
func WriteInto(dir, name string, data []byte) error {
	d := Folder(dir)
	if above := path.Dir(name); above != "." {
		if err := d.Mkdir(above); err != nil {
			return fmt.Errorf("writing %s in %s: %w", name, dir, err)
		}
	}
	if err := put(d, name, data); err != nil {
		return fmt.Errorf("in %s: %w", dir, err)
	}
	return nil
}

// within calls use with the folder opened, once none of the name's parts is a link.
func (f Folder) within(name string, use func(*os.Root) error) (err error) {
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for at := name; at != "." && at != "/"; at = path.Dir(at) {
		info, err := root.Lstat(at)
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%s is a link; only regular files and folders belong there", at)
		}
	}
	return use(root)
}

// Mkdir is part of Disk.
func (f Folder) Mkdir(name string) error {
	return f.within(name, func(root *os.Root) error { return root.MkdirAll(name, 0o700) })
}

// Write is part of Disk.
func (f Folder) Write(name string, data []byte) error {
	return f.within(name, func(root *os.Root) error {
		file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = file.Write(data)
		if err == nil {
			err = file.Sync()
		}
		return errors.Join(err, file.Close())
	})
}

// Rename is part of Disk.
func (f Folder) Rename(from, to string) error {
	return f.within(path.Dir(to), func(root *os.Root) error { return root.Rename(from, to) })
}

// Remove is part of Disk.
func (f Folder) Remove(name string) error {
	return f.within(path.Dir(name), func(root *os.Root) error { return root.RemoveAll(name) })
}

// Sync is part of Disk.
func (f Folder) Sync(name string) error {
	return f.within(name, func(root *os.Root) error {
		dir, err := root.Open(name)
		if err != nil {
			return err
		}
		return errors.Join(dir.Sync(), dir.Close())
	})
}

// mostBytes is the size beyond which no file of a run directory can be valid.
const mostBytes = 64 << 20

// Read is part of Disk.
func (f Folder) Read(name string) (data []byte, err error) {
	err = f.within(name, func(root *os.Root) error {
		file, err := openRegular(root, name, os.O_RDONLY)
		if err != nil {
			return err
		}
		data, err = io.ReadAll(io.LimitReader(file, mostBytes+1))
		if len(data) > mostBytes {
			err = fmt.Errorf("%s is larger than %d MiB", name, mostBytes>>20)
		}
		return errors.Join(err, file.Close())
	})
	return data, err
}

// openRegular opens a regular file, and refuses anything else without waiting for it, as opening a pipe
// would.
func openRegular(root *os.Root, name string, how int) (*os.File, error) {
	file, err := root.OpenFile(name, how|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// List is part of Disk.
func (f Folder) List(name string) (names []string, err error) {
	err = f.within(name, func(root *os.Root) error {
		entries, err := fs.ReadDir(root.FS(), name)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return err
	})
	return names, err
}
