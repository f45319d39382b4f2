package servers

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Plain returns the tools with links in dir in place of paths that no configuration file can hold, such as
// an environment in a folder with a blank. Python takes an environment for where the link lies, and finds
// its packages there.
func (t Tools) Plain(dir string) (Tools, error) {
	l := links{dir: dir, made: map[string]string{}}
	plain := Tools{}
	for _, name := range slices.Sorted(maps.Keys(t)) {
		tool := t[name]
		var err error
		if tool.Path, err = l.plain(tool.Path, filepath.Dir(filepath.Dir(tool.Path))); err != nil {
			return nil, err
		}
		tool.Facts = maps.Clone(tool.Facts)
		for fact, value := range tool.Facts {
			if filepath.IsAbs(value) {
				if tool.Facts[fact], err = l.plain(value, value); err != nil {
					return nil, err
				}
			}
		}
		plain[name] = tool
	}
	return plain, nil
}

// links are links to folders, by folder.
type links struct {
	dir  string
	made map[string]string
}

// plain returns the path through a link to the folder that it lies in, if it needs one.
func (l links) plain(path, folder string) (string, error) {
	if PlainPath(path) {
		return path, nil
	}
	link, known := l.made[folder]
	if !known {
		link = filepath.Join(l.dir, fmt.Sprintf("link-%d", len(l.made)+1))
		if err := os.Symlink(folder, link); err != nil {
			return "", fmt.Errorf("linking %s: %w", folder, err)
		}
		l.made[folder] = link
	}
	return filepath.Join(link, strings.TrimPrefix(path, folder)), nil
}
