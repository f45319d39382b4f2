package targets

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// mostDepth is how far below a folder its projects are looked for: services/shop/backend.
const mostDepth = 3

// projectsBelow are the folders below dir that have a bench.yaml, relative to it and nearest first.
func projectsBelow(dir string) (found []string) {
	var depths []string
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(dir, path)
		if err != nil || relErr != nil {
			return fs.SkipDir
		}
		switch {
		case !entry.IsDir() || rel == ".":
			return nil
		case foreign(path) || strings.Count(rel, string(filepath.Separator)) >= mostDepth:
			return fs.SkipDir
		}
		if info, err := os.Stat(filepath.Join(path, ProjectFile)); err == nil && info.Mode().IsRegular() {
			depths = append(depths, rel)
		}
		return nil
	})
	for depth := range mostDepth {
		for _, rel := range depths {
			if strings.Count(rel, string(filepath.Separator)) == depth {
				found = append(found, rel)
			}
		}
	}
	return found
}

// foreign reports whether a folder within a project holds what others wrote: packages, a repository's
// own files, or a hidden folder.
func foreign(path string) bool {
	name := filepath.Base(path)
	if name == "node_modules" || name == "bench-runs" || strings.HasPrefix(name, ".") {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "pyvenv.cfg"))
	return err == nil
}
