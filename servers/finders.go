package servers

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// finder is how a tool is found. Whatever is special about a tool is in its row and nowhere else.
type finder struct {
	name     string
	provided string // the command that installs it; empty: none
	asked    bool   // looked for only where a topology needs it
	beside   bool   // it belongs in the environment of the app's interpreter
	library  bool   // it may have no program of its own
	lacking  string // what its absence means, where that is not that it is not installed
	find     func(ctx context.Context, s search, name string) (Tool, error)
}

// finders are the tools that bench knows, each after those that it depends on.
func finders() []finder {
	const setup = "bench setup"
	rows := []finder{
		{name: "python", provided: setup, find: findPython},
		{name: "django", provided: setup, library: true, find: findDjango},
		{name: "uwsgi", provided: setup, beside: true, find: findUWSGI},
		{name: "nginx", provided: setup, find: findSystem},
		{name: "unshare", asked: true, find: findUnshare, lacking: "the server refuses to run as root, and this machine " +
			"gives root no namespace in which it is somebody else: run bench as another user"},
	}
	for _, name := range PythonPackages {
		row := finder{
			name: name, provided: setup + " --with " + name, asked: true, beside: true, library: true, find: findPackage,
		}
		if name == modWSGI {
			row.find = findModWSGI
		}
		rows = append(rows, row)
	}
	for _, p := range SystemPackages() {
		rows = append(rows, finder{name: p.Tool, provided: setup + " --with " + p.Tool, asked: true, find: p.find})
	}
	return rows
}

// PythonPackages are the tools that bench setup installs from PyPI where they are asked for. They
// are run by the app's interpreter, so they have to be installed for it.
var PythonPackages = []string{
	"gunicorn", "uvicorn", "uvicorn-worker", "granian", "hypercorn", "daphne", "waitress", "whitenoise",
	"supervisor", modWSGI,
}

// SystemPackage is a tool that bench setup installs from the system's packages where it is asked for.
type SystemPackage struct {
	Tool    string
	Package string // Debian's name
	Service string // that the package starts; empty: none
	Client  string // the package from PyPI with which apps reach it; empty: none
	find    func(ctx context.Context, s search, name string) (Tool, error)
}

// SystemPackages lists all of them.
func SystemPackages() []SystemPackage {
	return []SystemPackage{
		{"caddy", "caddy", "caddy", "", findSystem},
		{"haproxy", "haproxy", "haproxy", "", findSystem},
		{apache, "apache2-bin", "", "", findApache}, // the program alone
		{"postgres", "postgresql", "postgresql", "psycopg", findPostgres},
		{"redis", "redis-server", "redis-server", "redis", findRedis},
	}
}

// finderOf returns a tool's row; a tool without one is an ordinary program, which may have been
// installed with the app's packages.
func finderOf(name string) finder {
	rows := finders()
	if i := slices.IndexFunc(rows, func(f finder) bool { return f.name == name }); i >= 0 {
		return rows[i]
	}
	return finder{name: name, beside: true, find: findProgram}
}

// search is where tools are looked for, and what has been found so far.
type search struct {
	path   string
	python string
	found  Tools
}

// besideOrOnPath looks for a program next to the app's interpreter, then on PATH.
func (s search) besideOrOnPath(name string) Tool {
	if python := s.found.Path("python"); python != "" {
		if path := LookPath(filepath.Join(filepath.Dir(python), name), ""); path != "" {
			return Tool{Path: path, How: "next to the interpreter"}
		}
	}
	if path := LookPath(name, s.path); path != "" {
		return Tool{Path: path, How: "on PATH"}
	}
	return Tool{}
}

func findProgram(ctx context.Context, s search, name string) (Tool, error) {
	tool := s.besideOrOnPath(name)
	if tool.Path != "" {
		tool.Version = version(ctx, tool.Path, "--version")
	}
	return tool, nil
}

// findPackage asks the interpreter for a package. The program that comes with it, if any, is beside
// the interpreter.
func findPackage(ctx context.Context, s search, name string) (Tool, error) {
	python := s.found.Path("python")
	if python == "" {
		return Tool{}, nil
	}
	const question = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"
	out, err := exec.CommandContext(ctx, python, "-c", question, name).Output()
	if err != nil {
		return Tool{}, ctx.Err() // not installed
	}
	return Tool{
		Path: LookPath(filepath.Join(filepath.Dir(python), name), ""), Version: strings.TrimSpace(string(out)),
		How: "imported by the interpreter",
	}, nil
}

// findSystem looks for a program of the system.
func findSystem(ctx context.Context, s search, name string) (Tool, error) {
	tool := Tool{Path: LookPath(name, s.path), How: "on PATH"}
	if tool.Path == "" {
		const notOnEveryPath = "/usr/sbin:/usr/local/sbin"
		tool = Tool{Path: LookPath(name, notOnEveryPath), How: "in " + notOnEveryPath}
	}
	if tool.Path == "" {
		return Tool{}, nil
	}
	for _, flag := range []string{"-v", "version"} {
		if tool.Version = version(ctx, tool.Path, flag); tool.Version != "" {
			break
		}
	}
	return tool, nil
}

// postgresFolders are where packages and builds put PostgreSQL's programs, which are not on PATH.
var postgresFolders = []string{
	"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/lib/postgresql*/bin", "/usr/libexec/postgresql*",
	"/usr/local/pgsql/bin", "/opt/postgresql*/bin",
}

