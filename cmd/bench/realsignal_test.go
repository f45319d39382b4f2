package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"bench/results"
)

// fatal are the ways in which bench is ended at a random instant. SIGKILL comes twice as often as the rest together.
var fatal = []syscall.Signal{syscall.SIGINT, syscall.SIGKILL, syscall.SIGKILL, syscall.SIGTERM, syscall.SIGKILL,
	syscall.SIGKILL, syscall.SIGHUP, syscall.SIGKILL, syscall.SIGKILL}

// endings are what the ends of bench took at most, and what they left.
type endings struct {
	sync.Mutex
	asked, second, killed time.Duration
	ends, cells, partial  int
}

// Whenever bench ends, and whichever way, it leaves no process; what was sealed can be read; and what was there
// before is the same byte for byte. Asked to end, it also leaves no scratch folder, and has the signal's
// exit code; a second signal ends it within a second. BENCH_KILLS is the number of runs, and -parallel how
// many are under way at once; an instant follows from a run's number, so that a part can be repeated.
func TestEndsAtRandomInstants(t *testing.T) {
	kills, _ := strconv.Atoi(os.Getenv("BENCH_KILLS"))
	if kills == 0 {
		t.Skip("takes ten seconds a run: set BENCH_KILLS to their number, as make faults does")
	}
	if signal.Ignored(syscall.SIGHUP) {
		t.Fatal("SIGHUP is ignored here, as under nohup, and bench leaves it so: start this test without")
	}
	bench := realBench(t)
	var all endings
	t.Run("run", func(t *testing.T) {
		for i := range kills {
			t.Run(fmt.Sprintf("%03d", i), func(t *testing.T) {
				t.Parallel()
				endAtRandomInstant(t, bench, i, &all)
			})
		}
	})
	t.Logf("%d ends: after a signal gone within %v, after a second one within %v, after SIGKILL within %v; %d runs and "+
		"%d cells were saved", all.ends, all.asked.Round(time.Millisecond), all.second.Round(time.Millisecond),
		all.killed.Round(time.Millisecond), all.partial, all.cells)
}

func endAtRandomInstant(t *testing.T, bench string, i int, all *endings) {
	random, signal, twice := rand.New(rand.NewPCG(1, uint64(i))), fatal[i%len(fatal)], i%4 == 3
	dir := t.TempDir()
	out := filepath.Join(dir, "runs")
	if err := os.CopyFS(filepath.Join(out, "earlier"), os.DirFS("../../results/testdata/run-2-checked")); err != nil {
		t.Fatal(err)
	}
	before := sums(t, filepath.Join(out, "earlier"))
	cmd := exec.Command(bench, "compare", "--topologies", "runserver,uwsgi,nginx-uwsgi", "--scenario", "page", "--quick",
		"--out", out, "--seed", strconv.Itoa(i+1))
	cmd.Env = append(realEnv(), "TMPDIR="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Duration(random.IntN(25_000)) * time.Millisecond) // the instant is the point
	asked := time.Now()
	_ = cmd.Process.Signal(signal)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	err := again(cmd.Process, signal, twice, ended)
	took := time.Since(asked)
	if code := cmd.ProcessState.ExitCode(); signal != syscall.SIGKILL && code != 128+int(signal) {
		t.Errorf("exit code %d after %v, %v", code, signal, err)
	}
	allowed := 5 * time.Second
	if signal == syscall.SIGKILL {
		allowed = 2 * time.Second
	}
	left := func() []string {
		scratch, _ := filepath.Glob(filepath.Join(dir, "bench-*"))
		return append(scratch, serversOf(dir)...)
	}
	for len(left()) > 0 && time.Since(asked) < allowed {
		time.Sleep(5 * time.Millisecond) // poll for the condition of the loop
	}
	gone := time.Since(asked)
	if left := left(); len(left) > 0 || twice && took > time.Second {
		t.Errorf("%v, twice: %v; took %v; left behind: %v", signal, twice, took, left)
	}
	if after := sums(t, filepath.Join(out, "earlier")); after != before {
		t.Errorf("%v: an earlier run has changed from\n%s\nto\n%s", signal, before, after)
	}
	all.Lock()
	defer all.Unlock()
	runs, _ := filepath.Glob(filepath.Join(out, "[^.]*-compare-*"))
	for _, run := range runs {
		loaded, err := results.Load(run)
		if err != nil || loaded.Manifest.Status != results.Partial {
			t.Errorf("%v: not a PARTIAL run, %v", signal, err)
			continue
		}
		all.partial++
		all.cells += len(loaded.Cells)
	}
	all.ends++
	switch {
	case signal == syscall.SIGKILL:
		all.killed = max(all.killed, gone)
	case twice:
		all.second = max(all.second, took)
	default:
		all.asked = max(all.asked, gone)
	}
}

// again waits for the end of a process, and where that is to come at once, sends the signal again: more than once,
// since a signal is lost while the same one is pending.
func again(p *os.Process, signal syscall.Signal, twice bool, ended <-chan error) error {
	var repeat <-chan time.Time
	if twice {
		repeat = time.Tick(50 * time.Millisecond)
	}
	for {
		select {
		case err := <-ended:
			return err
		case <-repeat:
			_ = p.Signal(signal)
		}
	}
}

// sums lists the files below a folder with the hash of what is in each.
func sums(t *testing.T, dir string) (list string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		list += fmt.Sprintf("%x %s\n", sha256.Sum256(data), path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
