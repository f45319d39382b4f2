package discover

import (
	"strings"
	"testing"
	"testing/fstest"
)

// files makes a tree from name and content, one after the other.
func files(t *testing.T, pairs ...string) Tree {
	t.Helper()
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	tree, err := ReadTree(m)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

const (
	manageText   = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings%s')\nimport django\n"
	settingsText = "INSTALLED_APPS = []\nROOT_URLCONF = 'site1.urls'\n"
	wsgiText     = "import os\nfrom django.core.wsgi import get_wsgi_application\n" +
		"os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings%s')\napplication = get_wsgi_application()\n"
)

func manage(suffix string) string { return strings.ReplaceAll(manageText, "%s", suffix) }
func wsgi(suffix string) string   { return strings.ReplaceAll(wsgiText, "%s", suffix) }

func TestProjects(t *testing.T) {
	for _, row := range []struct {
		says     string
		tree     Tree
		dirs     string // of all projects
		settings string // of the first, likeliest first
		entries  string
	}{
		{"startproject", files(t, "manage.py", manage(""), "site1/__init__.py", "", "site1/settings.py", settingsText,
			"site1/wsgi.py", wsgi("")), ".", "site1.settings", "site1.wsgi:application"},
		{"a src layout", files(t, "pyproject.toml", "", "src/manage.py", manage(""), "src/site1/settings.py", settingsText,
			"src/site1/wsgi.py", wsgi("")), "src", "site1.settings", "site1.wsgi:application"},
		{"a monorepo, its example last", files(t, "example/manage.py", manage(""), "services/shop/manage.py", manage(""),
			"services/shop/site1/settings.py", settingsText), "services/shop example", "site1.settings", ""},
		{"production before what manage.py names", files(t, "manage.py", manage(".dev"), "site1/wsgi.py", wsgi(".dev"),
			"site1/settings/base.py", settingsText, "site1/settings/dev.py", "from .base import *\n",
			"site1/settings/production.py", "from .base import *\n", "site1/settings/test.py", "from .base import *\n"),
			".", "site1.settings.production site1.settings.dev site1.settings.base site1.settings.test",
			"site1.wsgi:application"},
		{"settings in a folder named config", files(t, "manage.py", "import django\n"+
			"os.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"config.settings.local\")\n",
			"config/settings/__init__.py", "", "config/settings/base.py", settingsText,
			"config/settings/local.py", "from .base import *  # noqa\n"), ".", "config.settings.local config.settings.base", ""},
		{"an environment beside it is not the project", files(t, "manage.py", manage(""), "site1/settings.py", settingsText,
			"ve/pyvenv.cfg", "", "ve/lib/x/manage.py", manage("")), ".", "site1.settings", ""},
		{"Django without a manage.py", files(t, "web/site1/__init__.py", "", "web/site1/wsgi.py", wsgi(""),
			"web/site1/settings.py", settingsText), "web", "site1.settings", "site1.wsgi:application"},
		{"a template of a project is none", files(t, "{{ name }}/manage.py", manage("")), "", "", ""},
		{"a manage.py of something else is none", files(t, "manage.py", "import flask_script\n"), "", "", ""},
	} {
		projects := row.tree.Projects()
		var dirs []string
		for _, p := range projects {
			dirs = append(dirs, p.Dir)
		}
		if got := strings.Join(dirs, " "); got != row.dirs {
			t.Errorf("%s: projects in %q; want %q", row.says, got, row.dirs)
		}
		if len(projects) == 0 {
			continue
		}
		if got := strings.Join(names(projects[0].Settings), " "); got != row.settings {
			t.Errorf("%s: settings %q; want %q", row.says, got, row.settings)
		}
		if got := strings.Join(names(projects[0].WSGI), " "); got != row.entries {
			t.Errorf("%s: WSGI applications %q; want %q", row.says, got, row.entries)
		}
	}
}

func TestPlainApps(t *testing.T) {
	for _, row := range []struct {
		says      string
		tree      Tree
		dir, apps string
	}{
		{"an object", files(t, "app.py", "from flask import Flask\napp = Flask(__name__)\n"), ".", "app:app"},
		{"a typed object", files(t, "main.py", "api: FastAPI = fastapi.FastAPI(title='x')\n"), ".", "main:api"},
		{"a factory below src", files(t, "src/flaskr/__init__.py", "def create_app(test_config=None):\n  pass\n"),
			"src", "flaskr:create_app()"},
		{"a factory of several lines", files(t, "shop/__init__.py", "def create_app(\n    config: str = 'a',\n"+
			"    *, b=(1, 2),\n"+
			") -> Flask:\n"), ".", "shop:create_app()"},
		{"a factory with a required argument is not one", files(t, "shop.py", "def create_app(config):\n  pass\n"), "", ""},
		{"a callable by hand", files(t, "web.py", "def serve(environ, start_response):\n  pass\n"), ".", "web:serve"},
		{"an ASGI callable by hand", files(t, "web.py", "async def app(scope, receive, send):\n  pass\n"), ".", "web:app"},
		{"wsgi.py comes first, however it makes its own", files(t, "app.py", "app = Flask(__name__)\n",
			"wsgi.py", "from shop import make\napplication = make()\n"), ".", "wsgi:application app:app"},
		{"what a Procfile starts comes first", files(t, "app.py", "app = Flask(__name__)\n", "Procfile",
			"web: serve 'shop.web:create()' --bind :80\n", "shop/web.py", "x = 1\n"), ".", "shop.web:create() app:app"},
		{"FLASK_APP", files(t, ".flaskenv", "FLASK_APP=shop\n", "shop/__init__.py", "def create_app():\n  pass\n"), ".",
			"shop:create_app()"},
		{"an application without a class of its own", files(t, "site_app.py",
			"from bottle import default_app\nmine = default_app()\n"), ".", "site_app:mine"},
		{"an application that a factory of another module makes", files(t, "main.py",
			"from shop import create_app\napp = create_app('production')\n", "shop.py", "def create_app(config):\n  pass\n"),
			".", "main:app"},
		{"an application in a file of any name that imports a framework", files(t, "look/start.py",
			"import falcon\nfrom .routes import build\napp = build(falcon)\n", "look/__init__.py", ""), ".", "look.start:app"},
		{"a test's app comes last", files(t, "tests/app.py", "app = Flask('t')\n", "service.py", "app = Flask('s')\n"), ".",
			"service:app"},
	} {
		projects := row.tree.Projects()
		dir, apps := "", ""
		if len(projects) > 0 {
			dir, apps = projects[0].Dir, strings.Join(names(projects[0].Apps), " ")
		}
		if dir != row.dir || apps != row.apps {
			t.Errorf("%s: %q in %q; want %q in %q", row.says, apps, dir, row.apps, row.dir)
		}
	}
}

// Deep folders are left to bench init, since this check precedes every comparison.
func TestBeside(t *testing.T) {
	for _, row := range []struct {
		tree Tree
		dir  string
	}{
		{files(t, "manage.py", manage("")), "."},
		{files(t, "src/manage.py", manage("")), "src"},
		{files(t, "app.py", "app = Flask('a')\n"), "."},
		{files(t, "targets/shop/manage.py", manage("")), ""},
		{files(t, "ve/pyvenv.cfg", "", "ve/app.py", "app = Flask('a')\n"), ""},
		{files(t, "README.md", ""), ""},
	} {
		if dir, found := Beside(row.tree.FS); dir != row.dir || found != (row.dir != "") {
			t.Errorf("Beside(%v) = %q, %v; want %q", row.tree.Files, dir, found, row.dir)
		}
	}
}

// What is no app yet is said, with what would make it one.
func TestAlmostAnApp(t *testing.T) {
	for _, row := range []struct {
		tree Tree
		want string
	}{
		{files(t, "shop/__init__.py", "def create_app(config, *, debug=False):\n    pass\n"),
			"create_app in shop/__init__.py takes arguments that only you know (config, *, debug=False)"},
		{files(t, "development.ini", "[app:main]\nuse = egg:shop\n"), `get_app("development.ini")`},
		{files(t, "notes.py", "print(1)\n"), ""},
	} {
		if got := row.tree.almost(); !strings.Contains(got, row.want) || row.want == "" && got != "" {
			t.Errorf("of %v it says %q; want %q", row.tree.Files, got, row.want)
		}
	}
}

// Pages of one kind are one page of the mix, and what tells that an app works is none.
func TestPickTakesOnePageOfAKind(t *testing.T) {
	var routes []Route
	for _, path := range []string{"/items/1", "/items/2", "/items/30", "/items", "/utils/health-check/", "/"} {
		routes = append(routes, Route{Path: path, Status: 200, MS: 1})
	}
	picks := pick(routes, "")
	var paths []string
	for _, p := range picks {
		paths = append(paths, p.Path)
	}
	if got := strings.Join(paths, " "); got != "/ /items /items/1" {
		t.Errorf("the mix is %s; want one item", got)
	}
	if got := health(routes, picks); got != "/utils/health-check/" {
		t.Errorf("health: %s", got)
	}
}

func TestHostNames(t *testing.T) {
	for _, row := range []struct{ allowed, want string }{
		{"*", ""}, {"localhost 127.0.0.1 [::1]", ""}, {".shop.example", "shop.example www.shop.example"},
		{"a.example 10.0.0.1 b.example", "a.example b.example"}, {".a.b .c.d .e.f", "a.b www.a.b c.d www.c.d"},
	} {
		if got := strings.Join(hostNames(strings.Fields(row.allowed)), " "); got != row.want {
			t.Errorf("of %s: %q; want %q", row.allowed, got, row.want)
		}
	}
}

// That the database is PostgreSQL is read from what lists packages, variables or containers, not from code.
func TestWantsPostgres(t *testing.T) {
	for _, row := range []struct {
		name, text string
		want       bool
	}{
		{"requirements.txt", "Django\npsycopg[binary]>=3\n", true}, {"pyproject.toml", `dependencies = ["asyncpg"]`, true},
		{".env.example", "DATABASE_URL=postgres://u:p@db/shop\n", true},
		{"compose.yml", "    image: postgis/postgis:16\n", true},
		{"docker-compose.yml", "    image: \"postgres:16\"\n", true},
		{"requirements.txt", "Django\nmysqlclient\n", false}, {"shop.py", "# psycopg", false},
		{".env.example", "DATABASE_URL=sqlite:///db.sqlite3\n", false},
	} {
		e := &explorer{tree: files(t, row.name, row.text)}
		if got := e.wantsPostgres(); got != row.want {
			t.Errorf("%s with %q: %t", row.name, row.text, got)
		}
	}
}
