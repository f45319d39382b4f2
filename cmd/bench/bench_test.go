package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"bench/internal/proof"

	"github.com/rogpeppe/go-internal/testscript"
)

// With -race, a program sleeps for a second before it exits, so that races in what still runs are
// reported. The scripts run hundreds of programs: GORACE keeps bench from sleeping; the fakes, whose
// environment bench chooses, exit without involving the race detector.
func TestMain(m *testing.M) {
	if os.Getenv("GORACE") == "" {
		_ = os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	testscript.Main(built{m}, map[string]func(){
		"racing-bench": func() { os.Exit(program()) },
		"python3":      func() { syscall.Exit(fakePython()) },
		"uwsgi":        func() { syscall.Exit(fakeUWSGI()) },
		"nginx":        func() { syscall.Exit(fakeNginx()) },
	})
}

// built are the tests, after which the program that they built is removed.
type built struct{ *testing.M }

// Run runs the tests.
func (b built) Run() int {
	defer func() { _ = os.RemoveAll(buildDir) }()
	return b.M.Run()
}

// buildDir is the folder of the program that scripts and tests on real servers run; empty until one of them has
// built it.
var buildDir string

// buildOnce builds the program, once for all tests.
var buildOnce = sync.OnceValues(func() (path string, err error) {
	if buildDir, err = os.MkdirTemp("", "bench-test-"); err != nil {
		return "", err
	}
	path = filepath.Join(buildDir, "bench")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building bench: %w\n%s", err, out)
	}
	return path, nil
})

// params are those of the scripts. In them, bench is the program as its users have it, and racing-bench the same with
// the race detector, if the tests have it: it carries out claims and runs that are interrupted, and takes ten times
// as long to make a report.
func params(dir string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			bench, err := buildOnce()
			if err != nil {
				return err
			}
			e.Setenv("PATH", filepath.Dir(bench)+string(filepath.ListSeparator)+e.Getenv("PATH"))
			e.Setenv("BENCH_CACHE", filepath.Join(e.WorkDir, "cache"))
			e.Setenv("TMPDIR", e.WorkDir)
			e.Setenv("BENCH_SHARED_MACHINE", "true") // with the other scripts, and other packages' tests
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name != "proof" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return proof.Full, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":        exits,
			"nothing-left": nothingLeft,
			"damage":       damage,
			"same":         same,
			"follow":       follow,
		},
	}
}

// exits runs a command and checks its exit code: exits CODE COMMAND ARG...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	if exit := (*exec.ExitError)(nil); err != nil {
		exit, _ = err.(*exec.ExitError)
		if exit == nil {
			ts.Fatalf("%v: %v", args[1:], err)
		}
		code = strings.TrimSpace(strings.TrimPrefix(exit.String(), "exit status"))
	}
	if code != args[0] {
		ts.Fatalf("%v exits with %s; want %s", args[1:], code, args[0])
	}
}

// nothingLeft checks that no process of this script is left, that is none whose working folder is
// below the script's.
func nothingLeft(ts *testscript.TestScript, _ bool, _ []string) {
	left, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range left {
		cwd, err := os.Readlink(link)
		if err == nil && strings.HasPrefix(cwd, ts.Getenv("WORK")) {
			command, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "cmdline"))
			ts.Fatalf("%s is left in %s: %s", filepath.Base(filepath.Dir(link)), cwd,
				strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
}

// one returns the only file that matches a pattern.
func one(ts *testscript.TestScript, pattern string) string {
	found, _ := filepath.Glob(ts.MkAbs(pattern))
	if len(found) != 1 {
		ts.Fatalf("%s matches %d files; want 1", pattern, len(found))
	}
	return found[0]
}

// damage cuts a file in half: damage PATTERN
func damage(ts *testscript.TestScript, _ bool, args []string) {
	path := one(ts, args[0])
	info, err := os.Stat(path)
	ts.Check(err)
	ts.Check(os.Truncate(path, info.Size()/2))
}

// same compares two files byte for byte: same PATTERN PATTERN
func same(ts *testscript.TestScript, _ bool, args []string) {
	if ts.ReadFile(one(ts, args[0])) != ts.ReadFile(one(ts, args[1])) {
		ts.Fatalf("%s and %s differ", args[0], args[1])
	}
}

func TestScripts(t *testing.T) { testscript.Run(t, params("testdata/script")) }
