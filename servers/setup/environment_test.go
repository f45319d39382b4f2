package setup

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestReadRequirements(t *testing.T) {
	for _, row := range []struct {
		about string
		files map[string]string
		want  []string
		fault string
	}{
		{"comments and blank lines are ignored", map[string]string{"requirements.txt": "# a\n\ndjango==5.2.1 # why\n"},
			[]string{"django==5.2.1"}, ""},
		{"spaces do not matter", map[string]string{"requirements.txt": "django == 5.2.1 ;  python_version > '3'\n"},
			[]string{"django == 5.2.1 ; python_version > '3'"}, ""},
		{"a line may continue", map[string]string{"requirements.txt": "django==5.2.1 \\\n  --hash=sha256:ab\n"},
			[]string{"django==5.2.1 --hash=sha256:ab"}, ""},
		{"an included list is part of it", map[string]string{"requirements.txt": "-r more/base.txt\nuwsgi\n",
			"more/base.txt": "-cpins.txt\ndjango\n", "more/pins.txt": "django<6\n"},
			[]string{"constraint: django<6", "django", "uwsgi"}, ""},
		{"a tab may precede a comment", map[string]string{"requirements.txt": "-r base.txt\t# why\n",
			"base.txt": "django\n"}, []string{"django"}, ""},
		{"a comment does not continue", map[string]string{"requirements.txt": "# a \\\ndjango\n"}, []string{"django"}, ""},
		{"Windows line ends", map[string]string{"requirements.txt": "django \\\r\n --hash=sha256:ab\r\nuwsgi\r\n"},
			[]string{"django --hash=sha256:ab", "uwsgi"}, ""},
		{"a remote list stays a line", map[string]string{"requirements.txt": "-r https://example.org/base.txt\n-c " +
			"${PINS}\n"}, []string{"-r https://example.org/base.txt", "-c ${PINS}"}, ""},
		{"in the long form too", map[string]string{"requirements.txt": "--requirement=base.txt\n", "base.txt": "django\n"},
			[]string{"django"}, ""},
		{"a URL's fragment is not a comment", map[string]string{"requirements.txt": "https://example.org/a.zip#egg=a\n"},
			[]string{"https://example.org/a.zip#egg=a"}, ""},
		{"a cycle ends", map[string]string{"requirements.txt": "-r base.txt\n", "base.txt": "-r requirements.txt\n"}, nil,
			"includes itself"},
		{"a missing list is named", map[string]string{"requirements.txt": "-r gone.txt\n"}, nil, "gone.txt"},
	} {
		dir := t.TempDir()
		for name, text := range row.files {
			write(t, filepath.Join(dir, name), text, 0o600)
		}
		got, err := ReadRequirements(filepath.Join(dir, "requirements.txt"))
		switch {
		case row.fault != "":
			if err == nil || !strings.Contains(err.Error(), row.fault) {
				t.Errorf("%s: error %v; want one with %q", row.about, err, row.fault)
			}
		case err != nil || !slices.Equal(got.Lines, row.want):
			t.Errorf("%s: %q, %v; want %q", row.about, got.Lines, err, row.want)
		}
	}
}

func TestDiffer(t *testing.T) {
	a, b := Requirements{Lines: []string{"django==5.1", "pillow"}}, Requirements{Lines: []string{"pillow", "django==5.2"}}
	gone, added := a.Differ(b)
	if !slices.Equal(gone, []string{"django==5.1"}) || !slices.Equal(added, []string{"django==5.2"}) {
		t.Errorf("gone %q, added %q", gone, added)
	}
	if gone, added = a.Differ(a); len(gone)+len(added) > 0 {
		t.Errorf("a list differs from itself: %q, %q", gone, added)
	}
}

// fakePython says what it is, creates virtual environments, and records the calls of pip.
const fakePython = `#!/bin/sh
here=$(dirname "$0")
case "$1 $2" in
"-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
"-m pip")
	echo "$*" >>LOG
	case "$*" in
	*refused*) echo "no such package" >&2; exit 1 ;;
	*uwsgi.txt) cp "$0" "$here/uwsgi" ;;
	esac ;;
-c*) printf '3.11.2\n/usr\n/usr\n5.2\n' ;;
esac
`

func TestEnvironmentIsCreatedOncePerList(t *testing.T) {
	cache, path, log := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "log")
	write(t, filepath.Join(path, "python3"), strings.ReplaceAll(fakePython, "LOG", log), 0o755)
	s := Setup{Cache: cache, Path: path, Env: []string{"PATH=/usr/bin:/bin"}, Say: io.Discard}
	environment := func(text string) (string, error) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "requirements.txt")
		write(t, file, text, 0o600)
		list, err := ReadRequirements(file)
		if err != nil {
			t.Fatal(err)
		}
		return s.Environment(t.Context(), list, "")
	}
	calls := func() int {
		data, _ := os.ReadFile(log)
		return strings.Count(string(data), "\n")
	}
	first, err := environment("django==5.1\n")
	if err != nil {
		t.Fatal(err)
	}
	if calls() != 2 {
		t.Errorf("pip was called %d times; want once for the list and once for uWSGI", calls())
	}
	again, err := environment("# the same\ndjango==5.1\n")
	if err != nil || again != first || calls() != 2 {
		t.Errorf("the same list again: %s, %v, %d calls; want %s and no call", again, err, calls(), first)
	}
	other, err := environment("django==5.2\n")
	if err != nil || other == first || len(other) != len(first) {
		t.Errorf("another list: %s, %v; want another path, as long as %s", other, err, first)
	}
	for _, local := range []string{"-e .", "./lib", "vendor/pkg", "dist/a-1.tar.gz", "a.whl", "a @ file:///srv/a",
		"--find-links wheels", "-f ../wheels"} {
		if _, err := environment(local + "\n"); err == nil || !strings.Contains(err.Error(), "file system") {
			t.Errorf("%s: error %v", local, err)
		}
	}
	for _, remote := range []string{"-e git+https://example.org/a.git@1234#egg=a", "a @ https://example.org/a.zip",
		"--index-url https://example.org/simple"} {
		if _, err := environment(remote + "\n"); err != nil {
			t.Errorf("%s: %v", remote, err)
		}
	}
	// A failed one does not count, although all of its programs are there.
	script := strings.ReplaceAll(fakePython, "LOG", log)
	failing := strings.Replace(script, "*uwsgi.txt) cp",
		"*requirements.txt) cp \"$0\" \"$here/uwsgi\"; echo no such package >&2; exit 1 ;;\n\t*uwsgi.txt) cp", 1)
	write(t, filepath.Join(path, "python3"), failing, 0o755)
	if _, err := environment("django==9\n"); err == nil || !strings.Contains(err.Error(), "no such package") {
		t.Errorf("pip failed, and the error is %v; want what pip said", err)
	}
	write(t, filepath.Join(path, "python3"), script, 0o755)
	before := calls()
	if _, err := environment("django==9\n"); err != nil || calls() == before {
		t.Errorf("after a failure: %v, %d calls of pip; want it created again", err, calls()-before)
	}
}
