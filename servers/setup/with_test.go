package setup

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"bench/servers"
)

func TestOptionalNamesTheToolsOfTopologies(t *testing.T) {
	for _, row := range []struct{ names, want string }{
		{"gunicorn", "gunicorn"},
		{"nginx-granian,caddy-gunicorn", "granian gunicorn caddy"},
		{"gunicorn:class=uvicorn", "gunicorn uvicorn-worker"},
		{"whitenoise", "whitenoise"},
		{"uwsgi", ""},
		{"popular", "gunicorn granian uvicorn"},
	} {
		got, err := Optional(strings.Split(row.names, ","))
		if err != nil || strings.Join(got, " ") != row.want {
			t.Errorf("%s: %v, %v; want %q", row.names, got, err, row.want)
		}
	}
	if _, err := Optional([]string{"gunicron"}); err == nil || !strings.Contains(err.Error(), "did you mean gunicorn?") {
		t.Errorf("a name with a mistake: %v", err)
	}
	all, err := Optional([]string{"all"})
	for _, tool := range []string{"hypercorn", "daphne", "waitress", "haproxy"} {
		if err != nil || !slices.Contains(all, tool) {
			t.Errorf("all: %v, %v; want %s among them", all, err, tool)
		}
	}
}

// Every Python tool has its list, in which each package is pinned to a version and named by hashes.
func TestOptionalPackagesArePinned(t *testing.T) {
	pinned := regexp.MustCompile(`^[a-z0-9-]+(\[\w+\])?==[\w.]+( ; [^\\]+)?( --hash=sha256:[0-9a-f]{64})+$`)
	for _, tool := range servers.PythonPackages {
		text, err := with.ReadFile("with/" + tool + ".txt")
		if err != nil {
			t.Error(err)
			continue
		}
		found := false
		for _, line := range requirementLines(string(text)) {
			found = found || strings.HasPrefix(line, tool+"==")
			if !pinned.MatchString(line) {
				t.Errorf("%s: not pinned: %.80s", tool, line)
			}
		}
		if !found {
			t.Errorf("%s.txt does not install %s", tool, tool)
		}
	}
}
