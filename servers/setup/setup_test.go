package setup

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every requirement is pinned to one version and named by its hash.
func TestRequirementsArePinned(t *testing.T) {
	joined := strings.ReplaceAll(requirements, "\\\n", " ")
	pinned := regexp.MustCompile(`^[a-z-]+==[\d.]+( ; python_version [<>=]+ "[\d.]+")? +--hash=sha256:[0-9a-f]{64}$`)
	n := 0
	for line := range strings.Lines(joined) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if !pinned.MatchString(regexp.MustCompile(` +`).ReplaceAllString(line, " ")) {
			t.Errorf("not pinned: %s", line)
		}
		n++
	}
	if n != 8 {
		t.Errorf("%d requirements; want 8", n)
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// An environment counts only when it was completed, and its interpreter and uWSGI are still
// there.
func TestPythonTrustsOnlyACompleteEnvironment(t *testing.T) {
	cache := t.TempDir()
	bin := filepath.Join(venvDir(cache), "bin")
	write(t, filepath.Join(bin, "uwsgi"), "", 0o755)
	base := filepath.Join(cache, "python-of-the-system")
	write(t, base, "#!/bin/sh\n", 0o755)
	if err := os.Symlink(base, filepath.Join(bin, "python")); err != nil {
		t.Fatal(err)
	}
	if got := Python(cache, ""); got != "" {
		t.Errorf("incomplete: Python = %q; want none", got)
	}
	write(t, filepath.Join(venvDir(cache), readyFile), "", 0o600)
	if got := Python(cache, ""); got != filepath.Join(bin, "python") {
		t.Errorf("complete: Python = %q", got)
	}
	write(t, base, "#!/bin/sh\nexit 1\n", 0o755) // of another version, which does not find Django
	if got := Python(cache, ""); got != "" {
		t.Errorf("after a system upgrade: Python = %q; want none", got)
	}
	if err := os.Remove(base); err != nil {
		t.Fatal(err)
	}
	if got := Python(cache, ""); got != "" {
		t.Errorf("after its interpreter was removed: Python = %q; want none", got)
	}
}

// Without PyPI the system's packages are tried; without those the error reports both.
func TestSetupReportsWhatItCouldNotDo(t *testing.T) {
	path := t.TempDir()
	write(t, filepath.Join(path, "nginx"), "#!/bin/sh\necho 'nginx version: nginx/1.22.1' >&2\n", 0o755)
	write(t, filepath.Join(path, "python3"), "#!/bin/sh\nexit 1\n", 0o755)
	write(t, filepath.Join(path, "gcc"), "#!/bin/sh\n", 0o755)
	var said bytes.Buffer
	err := Setup{Cache: t.TempDir(), Path: path, Env: []string{"PATH=" + path}, Say: &said}.Run(context.Background())
	if err == nil || !strings.Contains(err.Error(), "there is no apt-get here") {
		t.Errorf("Run = %v; want it to say that nothing can be installed", err)
	}
	if !strings.Contains(said.String(), "nginx 1.22.1 is installed") ||
		!strings.Contains(said.String(), "lacks venv or its C headers") {
		t.Errorf("it said %q", said.String())
	}
}

func TestDoctorHasAHintForEachProblem(t *testing.T) {
	checks := Doctor(context.Background(), t.TempDir(), t.TempDir(), t.TempDir())
	if len(checks) < 20 {
		t.Errorf("%d checks; want 20 or more", len(checks))
	}
	missing := map[string]bool{}
	for _, c := range checks {
		if c.Name == "" || c.Found == "" {
			t.Errorf("check %+v says nothing", c)
		}
		if (c.Level == Good) != (c.Hint == "") {
			t.Errorf("check %+v: want a hint for every problem, and only for problems", c)
		}
		if c.Level == Missing {
			missing[c.Name] = true
		}
	}
	for _, name := range []string{"uwsgi", "django"} {
		if !missing[name] {
			t.Errorf("with an empty PATH and cache, %s is not missing", name)
		}
	}
}

func ExampleReadRequirements() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	list := filepath.Join(dir, "requirements.txt")
	if err := os.WriteFile(list, []byte("django==5.2.1  # the newest LTS release\npillow\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	requirements, err := ReadRequirements(list)
	if err != nil {
		fmt.Println(err)
		return
	}
	before := Requirements{Lines: []string{"django==5.1", "pillow"}}
	gone, added := before.Differ(requirements)
	fmt.Println("gone:", gone, "added:", added)
	// Output: gone: [django==5.1] added: [django==5.2.1]
}
