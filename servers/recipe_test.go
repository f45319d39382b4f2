package servers

import (
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"bench/internal/recipe"
	"bench/servers/probe"
)

// written is the folder that CONTRIBUTING.md's "Add a topology" makes.
func written(t *testing.T) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for name, text := range recipe.Read(t, "..", "Add a topology").Files("preload") {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	if len(files) != 2 {
		t.Fatalf("the recipe has %d files; want 2", len(files))
	}
	return files
}

// The recipe works as it is written: by its path, and embedded among the others, where it
// becomes neither the baseline nor the default.
func TestRecipeOfATopology(t *testing.T) {
	files := written(t)
	from := builtin()
	from.open = func(string) fs.FS { return files }
	b, err := define(t, from, "./preload").Canonical(testApp(t), testHost)
	if err != nil {
		t.Fatal(err)
	}
	p := b.Processes[0]
	if b.Concurrency != 4 || p.Workers != 4 || p.Dir != "/app" || !p.findsWorkers() || len(p.Files) != 1 {
		t.Errorf("the recipe becomes %+v", b)
	}
	if !strings.Contains(b.Processes[0].Files[0].Text, `wsgi_app = "shop.wsgi:application"`) {
		t.Errorf("its configuration does not name the app:\n%s", b.Processes[0].Files[0].Text)
	}
	all := fstest.MapFS{}
	for name, f := range files {
		all["preload/"+name] = f
	}
	from.embedded = both{all, from.embedded}
	want := append(slices.DeleteFunc(Names(), func(name string) bool { return name == "preload" }), "preload")
	if got := from.names(); !slices.Equal(got, want) {
		t.Errorf("embedded, the list is %v; want %v", got, want)
	}
	again, err := define(t, from, "preload").Canonical(testApp(t), testHost)
	if err != nil || again.Processes[0].Files[0] != b.Processes[0].Files[0] {
		t.Errorf("embedded, it becomes %v, %v", again, err)
	}
}

func define(t *testing.T, from catalog, text string) Definition {
	t.Helper()
	topology, err := ParseTopology(text)
	if err != nil {
		t.Fatal(err)
	}
	d, err := from.define(topology)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// both is one file system over another.
type both struct{ upper, lower fs.FS }

func (b both) Open(name string) (fs.File, error) {
	if f, err := b.upper.Open(name); err == nil && name != "." {
		return f, nil
	}
	return b.lower.Open(name)
}

func (b both) ReadDir(name string) ([]fs.DirEntry, error) {
	upper, _ := fs.ReadDir(b.upper, name)
	lower, err := fs.ReadDir(b.lower, name)
	return append(upper, slices.DeleteFunc(lower, func(below fs.DirEntry) bool { // hidden, as in a real overlay
		return slices.ContainsFunc(upper, func(above fs.DirEntry) bool { return above.Name() == below.Name() })
	})...), err
}

// Every key and everything that a template sees is in docs/TOPOLOGIES.md, and nothing else is.
func TestEveryKeyIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/TOPOLOGIES.md")
	if err != nil {
		t.Fatal(err)
	}
	_, keys, _ := strings.Cut(string(text), "\n## Keys\n")
	keys, data, _ := strings.Cut(keys, "\n## Template data\n")
	data, probes, _ := strings.Cut(data, "\n## Observing a server\n")
	known := map[string]bool{}
	for _, of := range []any{Definition{}, Definition{}.Entry, Param{}, ProcessDefinition{}, FileDefinition{}} {
		for i := range reflect.TypeOf(of).NumField() {
			if name := reflect.TypeOf(of).Field(i).Tag.Get("yaml"); name != "" && name != "-" {
				known[name] = true
			}
		}
	}
	for name := range known {
		if !strings.Contains(keys, "`"+name+"`") {
			t.Errorf("the key %s is not documented", name)
		}
	}
	for _, name := range firstColumn(keys) {
		if !known[name] {
			t.Errorf("the documented key %s does not exist", name)
		}
	}
	checkTemplateNames(t, data)
	for _, kind := range probe.Kinds() {
		if !strings.Contains(probes, "\n| `"+kind.Name+"` |") {
			t.Errorf("the probe %s is not documented", kind.Name)
		}
	}
}

func checkTemplateNames(t *testing.T, data string) {
	t.Helper()
	sees := []string{}
	kind := reflect.TypeOf(renderData{})
	for i := range kind.NumField() {
		if f := kind.Field(i); f.IsExported() {
			sees = append(sees, "."+f.Name)
		}
	}
	for i := range kind.NumMethod() {
		sees = append(sees, "."+kind.Method(i).Name)
	}
	for name := range renderFuncs {
		sees = append(sees, name)
	}
	var documented []string
	for _, name := range firstColumn(data) {
		if after, found := strings.CutPrefix(name, "."); found {
			name, _, _ = strings.Cut(after, ".")
			name = "." + name
		}
		documented = append(documented, name)
	}
	slices.Sort(sees)
	slices.Sort(documented)
	if !slices.Equal(sees, documented) {
		t.Errorf("the documentation lists %v; templates see %v", documented, sees)
	}
}

// firstColumn are the words in backquotes in the first column of the tables.
func firstColumn(section string) (names []string) {
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, m := range regexp.MustCompile("`([^` ]+)[^`]*`").FindAllStringSubmatch(cells[1], -1) {
			names = append(names, m[1])
		}
	}
	return names
}
