package scenarios

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"bench/internal/proc"
	"bench/results"
	"bench/servers"
)

// tree starts a process with two children, and returns how to read its members.
func tree(t *testing.T) func() []servers.Member {
	t.Helper()
	cmd := exec.Command("sh", "-c", "sleep 30 & sleep 30 & wait; exit 0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	members := func() (members []servers.Member) {
		all, err := proc.All()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range proc.Tree(all, cmd.Process.Pid) {
			members = append(members, servers.Member{Of: "app", Member: m})
		}
		parent := slices.IndexFunc(members, func(m servers.Member) bool { return m.PID == cmd.Process.Pid })
		if parent > 0 { // the numbers of processes begin anew
			members[0], members[parent] = members[parent], members[0]
		}
		return members
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if now := members(); len(now) == 3 && now[1].Command == "sleep" && now[2].Command == "sleep" {
			return members
		}
		if time.Now().After(deadline) {
			t.Fatalf("the processes did not start: %v", members())
		}
	}
}

// The truth about a process is what the test does to it.
func TestHealthNamesWhatBecameOfAProcess(t *testing.T) {
	for _, row := range []struct {
		says string
		do   func(pid int)
		code string
		want string
	}{
		{"nothing", func(int) {}, "", ""},
		{"stopped for good", func(pid int) { _ = syscall.Kill(pid, syscall.SIGSTOP) }, results.ProcessStopped,
			"was stopped (state T)"},
		{"stopped for a while", func(pid int) {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
			time.AfterFunc(200*time.Millisecond, func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
		}, results.ProcessStopped, "was stopped for at least "},
		{"killed", func(pid int) { _ = syscall.Kill(pid, syscall.SIGKILL) }, results.ServerDied, "ended during the cell"},
	} {
		members := tree(t)()
		h := newHealth(members, nobody)
		defer h.close()
		h.look(time.Now())
		victim := members[2]
		row.do(victim.PID)
		for range 8 {
			time.Sleep(healthEvery)
			h.look(time.Now())
		}
		c := &results.Cell{Grade: results.Valid}
		h.judge(c)
		if row.code == "" {
			if c.Grade != results.Valid || len(c.Diagnostics) > 0 {
				t.Errorf("%s: %s, %v; want no diagnostics", row.says, c.Grade, c.Diagnostics)
			}
			continue
		}
		name := fmt.Sprintf("sleep (PID %d, of app)", victim.PID)
		if c.Grade != results.Invalid || len(c.Diagnostics) != 1 || c.Diagnostics[0].Code != row.code ||
			!strings.Contains(c.Diagnostics[0].Message, row.want) || !strings.Contains(c.Diagnostics[0].Message, name) {
			t.Errorf("%s: %s, %v; want it void because %s %s", row.says, c.Grade, c.Diagnostics, name, row.want)
		}
	}
}

// A process that comes and goes while the load runs, as a request may start one, harms nothing.
func TestHealthIgnoresProcessesOfRequests(t *testing.T) {
	read := tree(t)
	h := newHealth(read(), nobody)
	defer h.close()
	cmd := exec.Command("sleep", "0.05")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: read()[0].PID}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.look(time.Now())
	_ = cmd.Wait()
	h.look(time.Now())
	c := &results.Cell{Grade: results.Valid}
	if h.judge(c); c.Grade != results.Valid {
		t.Errorf("%s, %v; want VALID", c.Grade, c.Diagnostics)
	}
}

// nobody disturbed any process.
func nobody(string, time.Time) bool { return false }

// A database ends the process of a connection with the connection: that voids nothing.
func TestHealthLetsFleetingProcessesEnd(t *testing.T) {
	for _, fleeting := range []bool{true, false} {
		members := tree(t)()
		members[1].Fleeting = fleeting
		victim := members[1]
		h := newHealth(members, nobody)
		defer h.close()
		h.look(time.Now())
		if err := syscall.Kill(victim.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if _, lives := victim.Now(); !lives {
				break
			}
		}
		h.look(time.Now())
		var c results.Cell
		h.judge(&c)
		if void := c.Grade == results.Invalid; void == fleeting {
			t.Errorf("a process that ends, fleeting %t: grade %q, %v", fleeting, c.Grade, c.Diagnostics)
		}
	}
}
