package experiments

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bench/results"
	"bench/servers"
	"bench/targets"
)

// What is left out is said once for each reason, with one command for all that it installs.
func TestLeftOutNamesOneCommandForEachReason(t *testing.T) {
	lacking := func(tool, provided string, app targets.App) error {
		e := &servers.MissingToolError{Tool: tool, Provided: provided}
		e.For(app)
		return e
	}
	own, listed := targets.App{Python: "venv/bin/python"}, targets.App{Requirements: "requirements.txt"}
	unfit := &servers.UnfitError{Topology: "runserver", Need: targets.OffersDjango, Key: "app.settings"}
	for _, row := range []struct {
		lacks map[string]error
		want  []string
	}{
		{map[string]error{
			"gunicorn": lacking("gunicorn", "bench setup --with gunicorn", targets.App{}),
			"granian":  lacking("granian", "bench setup --with granian", targets.App{}),
			"uwsgi":    nil,
		}, []string{"left out: gunicorn, granian (not installed). Run `bench setup --with gunicorn,granian`"}},
		{map[string]error{
			"gunicorn": lacking("gunicorn", "bench setup --with gunicorn", own), "uwsgi": lacking("uwsgi", "bench setup", own),
		}, []string{"(not installed for venv/bin/python)", "venv/bin/python -m pip install gunicorn uwsgi"}},
		{map[string]error{"gunicorn": lacking("gunicorn", "bench setup --with gunicorn", listed)},
			[]string{"left out: gunicorn (not in requirements.txt). Add gunicorn to that list"}},
		{map[string]error{"gunicorn": lacking("caddy", "bench setup --with caddy", own)},
			[]string{"Run `bench setup --with caddy`"}},
		{map[string]error{"uwsgi": unfit, "granian": lacking("granian", "bench setup --with granian", targets.App{})},
			[]string{"left out: uwsgi (the app has no app.settings)", "left out: granian"}},
	} {
		var topologies []servers.Topology
		var lacks []error
		for _, name := range []string{"gunicorn", "granian", "uwsgi"} {
			if lack, listed := row.lacks[name]; listed {
				topologies, lacks = append(topologies, servers.Topology{Name: name}), append(lacks, lack)
			}
		}
		var said []string
		for _, d := range LeftOut("left out", topologies, lacks) {
			said = append(said, d.Sentences())
		}
		for _, want := range row.want {
			if text := strings.Join(said, "\n"); !strings.Contains(text, want) {
				t.Errorf("of %v: %s; want %q", row.lacks, text, want)
			}
		}
	}
}

// A word that stands for several topologies is no comparison where fewer than two are left. A tool that is missing
// decides the exit code, since that can be mended.
func TestPresentWantsTwo(t *testing.T) {
	bin := t.TempDir()
	python := filepath.Join(bin, "python3")
	const says = "#!/bin/sh\ncase \"$*\" in *importlib.metadata*) exit 1;; esac; echo 3.12.1; echo; echo\n"
	if err := os.WriteFile(python, []byte(says), 0o700); err != nil {
		t.Fatal(err)
	}
	env := Env{Path: bin, Cache: t.TempDir()}
	app := targets.App{WSGI: "app:app", Python: python}
	_, left, err := env.Present(t.Context(), PopularTopologies, app, 2)
	var few *TooFewError
	var tool *servers.MissingToolError
	if !errors.As(err, &few) || !errors.As(err, &tool) {
		t.Fatalf("%v; want too few, for a tool that is missing", err)
	}
	if want := "comparing popular: "; !strings.HasPrefix(err.Error(), want) || len(left) == 0 {
		t.Errorf("%v, and left out %v; want %q first", err, left, want)
	}
	for _, want := range []string{"-m pip install", "want 2 or more"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
}

// What a report says of a topology is a sentence.
func TestTooFewNamesTheOneThatIsLeft(t *testing.T) {
	e := &TooFewError{"popular", 2, []string{"uwsgi"}, []results.Diagnostic{{Message: "left out: granian (not installed)",
		Hint: "Run `bench setup --with granian`."}}, nil}
	const want = "comparing popular: only uwsgi can be booted here; want 2 or more\n" +
		"  left out: granian (not installed). Run `bench setup --with granian`.\n" +
		"To measure it alone, name it: --topologies uwsgi"
	if got := e.Error(); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
