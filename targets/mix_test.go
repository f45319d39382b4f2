package targets

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func weighted(weights ...uint32) Mix {
	var m Mix
	for i, w := range weights {
		m.Targets = append(m.Targets, Target{Name: string(rune('a' + i)), Method: "GET", Path: "/", Weight: w})
	}
	return m
}

func TestMixDrawsByWeight(t *testing.T) {
	m := weighted(1, 2, 5).WithSeed(3)
	var counts [3]float64
	const n = 80_000
	for i := range uint64(n) {
		counts[m.Index(i)]++
	}
	for i, share := range []float64{1. / 8, 2. / 8, 5. / 8} {
		// Five standard errors: the seed is fixed, so this cannot flake.
		if limit := 5 * math.Sqrt(share*(1-share)/n); math.Abs(counts[i]/n-share) > limit {
			t.Errorf("target %d was drawn with probability %.4f; want %.4f ± %.4f", i, counts[i]/n, share, limit)
		}
	}
}

func TestMixIsAPureFunctionOfN(t *testing.T) {
	m := weighted(3, 1, 4)
	for n := range uint64(1000) {
		first, second := m.At(n), m.At(n)
		if first != second {
			t.Fatalf("At(%d) differs between two calls", n)
		}
	}
	same, other := 0, m.WithSeed(9)
	for n := range uint64(1000) {
		if m.Index(n) == other.Index(n) {
			same++
		}
	}
	if same > 700 {
		t.Errorf("another seed gave the same target %d of 1000 times", same)
	}
}

func TestMixWithoutWeightsIsReplayedInOrder(t *testing.T) {
	m := weighted(0, 0, 0)
	for n := range uint64(30) {
		if got := m.Index(n); got != int(n%3) {
			t.Errorf("Index(%d) = %d; want %d", n, got, n%3)
		}
	}
}

func TestMixIndexDoesNotAllocate(t *testing.T) {
	m := weighted(1, 2, 3, 4)
	var n uint64
	if allocs := testing.AllocsPerRun(1000, func() { m.At(n); n++ }); allocs != 0 {
		t.Errorf("At allocates %v times; want 0", allocs)
	}
}

func TestParseMixRefuses(t *testing.T) {
	for _, row := range []struct{ says, text, want string }{
		{"an unknown key is named with its line", "- name: a\n  path: /\n  wieght: 2\n", "[3:3]"},
		{"a path must start with a slash", "- {name: a, path: x}", "must start with /"},
		{"a blank in a path would split the request line", "- {name: a, path: '/a b'}", "blank"},
		{"a header cannot smuggle a second one in", "- {name: a, path: /, headers: {X: \"1\\r\\nY: 2\"}}", "line break"},
		{"a header name is a token", "- {name: a, path: /, headers: {'X Y': '1'}}", "token"},
		{"a name goes into file names", "- {name: a/b, path: /}", "file name"},
		{"a name can be seen", "- {name: \"a\\u200b\", path: /}", "can be seen"},
		{"a name does not command a terminal", "- {name: \"a\\e[31m\", path: /}", "can be seen"},
		{"a path has no zero byte", "- {name: a, path: \"/a\\x00\"}", "control character"},
		{"a weight is a whole number", "- {name: a, path: /, weight: 1.5}", "whole number"},
		{"a length is not negative", "- {name: a, path: /, expect: {length: -5}}", "number of a body's bytes"},
		{"a hash has its digits", "- {name: a, path: /, expect: {sha256: abc}}", "64 hexadecimal digits"},
		{"names are unique", "- {name: a, path: /}\n- {name: a, path: /b}", "used twice"},
		{"a bad escape does not survive to the request", "- {name: a, path: '/%zz'}", "invalid URL escape"},
		{"an empty list is not a mix", "[]", "no targets"},
		{"two bodies are refused", "- {name: a, path: /, body: x, body_base64: eA==}", "both"},
		{"a body file needs a folder", "- {name: a, path: /, body_file: x}", "folder"},
		{"a status has three digits", "- {name: a, path: /, expect: {status: [200, 3]}}", "three digits"},
		{"case 32-framing-headers-dropped: chunks are not the user's business",
			"- {name: a, path: /, headers: {transfer-encoding: chunked}}", "bench frames requests"},
		{"nor is the length", "- {name: a, path: /, body: hello, headers: {CONTENT-LENGTH: 3}}", "bench frames requests"},
		{"nor is waiting for an interim response",
			"- {name: a, path: /, headers: {Expect: 100-continue}}", "bench frames requests"},
	} {
		_, err := ParseMix([]byte(row.text), "")
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: ParseMix(%q) = %v; want an error with %q", row.says, row.text, err, row.want)
		}
	}
}

