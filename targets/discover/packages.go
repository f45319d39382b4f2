package discover

import (
	"os"
	"path/filepath"
)

// Made is an environment that was made from a list of packages.
type Made struct {
	Python string // empty: there is none
	List   string // relative to the folder that is searched
}

// packageLists are the files that list a project's packages, those that pin them all first.
var packageLists = []string{
	"uv.lock", "poetry.lock", "requirements.txt", "requirements/production.txt", "requirements/prod.txt",
	"requirements/base.txt", "requirements/requirements.txt", "requirements/common.txt", "pyproject.toml",
}

// PackageLists are the lists of a folder, and of the project in it, likeliest first.
func PackageLists(dir string) (lists []string) {
	folders := []string{"."}
	if tree, err := ReadTree(os.DirFS(dir)); err == nil {
		if projects := tree.Projects(); len(projects) > 0 && projects[0].Dir != "." {
			folders = []string{projects[0].Dir, "."}
		}
	}
	for _, folder := range folders {
		for _, name := range packageLists {
			if name = filepath.Join(folder, name); isFile(filepath.Join(dir, name)) {
				lists = append(lists, name)
			}
		}
	}
	return lists
}
