package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"bench/internal/recipe"
	"bench/results"
	"bench/servers/setup"
	"bench/targets"
)

// writeRecipe writes the folder that CONTRIBUTING.md's "Add a topology" makes.
func writeRecipe(t *testing.T, dir string) (files []string) {
	t.Helper()
	for name, text := range recipe.Read(t, "../..", "Add a topology").Files("preload") {
		file := filepath.Join(dir, "preload", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	if len(files) == 0 {
		t.Fatal("the recipe has no files")
	}
	return files
}

// run runs a command in a folder and returns its output.
func run(t *testing.T, dir string, argv ...string) string {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, realEnv()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

// The recipe, step by step: rendered by path, and listed once it is embedded, with nothing else
// changed in the tree.
func TestRecipeOfATopologyIsFollowed(t *testing.T) {
	bench := realBench(t)
	dir := t.TempDir()
	files := writeRecipe(t, dir)
	if text := run(t, dir, bench, "render", "./preload"); !strings.Contains(text, `wsgi_app = "shop.wsgi:application"`) {
		t.Errorf("bench render ./preload:\n%s", text)
	}
	overlay := map[string]map[string]string{"Replace": {}}
	for _, file := range files {
		to, err := filepath.Abs(filepath.Join("../../servers/topologies/preload", filepath.Base(file)))
		if err != nil {
			t.Fatal(err)
		}
		overlay["Replace"][to] = file
	}
	list := filepath.Join(dir, "overlay.json")
	if data, err := json.Marshal(overlay); err != nil || os.WriteFile(list, data, 0o600) != nil {
		t.Fatalf("writing %s: %v", list, err)
	}
	run(t, ".", "go", "build", "-overlay", list, "-o", filepath.Join(dir, "bench"), ".")
	text := run(t, dir, "./bench", "topologies")
	if last := strings.LastIndex(text, "\npreload "); last < strings.Index(text, "\nnginx-uwsgi ") {
		t.Errorf("bench topologies does not list it at the end:\n%s", text)
	}
	run(t, dir, "./bench", "render", "preload:workers=3")
}

// gunicornProject is the bundled project with an interpreter of its own, which has gunicorn.
func gunicornProject(t *testing.T) (dir string) {
	t.Helper()
	s := &shell{env: environment(realEnv())}
	cache, err := s.cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	base := setup.Python(cache, s.env["PATH"])
	dir = t.TempDir()
	venv := filepath.Join(dir, "venv")
	python := filepath.Join(venv, "bin", "python")
	for _, argv := range [][]string{
		{base, "-m", "venv", "--without-pip", venv},
		{base, "-m", "pip", "--python", python, "install", "-q", "--disable-pip-version-check", "gunicorn"},
	} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Skipf("gunicorn cannot be installed here: %v\n%s", err, out)
		}
	}
	// Django comes from bench's own environment.
	packages := run(t, dir, base, "-c", "import django, os; print(os.path.dirname(os.path.dirname(django.__file__)))")
	own := strings.TrimSpace(run(t, dir, python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"))
	if err := os.WriteFile(filepath.Join(own, "bench.pth"), []byte(packages), 0o600); err != nil {
		t.Fatal(err)
	}
	app := filepath.Join(dir, "app")
	if err := targets.WriteBundled(app); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(app, targets.ProjectFile)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("\napp:\n"), fmt.Appendf(nil, "\napp:\n  python: %s\n", python), 1)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return app
}

// The recipe's server boots, every worker is seen to respond, and nothing is left behind.
func TestRecipeOfATopologyBoots(t *testing.T) {
	bench := realBench(t)
	app := gunicornProject(t)
	dir := t.TempDir()
	writeRecipe(t, dir)
	cmd := exec.CommandContext(t.Context(), bench, "up", "./preload:workers=3", "--app", app, "--json")
	cmd.Dir, cmd.Env = dir, append(realEnv(), "TMPDIR="+dir)
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var up struct {
		URL     string
		Workers int
	}
	if err == nil {
		err = json.Unmarshal(line, &up)
	}
	if err != nil || up.Workers != 3 {
		t.Errorf("up says %q (%v); want three workers\n%s", line, err, log.String())
	} else if response, err := http.Get(up.URL + "/healthz"); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("it does not respond: %v, %v", response, err)
	} else {
		_ = response.Body.Close()
	}
	_ = cmd.Process.Signal(syscall.SIGINT)
	_ = cmd.Wait()
	compareRecipe(t, bench, dir, app)
	if left := serversOf(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// compareRecipe compares it with the development server: it has to do the same work, including static
// files, and its master's CPU time is counted apart from its workers'.
func compareRecipe(t *testing.T, bench, dir, app string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), bench, "compare", "--topologies", "runserver,./preload",
		"--scenario", "page", "--app", app, "--quick", "--blocks", "1", "--out", "runs")
	cmd.Dir, cmd.Env = dir, append(realEnv(), "TMPDIR="+dir)
	if out, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != exitInvalid {
		t.Fatalf("compare: %v\n%s", err, out)
	}
	runs, _ := filepath.Glob(filepath.Join(dir, "runs", "*-compare-*"))
	if len(runs) != 1 {
		t.Fatalf("%d run directories; want 1", len(runs))
	}
	run, err := results.Load(runs[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range run.Manifest.Topologies {
		if record.Excluded != "" {
			t.Errorf("%s is left out: %s", record.Name, record.Excluded)
		}
	}
	for _, c := range run.Cells {
		if c.Topology == "preload" && (c.Boot.Workers == 0 || len(results.CPUByTier(c.Usage)) != 2) {
			t.Errorf("cell %s: %+v, tiers %v; want workers, and two tiers",
				results.CellName(c), c.Boot, results.CPUByTier(c.Usage))
		}
	}
}