func TestParseProjectRefuses(t *testing.T) {
	const good = "app:\n  wsgi: a.b:c\n  settings: a.s\n"
	if _, err := ParseProject([]byte(good), ""); err != nil {
		t.Fatalf("ParseProject of the minimum: %v", err)
	}
	for _, whole := range []string{"wsgi: 'a:b()'", "asgi: a:b", "asgi: 'a:b', wsgi: 'a.c:d', settings: a.s"} {
		if _, err := ParseProject([]byte("app: {"+whole+"}"), ""); err != nil {
			t.Errorf("an app with %s: %v", whole, err)
		}
	}
	for _, row := range []struct{ says, text, want string }{
		{"an app without a callable", "app: {settings: a.s}", "or asgi, or both"},
		{"an ASGI callable needs module and attribute", "app: {asgi: a}", "module:attribute"},
		{"a factory takes no arguments", "app: {wsgi: 'a:b(1)'}", "module:factory()"},
		{"an unknown key is named with its line", good + "  wsig: x\n", "[4:3]"},
		{"a callable needs module and attribute", "app: {wsgi: a.b, settings: a.s}", "module:attribute"},
		{"a module name cannot contain a line break", "app: {wsgi: 'a:b', settings: \"a\\nb\"}", "app.settings"},
		{"the app is below its bench.yaml", "app: {wsgi: 'a:b', dir: ../a}", "app.dir"},
		{"static url and root belong together", good + "  static: {url: /static/}\n", "given together"},
		{"a static url has slashes at both ends", good + "  static: {url: static, root: /x}\n", "slash at both ends"},
		{"an empty command prepares nothing", good + "  prepare: [[]]\n", "empty command"},
		{"a bad mix is named as such", good + "mix: [{name: a, path: b}]\n", "mix: target a"},
	} {
		_, err := ParseProject([]byte(row.text), "")
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: ParseProject = %v; want an error with %q", row.says, err, row.want)
		}
	}
}

func TestLoadProjectNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadProject(dir); err == nil || !strings.Contains(err.Error(), "there is no bench.yaml") {
		t.Errorf("LoadProject of an empty folder = %v", err)
	}
	text := []byte("app: {wsgi: a:b, settings: s, python: bin/python, dir: src}")
	if err := os.Mkdir(filepath.Join(dir, "src"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ProjectFile), text, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := LoadProject(dir)
	if err != nil || p.App.Python != filepath.Join(dir, "bin/python") || p.App.Name != filepath.Base(dir) ||
		p.App.Dir != filepath.Join(dir, "src") {
		t.Errorf("LoadProject = %+v, %v; want the interpreter's path below the folder", p.App, err)
	}
}

// The embed patterns list each kind of file; a new kind must not be forgotten.
func TestBundledProjectIsComplete(t *testing.T) {
	dir := t.TempDir()
	if err := WriteBundled(dir); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir("shop", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.Contains(path, "__pycache__") || strings.Contains(path, "/static/") {
			return err
		}
		rest, _ := filepath.Rel("shop", path)
		if _, err := os.Stat(filepath.Join(dir, rest)); err != nil {
			t.Errorf("%s is not embedded", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Bundled()
	if err != nil || p.App.Name != "shop" {
		t.Errorf("Bundled = %+v, %v", p.App, err)
	}
}

func FuzzParseMix(f *testing.F) {
	f.Add([]byte("- {name: a, path: /, weight: 2, headers: {A: b}, expect: {status: 200, length: 3}}"))
	f.Add([]byte("- name: b\n  method: post\n  path: /x?y=1\n  body: z\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		mix, err := ParseMix(data, "")
		if err != nil {
			return
		}
		if err := mix.Validate(); err != nil {
			t.Fatalf("ParseMix accepted what Validate refuses: %v", err)
		}
		for n := range uint64(8) {
			mix.At(n)
		}
	})
}

func FuzzParseProject(f *testing.F) {
	f.Add([]byte("app: {wsgi: a:b, settings: s, static: {url: /s/, root: r}, prepare: [[a]]}\n" +
		"objectives: [p99<1s]\nflags: {quick: true}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		// A file without an app is allowed: it may only set flags.
		if p, err := ParseProject(data, ""); err == nil && p.App.WSGI != "" && p.App.Validate() != nil {
			t.Fatal("ParseProject accepted what Validate refuses")
		}
	})
}

// A thousand paths do not make a thousand histograms.
func TestNamesAreBounded(t *testing.T) {
	var m Mix
	for i := range 1000 {
		m.Targets = append(m.Targets, Target{Name: fmt.Sprintf("/%d", i%500)})
	}
	names, of := m.Names()
	if len(names) != mostNames+1 || names[mostNames] != Others || len(of) != 1000 {
		t.Fatalf("%d names for %d targets, the last is %q", len(names), len(of), names[len(names)-1])
	}
	for i, at := range of {
		if want := min(i%500, mostNames); at != want {
			t.Fatalf("target %d has name %d; want %d", i, at, want)
		}
	}
}
