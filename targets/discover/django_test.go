package discover

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bench/targets"
)

// django is an interpreter with Django: the one on PATH, or that of bench's own environment.
func django(t *testing.T) string {
	t.Helper()
	found := []string{}
	if cache, err := os.UserCacheDir(); err == nil {
		found, _ = filepath.Glob(filepath.Join(cache, "bench", "venv-*", "bin", "python"))
	}
	for _, path := range append(found, python(t)) {
		if exec.Command(path, "-c", "import django").Run() == nil {
			return path
		}
	}
	t.Skip("no interpreter with Django: bench setup installs one")
	return ""
}

const djangoSettings = `
import os
from pathlib import Path
SECRET_KEY = os.environ["SHOP_SECRET"]
DEBUG = True
ROOT_URLCONF = "site1.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).parent / "db.sqlite3"}}
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
              "django.contrib.auth.middleware.AuthenticationMiddleware"]
`

const djangoURLs = `
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.urls import path, re_path

@login_required
def page(request):
    return HttpResponse("hello %s" % request.user.pk)

def fails(request):
    raise ValueError("on purpose")

urlpatterns = [
    path("", page, name="home"), path("orders/", page, name="orders"), re_path(r"^reports/$", page, name="reports"),
    path("orders/<int:pk>/", page), path("up", lambda r: HttpResponse("up")), path("fails/", fails),
]
`

// A project whose pages ask for a login: its key is supplied, DEBUG is overridden, its routes are asked
// as a user of a database that is not the project's, and the file says all that.
func TestDiscoverDjango(t *testing.T) {
	own := django(t)
	s := search(t, "manage.py", manage(""), "site1/__init__.py", "", "site1/settings.py", djangoSettings,
		"site1/urls.py", djangoURLs, "site1/wsgi.py", wsgi(""))
	s.Own, s.OnPath = own, func(string) string { return "" }
	found, err := Discover(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	text := found.YAML()
	project, err := targets.ParseProject([]byte(text), "")
	if err != nil {
		t.Fatalf("bench does not read its own file: %v\n%s", err, text)
	}
	app := project.App
	if app.WSGI != "site1.wsgi:application" || app.Settings != "site1.settings" || app.Health != "/up" ||
		app.Override["DEBUG"] != false || app.Python != "" || app.Env["SHOP_SECRET"] == secretPlaceholder {
		t.Errorf("the app is %+v\n%s", app, text)
	}
	var asked []string
	for _, target := range project.Mix.Targets {
		asked = append(asked, target.Path)
		if target.Header.Get("Cookie") == "" || !target.Expect.StatusOK(200) || target.Expect.StatusOK(302) {
			t.Errorf("%s is not asked as a user: %+v", target.Path, target)
		}
	}
	if got := strings.Join(asked, " "); got != "/ /orders/ /reports/" {
		t.Errorf("the mix asks for %q\n%s", got, text)
	}
	if notes := strings.Join(found.Notes, "\n"); !strings.Contains(notes, "on purpose (site1/urls.py:11)") {
		t.Errorf("the notes do not say why a route fails:\n%s", notes)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "site1", "db.sqlite3")); !os.IsNotExist(err) {
		t.Errorf("a database was made in the project: %v", err)
	}
}

