package discover

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Interpreter is a Python that may have the app's packages.
type Interpreter struct {
	Path string
	Why  string
}

// Asker runs a program in a folder and returns what it printed; empty if it fails or is not there.
type Asker func(dir string, argv ...string) string

// environmentTools are programs that know where a project's environment is, with the file that says that
// a project uses them. They print its folder, or the interpreter itself.
var environmentTools = []struct {
	file string
	argv string
}{
	{"poetry.lock", "poetry env info --path"},
	{"pdm.lock", "pdm info --python"},
	{"Pipfile", "pipenv --venv"},
	{"uv.lock", "uv python find --offline"},
}

// Interpreters lists the interpreters that may be the project's, likeliest first: an activated
// environment, those beside the project, those of its tools, and those on PATH. The environment
// variables are the user's; folders go from the app's up to the tree's root.
func Interpreters(
	env map[string]string, folders []string, ask Asker, onPath func(string) string,
) (found []Interpreter) {
	add := func(path, why string) {
		if path == "" || !executable(path) ||
			slices.ContainsFunc(found, func(i Interpreter) bool { return i.Path == path }) {
			return
		}
		found = append(found, Interpreter{path, why})
	}
	inFolder := func(dir, why string) { add(filepath.Join(dir, "bin/python"), why) }
	if active := env["VIRTUAL_ENV"]; active != "" {
		inFolder(active, "the environment that is active (VIRTUAL_ENV)")
	}
	for _, dir := range folders {
		if own := env["UV_PROJECT_ENVIRONMENT"]; own != "" {
			inFolder(joined(dir, own), "UV_PROJECT_ENVIRONMENT")
		}
		for _, name := range []string{".venv", "venv", "env", ".env", "virtualenv", ".virtualenv"} {
			inFolder(filepath.Join(dir, name), "the environment in "+name)
		}
		for _, name := range environmentsIn(dir) {
			inFolder(filepath.Join(dir, name), "the environment in "+name)
		}
		if text, err := os.ReadFile(filepath.Join(dir, ".pdm-python")); err == nil {
			add(strings.TrimSpace(string(text)), "the interpreter that .pdm-python names")
		}
	}
	for _, dir := range folders {
		for _, tool := range environmentTools {
			if !isFile(filepath.Join(dir, tool.file)) {
				continue
			}
			argv := strings.Fields(tool.argv)
			why := argv[0] + " names it"
			if said := ask(dir, argv...); isFile(said) {
				add(said, why)
			} else if said != "" {
				inFolder(said, why)
			}
		}
	}
	if conda := env["CONDA_PREFIX"]; conda != "" {
		inFolder(conda, "the conda environment that is active")
	}
	for _, name := range strings.Fields("python3 python") {
		add(onPath(name), name+" on PATH")
	}
	return found
}

// environmentsIn are the virtual environments of a folder whose names are not the usual ones.
func environmentsIn(dir string) (names []string) {
	configs, _ := filepath.Glob(filepath.Join(dir, "*", "pyvenv.cfg"))
	for _, config := range configs {
		names = append(names, filepath.Base(filepath.Dir(config)))
	}
	return names
}

func joined(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
