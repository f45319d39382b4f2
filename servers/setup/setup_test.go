package setup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
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

// What could not be done is reported together, and what could be is done.
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

// A second setup waits for what a killed one left running: the commands hold the lock, too.
func TestTheLockOutlivesAKilledSetup(t *testing.T) {
	s, err := Setup{Cache: t.TempDir(), Say: io.Discard}.locked(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	left := exec.Command("/bin/sleep", "100") // what it was doing when it was killed
	left.ExtraFiles = []*os.File{s.lock}
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	_ = s.lock.Close() // as the kernel does
	soon, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := s.locked(soon); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("beside what is left running: %v; want it to wait", err)
	}
	if err := left.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = left.Wait()
	if again, err := s.locked(t.Context()); err != nil {
		t.Error(err)
	} else {
		_ = again.lock.Close()
	}
}

// Ctrl-C ends a compiler, and waits for the package manager.
func TestInterruptedCommands(t *testing.T) {
	for _, row := range []struct {
		program  string
		finishes bool
	}{{"apt-get", true}, {"pip", false}} {
		dir := t.TempDir()
		started, done := filepath.Join(dir, "started"), filepath.Join(dir, "done")
		write(t, filepath.Join(dir, row.program), "#!/bin/sh\ntouch "+started+"; sleep 0.5; touch "+done+"\n", 0o755)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for !exists(started) && t.Context().Err() == nil {
				time.Sleep(time.Millisecond) // polls for the condition
			}
			cancel()
		}()
		s, err := Setup{Cache: dir, Env: []string{"PATH=/usr/bin:/bin"}, Say: io.Discard}.locked(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		err = s.command(ctx, filepath.Join(dir, row.program), "install")
		if finished := exists(done); err == nil || finished != row.finishes {
			t.Errorf("%s: finished %v, %v; want it to finish: %v", row.program, finished, err, row.finishes)
		}
		_ = s.lock.Close()
	}
}

// Where PyPI fails, nothing is installed into the system unasked.
func TestNoFallbackToTheSystemsPackages(t *testing.T) {
	dir := t.TempDir()
	asked := filepath.Join(dir, "asked")
	write(t, filepath.Join(dir, "nginx"), "#!/bin/sh\necho 'nginx version: nginx/1.22.1' >&2\n", 0o755)
	write(t, filepath.Join(dir, "gcc"), "#!/bin/sh\n", 0o755)
	write(t, filepath.Join(dir, "apt-get"), "#!/bin/sh\ntouch "+asked+"\n", 0o755)
	write(t, filepath.Join(dir, "python3"), `#!/bin/sh
case "$1 $2" in
"-c import django") exit 1 ;;
"-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
"-m pip") echo "ERROR: No matching distribution found for django"; exit 1 ;;
esac
`, 0o755)
	path := dir + ":/usr/bin:/bin"
	var said bytes.Buffer
	err := Setup{Cache: filepath.Join(dir, "cache"), Path: dir, Env: []string{"PATH=" + path}, Say: &said}.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "No matching distribution") || exists(asked) {
		t.Errorf("Run = %v, apt-get was asked: %v; want the reason, and nothing else\n%s", err, exists(asked), said.String())
	}
}

func TestACacheThatCannotHoldAnEnvironment(t *testing.T) {
	for _, name := range []string{"my cache", "a@b", "50%"} {
		cache := filepath.Join(t.TempDir(), name)
		err := Setup{Cache: cache, Say: io.Discard}.Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), "BENCH_CACHE") {
			t.Errorf("%q: %v; want it refused", name, err)
		}
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
