package servers

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"bench/targets"
)

// checkers are the programs that say whether a configuration is one, by the name of its file. Those that are not
// installed are skipped.
var checkers = map[string]struct {
	tool string
	argv func(path, dir string) []string
}{
	"nginx.conf": {"nginx", func(path, dir string) []string { return []string{"-t", "-q", "-p", dir + "/", "-c", path} }},
	"httpd.conf": {apache, func(path, _ string) []string { return []string{"-t", "-f", path} }},
	"haproxy.cfg": {"haproxy", func(path, _ string) []string {
		return []string{"-c", "-q", "-f", path}
	}},
	"Caddyfile": {"caddy", func(path, _ string) []string {
		return []string{"validate", "--adapter", "caddyfile", "--config", path}
	}},
	"uwsgi.ini": {"uwsgi", func(path, _ string) []string { return []string{"--ini", path, "--no-server"} }},
}

// Folders with unusual names: each either is refused before anything is written, or makes a configuration that its
// server reads as it reads that of a plain one.
var oddNames = []struct {
	name    string
	refused bool
}{
	{"plain", false}, {"straße-日本", false}, {"a+b,c~d", false}, {"a(b)[c]!&*?<|>^", false},
	{"a b", true}, {"a@b", true}, {"a;b", true}, {`a"b`, true}, {"a'b", true}, {"a{b", true}, {"a}b", true},
	{"a$b", true},
	{"a%b", true}, {"a#b", true}, {"a=b", true}, {`a\b`, true}, {"a`b", true},
	{"a\nb", true}, {"a\tb", true}, {"a\x7fb", true},
}

func TestOddNamesInConfigurations(t *testing.T) {
	site := testSite(t)
	var names []string
	for _, c := range checkers {
		names = append(names, c.tool)
	}
	found := installed(t, site, append(names, modWSGI, "unshare"))
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain := ""
			for _, odd := range oddNames {
				text, err := rendered(t, site, found, name, odd.name)
				if odd.refused != (err != nil) {
					t.Errorf("%q: %v; want it refused: %v", odd.name, err, odd.refused)
				}
				if err != nil {
					continue
				}
				if plain == "" {
					plain = text
				}
				if text != plain {
					t.Errorf("%q: more than the name differs:\n%s\n%s", odd.name, text, plain)
				}
			}
		})
	}
}

// installed are the tools on this machine, those included that bench setup has installed.
func installed(t *testing.T, site *Site, names []string) Tools {
	t.Helper()
	python := site.Host.Tools.Path("python")
	if cache, err := os.UserCacheDir(); err == nil {
		if own, _ := filepath.Glob(filepath.Join(cache, "bench", "venv-*", "bin", "python")); len(own) > 0 {
			python = own[0]
		}
	}
	found, err := FindTools(t.Context(), python, os.Getenv("PATH"), names)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// rendered writes a topology for an app in a folder of a name, has its configurations checked, and returns them
// with the name left out.
func rendered(t *testing.T, site *Site, found Tools, topology, odd string) (string, error) {
	t.Helper()
	scratch := t.TempDir()
	folder := filepath.Join(scratch, "x"+odd+"x")
	app := targets.App{Dir: folder, WSGI: "site_of_test:app", ASGI: "site_of_test:app", Health: "/"}
	app.Settings = "site_of_test"
	app.Static.URL, app.Static.Root = "/static/", filepath.Join(folder, "static")
	host := site.Host
	host.Dir, host.Ports = filepath.Join(scratch, "b"), make([]int, maxPorts)
	ports, err := ReservePorts(site.Locks, 8)
	if err != nil {
		t.Fatal(err)
	}
	defer ports.Close()
	copy(host.Ports, ports.Numbers)
	host.Tools = Tools{}
	definition, err := Define(Topology{Name: topology})
	if err != nil {
		t.Fatal(err)
	}
	needed, err := definition.Requires(host)
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range needed {
		host.Tools[tool] = found[tool]
		if found[tool].Path == "" {
			host.Tools[tool] = Tool{Path: "/usr/bin/" + tool}
		}
	}
	b, err := definition.Blueprint(app, host)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(app.Static.Root, 0o755); err != nil {
		t.Fatal(err)
	}
	module := []byte("def app(environ, start_response): pass\n")
	if err := os.WriteFile(filepath.Join(folder, "site_of_test.py"), module, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.prepareDir(); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, p := range b.Processes {
		for _, f := range p.Files {
			check(t, found, f, p)
			all.WriteString(f.Text)
		}
	}
	text := strings.ReplaceAll(all.String(), scratch, "")
	for _, port := range ports.Numbers {
		text = strings.ReplaceAll(text, ":"+strconv.Itoa(port), ":PORT")
	}
	return strings.ReplaceAll(text, "x"+odd+"x", "NAME"), nil
}

// check has a server read a configuration, if it is installed and the file is one.
func check(t *testing.T, found Tools, file File, of Process) {
	t.Helper()
	kind := filepath.Base(file.Path)
	if kind == "emperor.ini" {
		return // an emperor starts its vassals whatever it is asked, and its own file names no folder of the app
	}
	if filepath.Ext(kind) == ".ini" {
		kind = "uwsgi.ini"
	}
	c, known := checkers[kind]
	if !known || found[c.tool].Path == "" {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, found[c.tool].Path, c.argv(file.Path, of.Home)...)
	command.Dir, command.Env = of.Dir, of.Env
	if said, err := command.CombinedOutput(); err != nil {
		t.Errorf("%s refuses %s: %v\n%s\n%s", c.tool, file.Path, err, said, file.Text)
	}
}

// A checker that accepts everything would check nothing: each refuses a mistake.
func TestCheckersRefuseMistakes(t *testing.T) {
	site := testSite(t)
	for kind, c := range checkers {
		found := installed(t, site, []string{c.tool})
		if found[c.tool].Path == "" {
			t.Logf("%s is not installed", c.tool)
			continue
		}
		dir := t.TempDir()
		path := filepath.Join(dir, kind)
		mistake := map[string]string{
			"uwsgi": "[uwsgi]\nstrict = true\nno-such-option = 1\n", "caddy": ":80 {\n\tno_such_directive on\n}\n",
		}[c.tool]
		if mistake == "" {
			mistake = "no_such_directive on\n"
		}
		if err := os.WriteFile(path, []byte(mistake), 0o600); err != nil {
			t.Fatal(err)
		}
		command := exec.CommandContext(t.Context(), found[c.tool].Path, c.argv(path, dir)...)
		if out, err := command.CombinedOutput(); err == nil {
			t.Errorf("%s accepts a mistake: %s", c.tool, out)
		}
	}
}
