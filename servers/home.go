package servers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// prepareDir writes every file of the blueprint and the boot's copy of the app's state.
func (b Blueprint) prepareDir() error {
	if len(b.Processes) == 0 {
		return nil
	}
	if err := copyTree(b.State, b.StateDir); err != nil {
		return fmt.Errorf("copying the app's state: %w", err)
	}
	if b.Tree != "" {
		if err := linkFolder(b.Tree, b.AppDir, b.Copied); err != nil {
			return err
		}
	}
	for _, p := range b.Processes {
		if err := p.makeHome(); err != nil {
			return err
		}
		for _, f := range p.Files {
			if err := os.MkdirAll(filepath.Dir(f.Path), 0o700); err != nil {
				return err
			}
			if err := os.WriteFile(f.Path, []byte(f.Text), 0o600); err != nil {
				return err
			}
		}
	}
	if err := b.RunAs.Own(b.Dir); err != nil {
		return err
	}
	return b.ownServices()
}

// ownServices gives the folders of services to the users that they run as. The servers' group may pass through them:
// Apache's processes keep root's group when they give up its privileges.
func (b Blueprint) ownServices() error {
	group := os.Getgid()
	if b.RunAs != nil {
		group = int(b.RunAs.GID)
	}
	for _, p := range b.Processes {
		if p.RunAs == nil {
			continue
		}
		err := errors.Join(os.Chmod(b.Dir, 0o711), p.RunAs.Own(p.Home), // to be passed through
			os.Chown(p.Home, -1, group), os.Chmod(p.Home, 0o710))
		if err != nil {
			return err
		}
	}
	return nil
}

// dataFolder is where a service's data is, in its own folder.
const dataFolder = "data"

// makeHome makes the process's folder, with a copy of its data.
func (p Process) makeHome() error {
	if err := os.MkdirAll(p.Home, 0o700); err != nil || p.Data == "" {
		return err
	}
	data := filepath.Join(p.Home, dataFolder)
	if err := copyTree(p.Data, data); err != nil {
		return fmt.Errorf("copying the data of %s: %w", p.Name, err)
	}
	return closeFolders(data)
}

// closeFolders closes a copy of a folder to other users, as it was: some servers refuse to start otherwise.
func closeFolders(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = os.Chmod(path, 0o700)
		}
		return err
	})
}
