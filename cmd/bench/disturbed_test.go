package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"bench/internal/proof"
	"bench/results"
)

// commandOf is the name of a process, and its parent.
func commandOf(pid int) (name string, parent int) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	open, end := strings.IndexByte(string(stat), '('), strings.LastIndexByte(string(stat), ')')
	if err != nil || open < 0 || end < open {
		return "", 0
	}
	fields := strings.Fields(string(stat[end+1:]))
	parent, _ = strconv.Atoi(fields[1])
	return string(stat[open+1 : end]), parent
}

// find is a server of a run by its command, a child of a process of the same name or not; 0: there is none.
func find(dir, command string, child bool) (victim int) {
	for _, server := range serversOf(dir) {
		pid, _ := strconv.Atoi(strings.Fields(server)[0])
		name, parent := commandOf(pid)
		above, _ := commandOf(parent)
		if strings.HasPrefix(name, command) && (above == name) == child {
			victim = pid
		}
	}
	return victim
}

// The whole procedure on the real servers while somebody harms one of their processes in the first cell. The truth is
// what the test does, and to whom.
func TestHarmedServersVoidTheCell(t *testing.T) {
	if proof.Size(0, 1) == 0 {
		t.Skip("takes over a minute, and a machine that does nothing else: make proof")
	}
	bench := realBench(t)
	for _, row := range []struct {
		topology, command string
		child             bool // of a process of the same name
		harm              func(pid int)
		code              string
	}{
		{"nginx-uwsgi", "nginx", true, func(pid int) { _ = syscall.Kill(pid, syscall.SIGKILL) }, results.ServerDied},
		{"uwsgi", "uwsgi", true, func(pid int) { _ = syscall.Kill(pid, syscall.SIGSTOP) }, results.ProcessStopped},
		{"runserver", "python", false, func(pid int) {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
			time.Sleep(time.Second)
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}, results.ProcessStopped},
	} {
		dir := t.TempDir()
		cmd := exec.Command(bench, "compare", "--topologies", row.topology, "--quick", "--blocks", "1", "--scenario", "page",
			"--out", filepath.Join(dir, "runs"))
		cmd.Env = append(realEnv(), "TMPDIR="+dir)
		progress, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		victim := 0
		var said []string
		for lines := bufio.NewScanner(progress); lines.Scan(); {
			said = append(said, lines.Text())
			if victim > 0 || !strings.Contains(lines.Text(), "cell 1 of") {
				continue
			}
			time.Sleep(250 * time.Millisecond) // into the cell
			for try := 0; victim == 0 && try < 5; try++ {
				victim = find(dir, row.command, row.child)
			}
			if victim > 0 {
				row.harm(victim)
			}
		}
		_ = cmd.Wait() // the run may be INVALID: it has few cells
		runs, _ := filepath.Glob(filepath.Join(dir, "runs", "*-compare-*"))
		if victim == 0 || len(runs) != 1 {
			t.Fatalf("%s: harmed process %d, %d run directories:\n%s", row.topology, victim, len(runs),
				strings.Join(said, "\n"))
		}
		run, err := results.Load(runs[0])
		if err != nil {
			t.Fatal(err)
		}
		named := false
		for _, c := range run.Cells {
			for _, d := range c.Diagnostics {
				if d.Code == row.code && strings.Contains(d.Message, fmt.Sprintf("(PID %d,", victim)) {
					t.Logf("%s: %s, %s", results.CellName(c), c.Grade, d.Message)
					named = named || c.Grade == results.Invalid
				} else if d.Code == results.ProcessStopped || d.Code == results.ServerDied {
					t.Errorf("%s, %s: a false alarm: %s", row.topology, results.CellName(c), d.Message)
				}
			}
		}
		if !named {
			t.Errorf("%s: no void cell names %s (PID %d)", row.topology, row.command, victim)
		}
	}
}
