package servers

import (
	"context"
	"errors"
	"path/filepath"
)

// Lent is a service that runs for somebody outside of any boot.
type Lent struct {
	URL      string
	Settings map[string]string // for the module that ServicesModule is
	Close    func() error      // stops it; its data are lost
}

// Lend starts a service of a kind for the app in a folder, with databases of those names.
func (s *Site) Lend(ctx context.Context, kind, folder string, databases []string) (Lent, error) {
	if _, err := s.Host.findServiceTool(ctx, kind); err != nil {
		return Lent{}, err
	}
	var v serving
	if err := v.start(ctx, s, folder, map[string][]string{kind: databases}); err != nil {
		return Lent{}, errors.Join(err, v.close())
	}
	return Lent{v.all[0].url, v.all[0].settings, v.close}, nil
}

// ServicesModule is the Python module that finds the servers that settings name, and replaces their addresses. It
// needs nothing but the standard library.
func ServicesModule() string { return string(servicesModule) }

// CopyFolder copies an app's folder for something that may write into it, as the preparation of an app does: large
// files are linked, unless they are among the app's state.
func CopyFolder(from, to string, state []string) error {
	err := copyFolder(from, to)
	for _, path := range state {
		_, copyErr := copyState(filepath.Join(from, path), filepath.Join(to, path))
		err = errors.Join(err, copyErr)
	}
	return err
}
