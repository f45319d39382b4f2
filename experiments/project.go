package experiments

import (
	"os"

	"bench/results"
	"bench/targets"
	"bench/targets/discover"
)

// Bundled stands for the project that comes with bench, where a folder is expected.
const Bundled = "bundled"

// LoadProject reads the bench.yaml of the named folder; without a name, that of the working folder
// if it describes an app, else the bundled project's, which is never measured instead of an app that
// is there and has no bench.yaml yet.
func LoadProject(dir string) (targets.Project, error) {
	if dir == "" && IsFile(targets.ProjectFile) {
		if project, err := targets.LoadProject("."); err != nil {
			return project, Misuse(err)
		} else if project.App.Described() {
			dir = "."
		}
	}
	if dir == "" {
		if own, found := discover.Beside(os.DirFS(".")); found {
			where := "this folder"
			if own != "." {
				where = own
			}
			return targets.Project{}, Misusef("there is an app in %s, and no %s here that says how to measure it: "+
				"run `bench init`, which writes one (or name another app with --app DIR, bench's own with --app %s)",
				where, targets.ProjectFile, Bundled)
		}
	}
	if dir == "" || dir == Bundled {
		return targets.Bundled()
	}
	project, err := targets.LoadProject(dir)
	if err == nil {
		err = project.App.Validate()
	}
	if err != nil {
		return project, Misuse(err)
	}
	return project, nil
}

// Objectives are the requested objectives in their stored form; if there are none, those of the
// project.
func Objectives(requested []string, project targets.Project) ([]string, error) {
	if len(requested) == 0 {
		requested = project.Objectives
	}
	var list []string
	for _, text := range requested {
		o, err := results.ParseObjective(text)
		if err != nil {
			return nil, err
		}
		list = append(list, o.String())
	}
	return list, nil
}

// IsFile reports whether the path is a regular file.
func IsFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// IsDir reports whether the path is a folder.
func IsDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
