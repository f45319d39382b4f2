package proc

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// User is another user that root may start processes as.
type User struct {
	UID, GID uint32
	Name     string
}

// Own gives a user a file or a folder with all that is in it; links are not followed. An empty path is nothing.
func (u *User) Own(path string) error {
	if u == nil || path == "" {
		return nil
	}
	return filepath.WalkDir(path, func(at string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(at, int(u.UID), int(u.GID))
	})
}

// EnvFor is an environment for the user, whose home is a folder of its own.
func EnvFor(env []string, u *User, home string) (own []string) {
	for _, pair := range env {
		switch name, _, _ := strings.Cut(pair, "="); name {
		case "HOME":
			pair = "HOME=" + home
		case "USER":
			pair = "USER=" + u.Name
		}
		own = append(own, pair)
	}
	return own
}

// credential is what the kernel is asked to start a process of the user with: no other groups.
func (u *User) credential() *syscall.Credential {
	if u == nil {
		return nil
	}
	return &syscall.Credential{Uid: u.UID, Gid: u.GID}
}
