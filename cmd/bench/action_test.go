package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// step runs the action's script as a runner does, with a bench that ends with the given code, after it
// has left a run or not, and prints its arguments.
type step struct {
	code, outputs, summary, stdout string
	ended                          int
}

func runStep(t *testing.T, code, run string, set ...string) step {
	t.Helper()
	dir := t.TempDir()
	fake := filepath.Join(dir, "bench")
	script := "#!/bin/bash\necho \"args: $*\"\nwhile [ \"$1\" != --out ]; do shift; done\n"
	if run != "" {
		script += "mkdir -p \"$2/" + run + "\" && echo page > \"$2/" + run + "/report.html\"\n"
	}
	script += "echo 'bench: app.wsgi: nosuch is 100% wrong' >&2\nexit " + code + "\n"
	if err := os.WriteFile(fake, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", `"../../.ci/action"`)
	outputs, summary := filepath.Join(dir, "outputs"), filepath.Join(dir, "summary")
	c.Env = append(os.Environ(),
		"BENCH="+fake, "COMMAND=gate", "APP=.", "BASE=", "TOPOLOGY=", "BUDGET=4m", "SCENARIO=", "METRICS=", "OBJECTIVE=",
		"ARGS=", "ON_INCONCLUSIVE=pass", "ON_LIKELY=fail", "ON_UNFIT=fail", "RUNS="+filepath.Join(dir, "runs"),
		"GITHUB_OUTPUT="+outputs, "GITHUB_STEP_SUMMARY="+summary)
	c.Env = append(c.Env, set...)
	stdout, err := c.Output()
	if err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	text := func(file string) string {
		data, _ := os.ReadFile(file) // none: it was not written
		return string(data)
	}
	return step{code, text(outputs), text(summary), string(stdout), c.ProcessState.ExitCode()}
}

func TestActionSaysHowItEnded(t *testing.T) {
	t.Parallel()
	const run = "20260102T030405Z-gate-1a2b3c4d"
	for code, want := range map[string]struct {
		verdict string
		ends    int
	}{
		"0": {"pass", 0}, "3": {"regression", 3}, "4": {"inconclusive", 0}, "5": {"unfit", 5}, "8": {"likely", 8},
		"6": {"error", 6},
	} {
		s := runStep(t, code, run)
		if s.ended != want.ends || !strings.Contains(s.outputs, "verdict="+want.verdict+"\nexit-code="+code+"\n") ||
			!strings.Contains(s.outputs, "/report/report.html\n") || s.summary != "" {
			t.Errorf("bench ends with %s: %+v", code, s)
		}
	}
	if s := runStep(t, "8", run, "ON_LIKELY=pass"); s.ended != 0 {
		t.Errorf("on-likely: %+v", s)
	}
}

// Where nothing was measured, a person sees why: in the summary and beside the change.
func TestActionSaysWhyNothingWasMeasured(t *testing.T) {
	t.Parallel()
	s := runStep(t, "2", "")
	if s.ended != 2 || !strings.Contains(s.summary, "did not measure (exit code 2)") ||
		!strings.Contains(s.summary, "nosuch is 100% wrong") || strings.Contains(s.outputs, "report=") ||
		!strings.Contains(s.stdout, "\n::error title=bench gate::bench: app.wsgi: nosuch is 100%25 wrong\n") {
		t.Errorf("%+v", s)
	}
}

// A base that is a branch stands for the commit at which head left it.
func TestActionComparesWithTheMergeBase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		c := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b"}, args...)...)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "-b", "main")
	git("commit", "-q", "--allow-empty", "-m", "one")
	left := git("rev-parse", "HEAD")
	git("checkout", "-q", "-b", "change")
	git("commit", "-q", "--allow-empty", "-m", "change")
	git("checkout", "-q", "main")
	git("commit", "-q", "--allow-empty", "-m", "two")
	git("checkout", "-q", "change")
	if s := runStep(t, "0", "", "APP="+dir, "BASE=main"); !strings.Contains(s.stdout, "--base "+left+" ") {
		t.Errorf("%s; want --base %s", s.stdout, left)
	}
	if s := runStep(t, "2", "", "APP="+dir, "BASE=nosuch"); !strings.Contains(s.stdout, "--base nosuch ") {
		t.Errorf("%s", s.stdout)
	}
}

func TestActionRunsOtherCommands(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		"compare":  "args: compare --app . --budget 4m --objective p99<1s --topologies uwsgi --seed 7 --out ",
		"capacity": "args: capacity --app . --topology uwsgi --slo p99<1s --seed 7 --out ",
	} {
		s := runStep(t, "0", "", "COMMAND="+command, "TOPOLOGY=uwsgi", "OBJECTIVE=p99<1s", "ARGS=--seed 7")
		if !strings.HasPrefix(s.stdout, want) {
			t.Errorf("%s: %q, want %q", command, s.stdout, want)
		}
		root := newRootCommand(&shell{env: map[string]string{}})
		c, _, err := root.Find([]string{command})
		if err != nil {
			t.Fatal(err)
		}
		for _, flag := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(s.stdout, -1) {
			if c.Flags().Lookup(flag[1]) == nil {
				t.Errorf("bench %s has no flag --%s", command, flag[1])
			}
		}
	}
}

// The action hands every input to its script, and its outputs are those that the script writes.
func TestActionIsComplete(t *testing.T) {
	text, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var action struct {
		Inputs, Outputs map[string]any
	}
	if err := yaml.Unmarshal(text, &action); err != nil || len(action.Inputs) < 10 {
		t.Fatalf("%d inputs, %v", len(action.Inputs), err)
	}
	script, err := os.ReadFile("../../.ci/action")
	if err != nil {
		t.Fatal(err)
	}
	for input := range action.Inputs {
		if !strings.Contains(string(text), "${{ inputs."+input+" }}") {
			t.Errorf("the input %s is not used", input)
		}
	}
	for output := range action.Outputs {
		if !strings.Contains(string(script), `echo "`+output+"=") {
			t.Errorf("the output %s is not written", output)
		}
	}
}

// The shell example of docs/CI.md goes on after a verdict, also in a shell that ends at the first failure.
func TestShellExampleTellsVerdictsApart(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/CI.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```text\n(code=0\n.*?)```").FindSubmatch(text)
	if m == nil {
		t.Fatal("docs/CI.md has no shell example")
	}
	for code, want := range map[string]int{"0": 0, "3": 1, "4": 0, "5": 0, "8": 1, "2": 1} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "bench"), []byte("#!/bin/sh\nexit "+code+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		c := exec.Command("bash", "-e", "-c", string(m[1]))
		c.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
		out, _ := c.CombinedOutput()
		if got := c.ProcessState.ExitCode(); got != want {
			t.Errorf("bench ends with %s: exit code %d, want %d: %s", code, got, want, out)
		}
	}
}
