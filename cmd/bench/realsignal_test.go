package main

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"bench/results"
)

// Whenever bench is asked to end, and whichever way, it ends with the signal's exit code, saves what was sealed
// and leaves no process and no scratch folder. A second signal ends it within a second. `make faults` runs it;
// BENCH_KILLS is the number of runs.
func TestSignalsAtRandomInstants(t *testing.T) {
	kills, _ := strconv.Atoi(os.Getenv("BENCH_KILLS"))
	if kills == 0 {
		t.Skip("takes ten seconds a run: set BENCH_KILLS to their number, as make faults does")
	}
	bench := realBench(t)
	random := rand.New(rand.NewPCG(1, 2))
	var slowest, slowestSecond time.Duration
	saved := 0
	for i := range kills {
		dir := t.TempDir()
		out := filepath.Join(dir, "runs")
		cmd := exec.Command(bench, "compare", "--topologies", "all", "--quick", "--out", out, "--seed", strconv.Itoa(i+1))
		cmd.Env = append(realEnv(), "TMPDIR="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.IntN(25_000)) * time.Millisecond) // the instant is the point
		signal := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}[i%3]
		twice := i%4 == 3
		asked := time.Now()
		_ = cmd.Process.Signal(signal)
		if twice {
			time.Sleep(10 * time.Millisecond) // as fast as a person is
			_ = cmd.Process.Signal(signal)
		}
		err := cmd.Wait()
		took := time.Since(asked)
		if code := cmd.ProcessState.ExitCode(); code != 128+int(signal) {
			t.Errorf("run %d: exit code %d after %v, %v", i, code, signal, err)
		}
		if twice {
			slowestSecond = max(slowestSecond, took)
		} else {
			slowest = max(slowest, took)
		}
		for len(serversOf(dir)) > 0 && time.Since(asked) < 5*time.Second {
			time.Sleep(5 * time.Millisecond) // poll for the condition of the loop
		}
		left, _ := filepath.Glob(filepath.Join(dir, "bench-*"))
		for len(left) > 0 && time.Since(asked) < 5*time.Second {
			left, _ = filepath.Glob(filepath.Join(dir, "bench-*"))
		}
		if processes := serversOf(dir); len(processes)+len(left) > 0 {
			t.Errorf("run %d: left behind: %v, %v", i, processes, left)
		}
		runs, _ := filepath.Glob(filepath.Join(out, "*-compare-*"))
		for _, run := range runs {
			loaded, err := results.Load(run)
			if err != nil || loaded.Manifest.Status != results.Partial {
				t.Errorf("run %d: %v", i, errors.Join(err, errors.New("it is not a PARTIAL run")))
				continue
			}
			saved += len(loaded.Cells)
		}
	}
	if slowest > 5*time.Second || slowestSecond > time.Second {
		t.Errorf("it took %v to end, and %v after a second signal; want at most 5 s and 1 s", slowest, slowestSecond)
	}
	t.Logf("%d signals: ended within %v, within %v after a second one; %d cells saved", kills,
		slowest.Round(time.Millisecond), slowestSecond.Round(time.Millisecond), saved)
}
