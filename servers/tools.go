package servers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Tools are the programs that topologies start. A path is empty where none was found.
type Tools struct {
	Python       string            // interpreter that has the app's Django
	PythonHome   string            // its virtual environment, for uWSGI's embedded interpreter
	UWSGI        string            //
	UWSGIPlugins string            // to be loaded, where uWSGI comes in parts (Debian)
	Nginx        string            //
	Others       map[string]string // programs that user topologies ask for
	Versions     map[string]string // by name: python, django, uwsgi, nginx
}

// Find is the path of another program, for templates.
func (t Tools) Find(name string) string { return t.Others[name] }

func (t Tools) canonical() Tools {
	t.Python, t.UWSGI, t.Nginx = "python", "uwsgi", "nginx"
	if t.PythonHome != "" {
		t.PythonHome = "/home"
	}
	others := map[string]string{}
	for name := range t.Others {
		others[name] = name
	}
	t.Others = others
	return t
}

// MissingToolError names a program that a topology needs.
type MissingToolError struct {
	Tool   string
	Beside string // the app's own interpreter, where there is one: bench setup provides for its own
}

func (e *MissingToolError) Error() string {
	if e.Beside != "" {
		return fmt.Sprintf("%s is not there for %s: install it in that environment (%s -m pip install uwsgi), or name its packages in app.requirements of bench.yaml", e.Tool, e.Beside, e.Beside)
	}
	return fmt.Sprintf("%s is not installed; run `bench setup`, or `bench doctor` to see what is missing", e.Tool)
}

// have returns an error unless the tool was found.
func (t Tools) have(tool string) error {
	path := map[string]string{"python": t.Python, "uwsgi": t.UWSGI, "nginx": t.Nginx}[tool]
	if path == "" {
		path = t.Others[tool]
	}
	if path == "" {
		return &MissingToolError{Tool: tool}
	}
	return nil
}

// LookPath finds a program in a PATH given as text.
func LookPath(name, path string) string {
	if strings.ContainsRune(name, os.PathSeparator) {
		if executable(name) {
			return name
		}
		return ""
	}
	for _, dir := range filepath.SplitList(path) {
		if candidate := filepath.Join(dir, name); dir != "" && executable(candidate) {
			return candidate
		}
	}
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// FindTools looks for the tools in PATH. Python is the interpreter to be used; uWSGI is
// looked for beside it first, since it embeds the interpreter it was built for.
func FindTools(ctx context.Context, python, path string, others []string) (Tools, error) {
	t := Tools{Others: map[string]string{}, Versions: map[string]string{}}
	t.Nginx = LookPath("nginx", path)
	if t.Nginx == "" {
		t.Nginx = LookPath("nginx", "/usr/sbin:/usr/local/sbin") // not on every user's PATH
	}
	if t.Nginx != "" {
		t.Versions["nginx"] = version(ctx, t.Nginx, "-v")
	}
	for _, name := range others {
		t.Others[name] = LookPath(name, path)
	}
	t.Python = LookPath(python, path)
	if t.Python == "" {
		return t, nil
	}
	facts, err := askPython(ctx, t.Python)
	if err != nil {
		return t, err
	}
	t.Versions["python"], t.Versions["django"] = facts.version, facts.django
	if facts.prefix != facts.basePrefix {
		t.PythonHome = facts.prefix
	}
	return t, t.findUWSGI(ctx, path, facts)
}

func (t *Tools) findUWSGI(ctx context.Context, path string, facts pythonFacts) error {
	t.UWSGI = LookPath(filepath.Join(filepath.Dir(t.Python), "uwsgi"), "")
	if t.UWSGI == "" {
		t.UWSGI = LookPath("uwsgi", path)
	}
	if t.UWSGI == "" {
		return nil
	}
	t.Versions["uwsgi"] = version(ctx, t.UWSGI, "--version")
	plugins, err := exec.CommandContext(ctx, t.UWSGI, "--plugins-list").CombinedOutput()
	if err != nil && len(plugins) == 0 {
		return fmt.Errorf("asking %s for its plugins: %w", t.UWSGI, err)
	}
	// Debian's uWSGI comes in parts: without a request plugin named python it has to load
	// one, which is built for the system's Python alone.
	if !regexp.MustCompile(`(?m)^\d*:? ?python\d*$`).Match(plugins) {
		t.UWSGIPlugins = "python3"
		if !regexp.MustCompile(`(?m)^http$`).Match(plugins) {
			t.UWSGIPlugins += ",http"
		}
	}
	if t.UWSGIPlugins != "" && exec.CommandContext(ctx, t.UWSGI, "--need-plugins", t.UWSGIPlugins, "--version").Run() != nil {
		t.UWSGI = "" // the part that embeds Python is not there
		return nil
	}
	if t.ofAnotherPython(ctx, facts) {
		t.UWSGI = "" // it would not find the app's packages
	}
	return nil
}

// ofAnotherPython reports whether uWSGI says that it embeds another Python than the app's.
func (t *Tools) ofAnotherPython(ctx context.Context, facts pythonFacts) bool {
	argv := []string{"--python-version"}
	if t.UWSGIPlugins != "" {
		argv = append([]string{"--plugins", t.UWSGIPlugins}, argv...)
	}
	out, err := exec.CommandContext(ctx, t.UWSGI, argv...).Output()
	said := regexp.MustCompile(`(?m)^(\d+\.\d+)\.\d+`).FindStringSubmatch(string(out))
	return err == nil && said != nil && !strings.HasPrefix(facts.version, said[1]+".")
}

type pythonFacts struct{ version, prefix, basePrefix, django string }

const pythonQuestion = `import sys
print(sys.version.split()[0]); print(sys.prefix); print(sys.base_prefix)
try:
    import django; print(django.get_version())
except ImportError:
    print("")`

func askPython(ctx context.Context, python string) (pythonFacts, error) {
	out, err := exec.CommandContext(ctx, python, "-c", pythonQuestion).Output()
	lines := strings.Split(string(out), "\n")
	if err == nil && len(lines) < 4 {
		err = errors.New("it printed too little")
	}
	if err != nil {
		return pythonFacts{}, fmt.Errorf("asking %s what it is: %w", python, err)
	}
	return pythonFacts{lines[0], lines[1], lines[2], lines[3]}, nil
}

var versionNumber = regexp.MustCompile(`\d+(\.\d+)+[-\w.]*`)

func version(ctx context.Context, program, flag string) string {
	out, _ := exec.CommandContext(ctx, program, flag).CombinedOutput()
	return versionNumber.FindString(string(out))
}

// copyTree copies a folder; a missing one counts as empty.
func copyTree(from, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	if from == "" {
		return nil
	}
	err := os.CopyFS(to, os.DirFS(from))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
