package discover

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/fstest"
)

// A project may lie below the folder of bench.yaml, whose state is named from there.
func TestDatabasesAreNamedFromTheFolderOfTheFile(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "src", "db.sqlite3")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	e := &explorer{Search: Search{Dir: root}, dir: filepath.Join(root, "src"), project: Project{Django: true}}
	e.found.OwnSettings = map[string]database{"default": {Engine: "django.db.backends.sqlite3", Name: file}}
	var p Proposal
	e.decideState(&p)
	if want := []string{"src/db.sqlite3"}; !reflect.DeepEqual(p.State, want) {
		t.Errorf("state: %v; want %v", p.State, want)
	}
}

// What an app without settings keeps in SQLite is found by what the files begin with.
func TestDatabasesOfPlainAppsAreState(t *testing.T) {
	tree, err := ReadTree(fstest.MapFS{
		"instance/flaskr.sqlite": {Data: []byte("SQLite format 3\x00 and more")}, "notes.db": {Data: []byte("Berkeley")},
		"empty.db": {}, "app.py": {Data: []byte("import flask")}, ".venv/pyvenv.cfg": {},
		".venv/other.db": {Data: []byte("SQLite format 3\x00")},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := &explorer{tree: tree}
	var p Proposal
	e.decideState(&p)
	if want := []string{"instance/flaskr.sqlite"}; !reflect.DeepEqual(p.State, want) {
		t.Errorf("state: %v; want %v", p.State, want)
	}
}
