package discover

import (
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
