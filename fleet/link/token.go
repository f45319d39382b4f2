package link

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
)

// Token lets one process connect to a listener. It is a secret: it lives in a file that only its owner may
// read, and never in a command line.
type Token struct {
	Name        string `json:"name"` // of whom it lets in
	Role        string `json:"role"` // what it may do there; the listener's owner says which there are
	Address     string `json:"address"`
	Certificate string `json:"certificate"` // SHA-256 of the listener's
	Password    string `json:"password"`
}

// mostTokenBytes bounds a token's file, and what a stranger may say.
const mostTokenBytes = 4 << 10

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

// CheckName refuses what cannot be the name of a token: it is that of a file too.
func CheckName(name string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("%q is not a name: want up to 63 letters, digits, - and _", name)
	}
	return nil
}

// WriteFile writes the token into a new file of mode 0600, in place of an older one.
func (t Token) WriteFile(path string) error {
	data, err := json.MarshalIndent(t, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = WriteSecret(path, append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("writing a token: %w", err)
	}
	return nil
}

// WriteSecret writes a new file that nobody but its owner has ever been able to read.
func WriteSecret(path string, data []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// ReadToken reads a token's file, and refuses one that others may read.
func ReadToken(path string) (t Token, err error) {
	data, err := ReadSecret(path)
	if err != nil {
		return t, fmt.Errorf("the file of a token cannot be used: %w", err)
	}
	if err := json.Unmarshal(data, &t); err != nil {
		return t, fmt.Errorf("%s is not the file of a token (%w): copy it as bench wrote it", path, err)
	}
	if CheckName(t.Name) != nil || t.Address == "" || len(t.Certificate) != hashDigits || t.Password == "" {
		return t, fmt.Errorf("%s is not the file of a token: want a name, an address, the SHA-256 of a certificate and "+
			"a password: copy it as bench wrote it", path)
	}
	return t, nil
}

// ReadSecret reads a small file that nobody else may read.
func ReadSecret(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not stop bench
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if err := private(info); err != nil {
		return nil, fmt.Errorf("%s %w: chmod 600 %s, and ask for a new one if somebody may have read it", path, err, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, mostTokenBytes+1))
	if err == nil && len(data) > mostTokenBytes {
		err = fmt.Errorf("%s has more than %d bytes", path, mostTokenBytes)
	}
	return data, err
}

// private reports how others than this process may get at a file. A pod reads its Secrets as a member of
// their group; whoever owns a file needs no group for that.
func private(info fs.FileInfo) error {
	open := fs.FileMode(0o077)
	if of, known := info.Sys().(*syscall.Stat_t); known && os.Geteuid() != 0 && int(of.Uid) != os.Geteuid() {
		open = 0o037
	}
	if mode := info.Mode().Perm(); mode&open != 0 {
		return fmt.Errorf("is open to other users (mode %#o)", mode)
	}
	return nil
}