// A database that bench must not load, and whose driver may be missing, is replaced.
func TestDiscoverAvoidsTheDatabase(t *testing.T) {
	own := django(t)
	const sqlite = `"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).parent / "db.sqlite3"`
	settings := strings.ReplaceAll(djangoSettings, sqlite,
		`"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "HOST": "127.0.0.1", "PORT": "1"`)
	s := search(t, "manage.py", manage(""), "site1/__init__.py", "", "site1/settings.py", settings,
		"site1/urls.py", djangoURLs, "site1/wsgi.py", wsgi(""))
	s.Own, s.OnPath = own, func(string) string { return "" }
	found, err := Discover(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	text := found.YAML()
	if !strings.Contains(text, "{state}/default.sqlite3") || !strings.Contains(text, "the database shop") {
		t.Errorf("the file is\n%s", text)
	}
}

// Settings that replace Django's object as dynaconf does, that configure mail as Django 6.1 does, and whose pages
// depend on the host: each is asked, and bench.yaml names the host.
func TestDiscoverDjangoOfManyHosts(t *testing.T) {
	own := django(t)
	const settings = djangoSettings + `
import sys, types
from django import conf
ALLOWED_HOSTS = [".shop.example"]
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.console.EmailBackend"}}
MIDDLEWARE.insert(0, "site1.hosts.choose")
ROOT_URLCONF = "site1.none"

class Own(conf.LazySettings):
    pass

mine = Own()
mine.configure(**{k: v for k, v in globals().items() if k.isupper() and k != "MAILERS"})
conf.settings.LANGUAGE_CODE  # sets Django's own up, half-way
sys.modules["django.conf"] = types.SimpleNamespace(**dict(vars(conf), settings=mine))
`
	const hosts = `
def choose(get_response):
    def middleware(request):
        if request.get_host() == "www.shop.example":
            request.urlconf = "site1.urls"
        return get_response(request)
    return middleware
`
	s := search(t, "manage.py", manage(""), "site1/__init__.py", "", "site1/settings.py", settings,
		"site1/urls.py", djangoURLs, "site1/none.py", "urlpatterns = []", "site1/hosts.py", hosts, "site1/wsgi.py", wsgi(""))
	s.Own, s.OnPath = own, func(string) string { return "" }
	found, err := Discover(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if text := found.YAML(); found.Host != "www.shop.example" || !strings.Contains(text, "host: www.shop.example") ||
		found.Routes[Login] == 0 && found.Routes[Answers] == 0 {
		t.Errorf("%v; want pages of www.shop.example\n%s", found.Routes, text)
	}
}

// A server that bench can run stands in for the project's, with the same databases, and each boot gets one.
func TestDiscoverLendsAServer(t *testing.T) {
	own := django(t)
	if exec.Command(own, "-c", "import psycopg").Run() != nil {
		t.Skip("the interpreter has no driver of PostgreSQL")
	}
	settings := strings.ReplaceAll(djangoSettings,
		`"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).parent / "db.sqlite3"`,
		`"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "HOST": "db.example", "OPTIONS": {"sslmode": "require"}`)
	settings += "\nDEBUG = False\nALLOWED_HOSTS = ['*']\n"
	s := search(t, "manage.py", manage(""), "site1/__init__.py", "", "site1/settings.py", settings,
		"site1/urls.py", djangoURLs, "site1/wsgi.py", wsgi(""))
	s.Own, s.OnPath = own, func(string) string { return "" }
	var asked []string
	closed := 0
	s.Services.Start = func(_ context.Context, kind string, databases []string) (Server, error) {
		asked = append(asked, kind+" "+strings.Join(databases, ","))
		where := map[string]string{"HOST": t.TempDir(), "PORT": "5432", "USER": "bench", "NAME": "bench"}
		return Server{Settings: where, Close: func() error { closed++; return nil }}, nil
	}
	found, err := Discover(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	text := found.YAML()
	if got := strings.Join(asked, "; "); got != "postgres shop" || closed != 1 {
		t.Errorf("asked for %q, and closed %d; want one server with the project's database", got, closed)
	}
	if !strings.Contains(text, `services: ["postgres"]`) || strings.Contains(text, "DATABASES") ||
		!strings.Contains(text, "the database shop is an empty one") {
		t.Errorf("the file is\n%s", text)
	}
}

// What cannot be lent is said, with what would fix it.
func TestDiscoverSaysWhatCannotBeLent(t *testing.T) {
	e := &explorer{lent: lend(Services{Start: func(context.Context, string, []string) (Server, error) {
		return Server{}, errors.New("it is not installed: run `bench setup --with postgres`")
	}})}
	e.found.Services = map[string][]string{postgres: {"shop"}}
	e.found.OwnSettings = map[string]database{"default": {Engine: "django.contrib.gis.db.backends.postgis", Name: "shop"}}
	e.serve(t.Context())
	if !e.decideDatabase() {
		t.Fatal("the database was not replaced")
	}
	e.noteDatabase()
	if said := strings.Join(e.changes, "\n"); !strings.Contains(said, "bench setup --with postgres") {
		t.Errorf("it says %q; want the command that installs it", said)
	}
}
