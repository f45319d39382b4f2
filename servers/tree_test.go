package servers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bench/targets"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

// Two boots of a copied app: nothing that one of them writes is seen by the other or by the developer.
func TestCopiesOfAnApp(t *testing.T) {
	app, tree := t.TempDir(), filepath.Join(t.TempDir(), "app")
	for name, text := range map[string]string{
		"manage.py": "code", "db.sqlite3": "rows", "db.sqlite3-wal": "log", "media/a/b.png": "picture", "shared.py": "code",
		"venv/pyvenv.cfg": "", "venv/bin/python": "python", ".git/HEAD": "ref", "bench-runs/r/report.json": "{}",
		"large.bin": strings.Repeat("x", largeFile),
	} {
		write(t, filepath.Join(app, name), text)
	}
	past := time.Unix(1e9, 0)
	for name, target := range map[string]string{"inside": "manage.py", "outside": "../elsewhere"} {
		if err := os.Symlink(target, filepath.Join(app, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(filepath.Join(app, "manage.py"), past, past); err != nil {
		t.Fatal(err)
	}
	state := []string{"db.sqlite3", "media"}
	if err := copyFolder(app, tree); err != nil {
		t.Fatal(err)
	}
	for _, path := range state {
		if found, err := copyState(filepath.Join(app, path), filepath.Join(tree, path)); !found || err != nil {
			t.Errorf("copyState(%s) = %v, %v", path, found, err)
		}
	}
	boots := [2]string{filepath.Join(t.TempDir(), "app"), filepath.Join(t.TempDir(), "app")}
	for _, boot := range boots {
		if err := linkFolder(tree, boot, state); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"db.sqlite3", "db.sqlite3-wal", "media/a/b.png"} {
		write(t, filepath.Join(boots[0], path), "changed")
		if read(t, filepath.Join(boots[1], path)) == "changed" || read(t, filepath.Join(app, path)) == "changed" {
			t.Errorf("%s is shared", path)
		}
	}
	write(t, filepath.Join(boots[0], "shared.py"), "changed")
	if got := read(t, filepath.Join(app, "shared.py")); got != "code" {
		t.Errorf("a boot wrote into the developer's folder: %s", got)
	}
	if info, err := os.Stat(filepath.Join(boots[1], "manage.py")); err != nil || !info.ModTime().Equal(past) {
		t.Errorf("the time of a module changed (%v): Python would compile it again", err)
	}
	for link, want := range map[string]string{
		"venv": filepath.Join(app, "venv"), ".git": filepath.Join(app, ".git"), "large.bin": filepath.Join(app, "large.bin"),
		"inside": "manage.py", "outside": filepath.Join(filepath.Dir(app), "elsewhere"),
	} {
		if got, err := os.Readlink(filepath.Join(boots[1], link)); got != want {
			t.Errorf("%s leads to %q (%v); want %q", link, got, err, want)
		}
	}
	if _, err := os.Lstat(filepath.Join(tree, "bench-runs")); err == nil {
		t.Error("earlier runs were copied")
	}
	if found, err := copyState(filepath.Join(app, "none"), filepath.Join(tree, "none")); found || err != nil {
		t.Errorf("copyState of nothing = %v, %v", found, err)
	}
}

// 36-folder-with-a-blank: every app runs in a copy, whose path any configuration file can hold. What an app writes
// when it starts, such as its database, is then its boot's own.
func TestPreparationInAFolderWithABlank(t *testing.T) {
	site := testSite(t)
	for _, name := range []string{"my site", "a@b", "50%", "plain"} {
		dir := filepath.Join(t.TempDir(), name)
		write(t, filepath.Join(dir, "app.py"), "")
		app := targets.App{Dir: dir, WSGI: "app:application", Health: "/"}
		site.Host.Tree = ""
		if err := site.Prepare(t.Context(), app, t.TempDir()); err != nil {
			t.Fatal(err)
		}
		if !isFile(filepath.Join(site.Host.Tree, "app.py")) || !PlainPath(site.Host.Tree) {
			t.Errorf("%q: the tree is %q", name, site.Host.Tree)
		}
		if err := site.Check(Topology{Name: "runserver"}, app); err != nil && strings.Contains(err.Error(), "character") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// A step writes into a copy, has a deadline, and gets what is in the environment file.
func TestPreparation(t *testing.T) {
	for _, row := range []struct {
		says, script string
		change       func(*targets.App)
		err          string
		tree         map[string]string
	}{
		{"a step that writes into the app's folder", "echo made > made.txt", func(*targets.App) {}, "",
			map[string]string{"made.txt": "made\n"}},
		{"state that a step changes", "echo more >> db", func(a *targets.App) { a.State = []string{"db"} }, "",
			map[string]string{"db": "rows\nmore\n"}},
		{"state that no step makes", "true", func(a *targets.App) { a.State = []string{"none"} },
			"no step of app.prepare", nil},
		{"a step that does not end", "echo waiting; sleep 100",
			func(a *targets.App) { a.PrepareTimeout = 300 * time.Millisecond }, "not ended after 300ms", nil},
		{"a secret in the output of a step that fails", `echo "key $KEY"; exit 1`,
			func(a *targets.App) { a.Secrets = map[string]string{"KEY": "s3cret-value"} }, "key (the value of KEY)", nil},
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "db"), "rows\n")
		app := targets.App{Dir: dir, WSGI: "app:application", Health: "/"}
		app.Prepare = [][]string{{"/bin/sh", "-c", row.script}}
		row.change(&app)
		site := testSite(t)
		err := site.Prepare(t.Context(), app, t.TempDir())
		if row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err)) || row.err == "" && err != nil {
			t.Errorf("%s: %v; want an error that says %q", row.says, err, row.err)
			continue
		}
		for name, want := range row.tree {
			if got := read(t, filepath.Join(site.Host.Tree, name)); got != want {
				t.Errorf("%s: %s holds %q; want %q", row.says, name, got, want)
			}
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 1 || read(t, filepath.Join(dir, "db")) != "rows\n" {
			t.Errorf("%s: the developer's folder was changed: %v", row.says, entries)
		}
	}
}

func TestAncientDjangoIsRefused(t *testing.T) {
	for version, old := range map[string]bool{"1.10.8": true, "2.2": true, "3.1.14": true, "3.2": false, "3.2.25": false,
		"4.2.1": false, "5.2": false, "10.0": false, "6.0a1": false, "": false} {
		err := djangoTooOld(targets.App{Settings: "a.settings"}, Tools{"django": {Version: version}})
		if (err != nil) != old {
			t.Errorf("Django %s: %v", version, err)
		}
	}
	if err := djangoTooOld(targets.App{}, Tools{"django": {Version: "1.10"}}); err != nil {
		t.Errorf("an app without settings: %v", err)
	}
}

func TestReplacedSettings(t *testing.T) {
	app := targets.App{Override: map[string]any{"DEBUG": false, "ALLOWED_HOSTS": []any{"*"}}}
	for _, row := range []struct {
		says  string
		host  Host
		debug bool
		want  string
	}{
		{"all", Host{Overlay: "/o"}, false, `{"ALLOWED_HOSTS":["*"],"DEBUG":false}`},
		{"DEBUG stays where it is to be on", Host{Overlay: "/o"}, true, `{"ALLOWED_HOSTS":["*"]}`},
		{"a key for all processes of a boot", Host{Overlay: "/o", DrawKey: true, Secret: "k"}, true,
			`{"ALLOWED_HOSTS":["*"],"SECRET_KEY":"k"}`},
		{"nothing", Host{}, false, ""},
	} {
		vars := map[string]string{"DJANGO_SETTINGS_MODULE": "a.settings", "PYTHONPATH": "/own"}
		overlay(vars, app, row.host, nil, row.debug)
		if vars["BENCH_SETTINGS"] != row.want {
			t.Errorf("%s: %q; want %q", row.says, vars["BENCH_SETTINGS"], row.want)
		}
		if replaced := row.want != ""; replaced != (vars["DJANGO_SETTINGS_MODULE"] == overlayName) ||
			replaced != (vars["PYTHONPATH"] == "/o:/own") || replaced != (vars["BENCH_SETTINGS_MODULE"] == "a.settings") {
			t.Errorf("%s: %v", row.says, vars)
		}
	}
}
