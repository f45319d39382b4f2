package discover

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// factories are the usual names of functions that make an application.
const factories = `create_app|make_app|get_app|create_application|make_application|build_app|app_factory`

var (
	// An application object: app = Flask(__name__), api: FastAPI = FastAPI().
	object = regexp.MustCompile(`(?m)^(\w+)\s*(?::\s*[\w.]+\s*)?=\s*(?:\w+\.)*` +
		`(Flask|APIFlask|OpenAPI|FastAPI|Starlette|Quart|Litestar|Bottle|App|API|Sanic|Pyramid|Application|` +
		`default_app|make_wsgi_app|` + factories + `)\(`)
	// A factory: def create_app(config=None):
	factory = regexp.MustCompile(`(?ms)^(?:async )?def (` + factories + `)\((.*?)\)\s*(?:->[^:]+)?:`)
	// What a file imports that holds an application, whatever its name.
	webFramework = regexp.MustCompile(`(?m)^\s*(?:from|import) (flask|apiflask|quart|bottle|falcon|pyramid|` +
		`starlette|fastapi|litestar|sanic|connexion|webob|werkzeug|web|hug|blacksheep|microdot|emmett)\b`)
	// A callable written by hand: def application(environ, start_response):
	byHand = regexp.MustCompile(`(?m)^(?:async )?def (\w+)\((?:environ|env)\s*,\s*start_response\)|` +
		`^async def (\w+)\(scope\s*,\s*receive\s*,\s*send\)`)
	// What wsgi.py holds, however it is made.
	assigned = regexp.MustCompile(`(?m)^(application|app)\s*(?::[^=\n]+)?=|` +
		`^from [\w.]+ import [^#\n]*\b(application|app)\b`)
	// A command's argument in a Procfile or Dockerfile: shop.web:app, shop:create_app().
	argument = regexp.MustCompile(`(?:^|[\s"'\[,=])([A-Za-z_][\w.]*):([A-Za-z_]\w*)(\(\))?(?:$|[\s"'\],])`)
	flaskApp = regexp.MustCompile(`(?m)^(?:export\s+)?FLASK_APP\s*=\s*["']?([\w./]+)(?::(\w+))?`)
)

// usualNames are those of files that hold the application, likeliest first.
var usualNames = []string{
	"wsgi.py", "asgi.py", "app.py", "main.py", "application.py", "server.py", "api.py", "__init__.py",
}

// plain lists the folders of apps without Django, with their applications, likeliest first.
func (t Tree) plain() (projects []Project) {
	type found struct {
		dir  string
		rank int
		Candidate
	}
	var all []found
	for _, name := range t.Files {
		rank := slices.Index(usualNames, path.Base(name))
		if rank < 0 {
			rank = len(usualNames)
		}
		if !strings.HasSuffix(name, ".py") {
			for _, c := range t.namedIn(name) {
				all = append(all, found{c.dir, -1, c.Candidate})
			}
			continue
		}
		dir := t.importRoot(name)
		dotted := module(name, dir)
		for _, callable := range callables(t.Text(name), rank < 4 || webFramework.MatchString(t.Text(name))) {
			if dotted != "" {
				all = append(all, found{dir, rank + 20*unlikely(name), Candidate{dotted + ":" + callable, "in " + name}})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(depth(a.dir), depth(b.dir)))
	})
	for _, f := range all {
		at := slices.IndexFunc(projects, func(p Project) bool { return p.Dir == f.dir })
		if at < 0 {
			at, projects = len(projects), append(projects, Project{Dir: f.dir})
		}
		if !slices.ContainsFunc(projects[at].Apps, func(c Candidate) bool { return c.Name == f.Name }) {
			projects[at].Apps = append(projects[at].Apps, f.Candidate)
		}
	}
	return projects
}

// callables are the applications that a module defines: objects before factories, which may need
// arguments that nobody knows.
func callables(text string, isEntry bool) (names []string) {
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, m := range object.FindAllStringSubmatch(text, -1) {
		add(m[1])
	}
	if isEntry {
		for _, m := range assigned.FindAllStringSubmatch(text, -1) {
			add(m[1] + m[2])
		}
	}
	for _, m := range byHand.FindAllStringSubmatch(text, -1) {
		add(m[1] + m[2])
	}
	for _, m := range factory.FindAllStringSubmatch(text, -1) {
		if optional(m[2]) {
			add(m[1] + "()")
		}
	}
	return names
}

// optional reports whether a function with these parameters can be called without arguments.
func optional(parameters string) bool {
	depth, from := 0, 0
	var list []string
	for i, c := range parameters + "," {
		switch {
		case strings.ContainsRune("([{", c):
			depth++
		case strings.ContainsRune(")]}", c):
			depth--
		case c == ',' && depth == 0:
			list, from = append(list, strings.TrimSpace(parameters[from:i])), i+1
		}
	}
	return !slices.ContainsFunc(list, func(p string) bool {
		return p != "" && !strings.Contains(p, "=") && !strings.HasPrefix(p, "*")
	})
}

// almost says what a folder without an app has instead, and what would make it one; empty: nothing.
func (t Tree) almost() string {
	for _, name := range t.Files {
		text := t.Text(name)
		if strings.HasSuffix(name, ".ini") && pasteApp.MatchString(text) {
			return fmt.Sprintf("%s describes an app for PasteDeploy: write a wsgi.py beside it (from pyramid.paster import "+
				"get_app; application = get_app(%q))", name, path.Base(name))
		}
		if m := factory.FindStringSubmatch(text); m != nil && !optional(m[2]) {
			return fmt.Sprintf("%s in %s takes arguments that only you know (%s): write a wsgi.py that calls it "+
				"(app = %[1]s(…))", m[1], name, strings.Join(strings.Fields(m[2]), " "))
		}
	}
	return ""
}

// pasteApp is a line of the configuration of PasteDeploy that names an app.
var pasteApp = regexp.MustCompile(`(?m)^\[(app|pipeline|composite):`)

type named struct {
	dir string
	Candidate
}

// namedIn are the applications that a file about running the project names: the argument of a server's
// command, or FLASK_APP.
func (t Tree) namedIn(file string) (all []named) {
	text := t.Text(file)
	add := func(dotted, callable string) {
		for _, dir := range []string{path.Dir(file), path.Join(path.Dir(file), "src")} {
			if dotted != "" && t.moduleFile(dotted, dir) != "" {
				all = append(all, named{dir, Candidate{dotted + ":" + callable, file + " names it"}})
				return
			}
		}
	}
	for _, m := range argument.FindAllStringSubmatch(text, -1) {
		add(m[1], m[2]+m[3])
	}
	for _, m := range flaskApp.FindAllStringSubmatch(text, -1) {
		dotted := strings.ReplaceAll(strings.TrimSuffix(m[1], ".py"), "/", ".")
		source := t.Text(t.moduleFile(dotted, path.Dir(file)))
		for _, callable := range callables(source, true) {
			if m[2] == "" || strings.TrimSuffix(callable, "()") == m[2] {
				add(dotted, callable)
				break
			}
		}
	}
	return all
}
