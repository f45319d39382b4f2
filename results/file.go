package results

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// WriteFile writes the file that a user named, of mode 0600. A regular file is never seen half written,
// and a link to one stays a link. What is not a regular file is never replaced: a device or a pipe that
// somebody reads is written into, anything else is refused.
func WriteFile(path string, data []byte) error {
	o, err := outputAt(path)
	if err == nil {
		err = o.write(data)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// CheckOutput returns why WriteFile cannot write there, if that is known beforehand. It changes nothing.
func CheckOutput(path string) error {
	o, err := outputAt(path)
	if err == nil {
		err = o.check()
	}
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	return nil
}

// output is where the data of a named file goes.
type output struct {
	path   string // without links, unless into is set
	into   bool   // it is written into, rather than replaced
	append bool   // it is a stream that others write to as well
}

func outputAt(path string) (output, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil {
			return output{}, errors.New("it is a link to a file that does not exist")
		}
		return output{path: path}, nil
	}
	if err != nil {
		return output{}, reason(err)
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		return output{}, errors.New("it is a folder; name a file in it")
	case mode&(fs.ModeCharDevice|fs.ModeNamedPipe) != 0:
		return output{path: path, into: true}, nil
	case !mode.IsRegular():
		return output{}, fmt.Errorf("it is neither a file, a pipe nor a character device, but has the mode %v", mode)
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return output{}, reason(err)
	}
	if isStream := strings.HasPrefix(path, "/dev/") || strings.HasPrefix(path, "/proc/"); isStream {
		return output{path: path, into: true, append: true}, nil // /dev/stdout that the shell sent to a file
	}
	return output{path: resolved}, nil
}

// reason is an error without the operation and path that the message names already.
func reason(err error) error {
	if of := (*fs.PathError)(nil); errors.As(err, &of) {
		return of.Err
	}
	return err
}

func (o output) check() error {
	if o.into {
		return nil
	}
	draft, err := o.draft()
	if err != nil {
		return reason(err)
	}
	return errors.Join(draft.Close(), os.Remove(draft.Name()))
}

func (o output) draft() (*os.File, error) {
	return os.CreateTemp(filepath.Dir(o.path), "."+filepath.Base(o.path)+".*.tmp")
}

func (o output) write(data []byte) error {
	if o.into {
		return o.writeInto(data)
	}
	f, err := o.draft()
	if err != nil {
		return reason(err)
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), o.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(o.path))
}

// writeInto writes into a device or a pipe. A pipe that nobody reads would block for ever, and is
// refused.
func (o output) writeInto(data []byte) error {
	how := os.O_WRONLY | syscall.O_NONBLOCK
	if o.append {
		how |= os.O_APPEND
	}
	f, err := os.OpenFile(o.path, how, 0)
	if errors.Is(err, syscall.ENXIO) {
		return errors.New("it is a pipe that nobody reads")
	}
	if err != nil {
		return reason(err)
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