// findPostgres looks for the newest PostgreSQL with all that a database of one's own takes. Its facts are the
// paths of the other programs.
func findPostgres(ctx context.Context, s search, _ string) (best Tool, err error) {
	dirs := filepath.SplitList(s.path)
	for _, pattern := range postgresFolders {
		found, _ := filepath.Glob(pattern) // the patterns are valid
		dirs = append(dirs, found...)
	}
	for _, dir := range dirs {
		tool := Tool{Path: LookPath("postgres", dir), How: "in " + dir, Facts: map[string]string{}}
		for _, other := range []string{"initdb", "createdb"} {
			tool.Facts[other] = LookPath(other, dir)
		}
		if tool.Path == "" || tool.Facts["initdb"] == "" || tool.Facts["createdb"] == "" {
			continue
		}
		tool.Version = version(ctx, tool.Path, "--version")
		if best.Path == "" || older(best.Version, tool.Version) {
			best = tool
		}
	}
	return best, ctx.Err()
}

// findRedis looks for Redis, or for Valkey, which has the same protocol and options.
func findRedis(ctx context.Context, s search, _ string) (Tool, error) {
	for _, program := range []string{"redis-server", "valkey-server"} {
		for _, path := range []string{s.path, "/usr/sbin:/usr/local/sbin:/usr/local/bin"} {
			if found := LookPath(program, path); found != "" {
				return Tool{Path: found, Version: version(ctx, found, "--version"), How: "on PATH"}, nil
			}
		}
	}
	return Tool{}, ctx.Err()
}

const pythonQuestion = `import sys
print(sys.version.split()[0]); print(sys.prefix); print(sys.base_prefix)
try:
    import django; print(django.get_version())
except (ImportError, AttributeError): # a folder of that name is no Django
    print("")`

// findPython asks the chosen interpreter what it is. Its fact "home" is its virtual environment,
// if it has one, for programs that embed it.
func findPython(ctx context.Context, s search, _ string) (Tool, error) {
	tool := Tool{Path: LookPath(s.python, s.path), How: "chosen by bench setup or app.python"}
	if tool.Path == "" {
		return Tool{}, nil
	}
	out, err := exec.CommandContext(ctx, tool.Path, "-c", pythonQuestion).Output()
	lines := strings.Split(string(out), "\n")
	if err == nil && len(lines) < 4 {
		err = errors.New("its output is too short")
	}
	if err != nil {
		return Tool{}, fmt.Errorf("asking %s for its version: %w", tool.Path, err)
	}
	prefix, basePrefix, django := lines[1], lines[2], lines[3]
	tool.Version, tool.Facts = lines[0], map[string]string{}
	if prefix != basePrefix {
		tool.Facts["home"] = prefix
	}
	if django != "" {
		tool.Facts["django"] = django
	}
	return tool, nil
}

// findDjango takes what the interpreter reported. Django is a library and has no path.
func findDjango(_ context.Context, s search, name string) (Tool, error) {
	return Tool{Version: s.found["python"].Facts[name], How: "imported by the interpreter"}, nil
}

var (
	pythonPlugin  = regexp.MustCompile(`(?m)^\d*:? ?python\d*$`)
	httpPlugin    = regexp.MustCompile(`(?m)^http$`)
	minorVersion  = regexp.MustCompile(`(?m)^(\d+\.\d+)\.\d+`)
	versionNumber = regexp.MustCompile(`\d+(\.\d+)+[-\w.]*`)
)

// findUWSGI looks next to the interpreter first, since uWSGI embeds the one it was built for.
// Its fact "plugins" lists what it has to load.
func findUWSGI(ctx context.Context, s search, name string) (Tool, error) {
	python := s.found["python"]
	tool := s.besideOrOnPath(name)
	if tool.Path == "" || python.Path == "" {
		return Tool{}, nil
	}
	tool.Version = version(ctx, tool.Path, "--version")
	listed, err := exec.CommandContext(ctx, tool.Path, "--plugins-list").CombinedOutput()
	if err != nil && len(listed) == 0 {
		return Tool{}, fmt.Errorf("asking %s for its plugins: %w", tool.Path, err)
	}
	// Debian splits uWSGI up: without a request plugin named python it has to load one, which is
	// built only for the system's Python.
	asked := []string{"--python-version"}
	if !pythonPlugin.Match(listed) {
		plugins := "python3"
		if !httpPlugin.Match(listed) {
			plugins += ",http"
		}
		if exec.CommandContext(ctx, tool.Path, "--need-plugins", plugins, "--version").Run() != nil {
			return Tool{Version: tool.Version}, nil // the plugin that embeds Python is not installed
		}
		tool.Facts = map[string]string{"plugins": plugins}
		asked = append([]string{"--plugins", plugins}, asked...)
	}
	out, err := exec.CommandContext(ctx, tool.Path, asked...).Output()
	said := minorVersion.FindStringSubmatch(string(out))
	if err == nil && said != nil && !strings.HasPrefix(python.Version, said[1]+".") {
		return Tool{Version: tool.Version}, nil // built for another Python: it would not find the app's packages
	}
	return tool, nil
}

// version asks a program for its version.
func version(ctx context.Context, program, flag string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, _ := exec.CommandContext(ctx, program, flag).CombinedOutput()
	return versionNumber.FindString(string(out))
}
