package discover

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bench/targets"
)

// python is an interpreter for the probe; a test that needs one is skipped without it.
func python(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 on PATH")
	}
	return path
}

func runProgram(ctx context.Context, argv, env []string, dir string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Dir = env, dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// search is a search of a folder with these files, given as name and content.
func search(t *testing.T, pairs ...string) Search {
	t.Helper()
	path := python(t)
	module, err := os.ReadFile("../../servers/django/bench_services.py")
	if err != nil {
		t.Fatal(err)
	}
	s := Search{
		Services: Services{Module: string(module)},
		Copy: func(from string, _ []string) (string, error) {
			to := filepath.Join(t.TempDir(), "copy")
			return to, os.CopyFS(to, os.DirFS(from))
		},
		Dir: t.TempDir(), Scratch: t.TempDir(), Run: runProgram, User: map[string]string{"HOME": "/"},
		Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")},
		Ask: func(string, ...string) string { return "" },
		OnPath: func(name string) string {
			if name == "python3" {
				return path
			}
			return ""
		},
	}
	for i := 0; i < len(pairs); i += 2 {
		name := filepath.Join(s.Dir, pairs[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(pairs[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// An app by hand, whose pages answer in every way there is.
const byHandApp = `
import os
PAGES = {
    "/": ("200 OK", b"<a href='/logout'>x</a><a href='/list?page=2'>next</a><a href='http://elsewhere/'>y</a>"),
    "/list": ("200 OK", b"list"), "/old": ("302 Found", b""), "/gone": ("404 Not Found", b""),
}
assert os.environ["SHOP_TOKEN"]
open("made-when-it-starts.db", "w").close()
asked = []
def application(environ, start_response):
    asked.append(environ["PATH_INFO"])
    assert "/logout" not in asked
    status, body = PAGES.get(environ["PATH_INFO"], ("500 Oops", b""))
    headers = [("Content-Type", "text/html")]
    if status.startswith("302"):
        headers.append(("Location", "/login/"))
    start_response(status, headers)
    return [body]
`

// The whole way, in a real interpreter: found, supplied with a variable, asked, and written as a file
// that bench reads.
func TestDiscoverPlain(t *testing.T) {
	s := search(t, "shop/wsgi.py", byHandApp, "shop/__init__.py", "", "tests/wsgi.py", "application = 1\n")
	found, err := Discover(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	text := found.YAML()
	project, err := targets.ParseProject([]byte(text), "")
	if err != nil {
		t.Fatalf("bench does not read its own file: %v\n%s", err, text)
	}
	if app := project.App; app.WSGI != "shop.wsgi:application" || app.Settings != "" || app.Env["SHOP_TOKEN"] == "" {
		t.Errorf("the app is %+v", app)
	}
	var paths []string
	for _, target := range project.Mix.Targets {
		paths = append(paths, target.Path)
	}
	if got := strings.Join(paths, " "); got != "/ /list?page=2" {
		t.Errorf("the mix asks for %q; want the front page and what it links to", got)
	}
	files, err := os.ReadDir(s.Dir)
	if err != nil || len(files) != 2 {
		t.Errorf("the folder has %d entries, %v: something was written there", len(files), err)
	}
}

// A variable of the user's is named, and its value written nowhere.
func TestDiscoverTakesTheUsersVariables(t *testing.T) {
	s := search(t, "wsgi.py", strings.ReplaceAll(byHandApp, "SHOP_TOKEN", "SHOP_URL"))
	s.User["SHOP_URL"] = "postgres://me:hidden@db/"
	found, err := Discover(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if text := found.YAML(); !strings.Contains(text, "env_from: [SHOP_URL]") || strings.Contains(text, "hidden") {
		t.Errorf("the file is\n%s", text)
	}
}

func TestDiscoverASGI(t *testing.T) {
	const app = `
started = []
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive(); started.append(1); await send({"type": "lifespan.startup.complete"})
        await receive(); return await send({"type": "lifespan.shutdown.complete"})
    assert started and scope["path"] == "/"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})
`
	found, err := Discover(t.Context(), search(t, "main.py", app))
	if err != nil {
		t.Fatal(err)
	}
	if found.ASGI != "main:app" || found.WSGI != "" || len(found.Mix) != 1 || found.Health != "/" {
		t.Errorf("found %+v", found)
	}
}

func TestDiscoverFails(t *testing.T) {
	for _, row := range []struct {
		says, want string
		pairs      []string
	}{
		{"nothing there", "none of its 1 files is a manage.py", []string{"notes.py", "x = 1\n"}},
		{"a package is missing", "install the project's packages", []string{"app.py", "import no_such\napp = App()\n"}},
		{"the module raises", "on purpose (app.py:1)", []string{"app.py", "raise OSError('on purpose')\napp = App()\n"}},
		{"it exits", "SystemExit", []string{"app.py", "import sys; sys.exit(3)\napp = App()\n"}},
		{"a syntax error", "app.py:1", []string{"app.py", "app = = 1\napp = App()\n"}},
		{"not an application", "not callable", []string{"wsgi.py", "application = 1\n"}},
	} {
		_, err := Discover(t.Context(), search(t, row.pairs...))
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v; want an error with %q", row.says, err, row.want)
		}
	}
}
