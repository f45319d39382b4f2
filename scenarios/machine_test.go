package scenarios

import (
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"bench/results"
	"bench/servers"
)

// others is a cell of a second during which other programs used a share of the machine.
func others(share float64) machine {
	cores := time.Duration(runtime.NumCPU())
	at := time.Now()
	const busy, own, tiers = 500 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond
	extra := time.Duration(share * float64(cores*time.Second))
	return machine{
		from:  servers.Machine{At: at, Busy: time.Hour, Own: time.Minute},
		to:    servers.Machine{At: at.Add(time.Second), Busy: time.Hour + busy + extra, Own: time.Minute + own},
		after: tiers + time.Minute, before: time.Minute, observed: true, busiest: "cc1", most: extra,
	}
}

func TestMachineJudgesWhatOthersUsed(t *testing.T) {
	for _, row := range []struct {
		says  string
		share float64
		pair  bool
		grade results.Grade
		code  string
	}{
		{"nobody else", 0, false, results.Valid, ""},
		{"little", 0.05, false, results.Valid, ""},
		{"some", 0.15, false, results.Degraded, results.BusyNeighbour},
		{"much", 0.3, false, results.Invalid, results.BusyNeighbour},
		{"much, beside a pair", 0.3, true, results.Degraded, results.BusyNeighbour},
		{"most, beside a pair", 0.6, true, results.Invalid, results.BusyNeighbour},
		{"less than nothing", -0.2, false, results.Degraded, "utilization-law"},
	} {
		m, c := others(row.share), &results.Cell{Grade: results.Valid}
		voids := neighbourVoids
		if row.pair {
			voids = neighbourOfPair
		}
		m.judge(c, voids)
		if c.Grade != row.grade || row.code == "" != (len(c.Diagnostics) == 0) || row.code != "" && !has(c, row.code) {
			t.Errorf("%s: %s, %v; want %s for %q", row.says, c.Grade, c.Diagnostics, row.grade, row.code)
		}
		if row.code == results.BusyNeighbour && !strings.Contains(c.Diagnostics[0].Message, "cc1") {
			t.Errorf("%s: %q does not name the program", row.says, c.Diagnostics[0].Message)
		}
	}
	m, c := others(0.9), &results.Cell{Grade: results.Valid}
	if m.observed = false; true {
		m.judge(c, neighbourVoids)
	}
	if c.Grade != results.Valid {
		t.Errorf("servers that bench did not start: %s, %v; want no judgement of their CPU time", c.Grade, c.Diagnostics)
	}
}

// The truth of what another program used is what the kernel tells the one that waits for it.
func TestMachineSeesAnotherProgramsWork(t *testing.T) {
	before, err := servers.ReadMachine()
	if err != nil || before.Busy == 0 {
		t.Skipf("the cores' clock is not to be had: %v", err)
	}
	cmd := exec.Command("sh", "-c", "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	used := cmd.ProcessState.SysUsage().(*syscall.Rusage).Utime.Nano()
	after, err := servers.ReadMachine()
	if err != nil {
		t.Fatal(err)
	}
	seen := after.Busy - before.Busy - (after.Own - before.Own)
	if want := time.Duration(used); seen < want-time.Duration(3*runtime.NumCPU())*clockStep {
		t.Errorf("others used %v; want at least the %v of one program", seen, want)
	}
}
