package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/procfs"
	"go.uber.org/goleak"
)

// The test binary is its own keeper, and the bench that gets killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "keep-watch":
			Keep(os.Stdin)
			os.Exit(0)
		case "be-killed":
			beKilled(os.Args[2])
		}
	}
	goleak.VerifyTestMain(m)
}

func testKeeper(t *testing.T) *Keeper {
	t.Helper()
	k, err := NewKeeper([]string{os.Args[0], "keep-watch"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

func shell(t *testing.T, script string) Spec {
	dir := t.TempDir()
	return Spec{
		Name: "sh", Argv: []string{"/bin/sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"},
		Dir: dir, Log: filepath.Join(dir, "log"), Stop: syscall.SIGTERM,
	}
}

func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen within 5 s", what)
		}
	}
}

func TestCloseAsksThenKillsTheWholeGroup(t *testing.T) {
	for _, row := range []struct {
		says, script string
	}{
		{"a process that exits when asked", "trap 'exit 0' TERM; echo $$; while :; do sleep 0.01; done"},
		{"a process that ignores the signal, with a child",
			"trap '' TERM; sleep 100 & echo $!; wait; while :; do sleep 0.01; done"},
		{"a leader that exits before its child", "sleep 100 & echo $!; exit 3"},
	} {
		k := testKeeper(t)
		p, err := k.Start(shell(t, row.script))
		if err != nil {
			t.Fatal(err)
		}
		var pid int
		eventually(t, "the first line of output", func() bool {
			pid, _ = strconv.Atoi(strings.TrimSpace(p.LogTail(1)))
			return pid > 0
		})
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		for range 2 {
			if err := p.Close(ctx); err != nil {
				t.Errorf("%s: Close = %v", row.says, err)
			}
		}
		cancel()
		if alive(pid) || alive(p.PID()) {
			t.Errorf("%s: a process is left", row.says)
		}
	}
}

// What a process leaves in its place goes on when it ends, and ends with Close.
func TestHeirsLiveUntilClose(t *testing.T) {
	k := testKeeper(t)
	for _, leaves := range []bool{true, false} {
		p, err := k.Start(shell(t, "sleep 100 & echo $!; trap 'exit 0' TERM; while :; do sleep 0.01; done"))
		if err != nil {
			t.Fatal(err)
		}
		var heir int
		eventually(t, "the first line of output", func() bool {
			heir, _ = strconv.Atoi(strings.TrimSpace(p.LogTail(1)))
			return heir > 0
		})
		p.LeaveHeirs(leaves)
		if err := syscall.Kill(p.PID(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		<-p.Done()
		if leaves && !alive(heir) {
			t.Error("the heir ended with the process")
		}
		if err := p.Close(t.Context()); err != nil || alive(heir) {
			t.Errorf("leaves heirs: %v; after Close (%v), the heir lives: %v", leaves, err, alive(heir))
		}
	}
}

func TestStartOfNothingIsAnError(t *testing.T) {
	k := testKeeper(t)
	spec := shell(t, "")
	spec.Argv = []string{"/does/not/exist"}
	if _, err := k.Start(spec); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Start = %v; want that the program does not exist", err)
	}
}

func TestRun(t *testing.T) {
	k := testKeeper(t)
	out, err := k.Run(t.Context(), shell(t, "echo one; echo two >&2"))
	if err != nil || out != "one\ntwo" {
		t.Errorf("Run = %q, %v; want both streams", out, err)
	}
	out, err = k.Run(t.Context(), shell(t, "echo why; exit 3"))
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || out != "why" {
		t.Errorf("Run = %q, %v; want the output and the exit status", out, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := k.Run(ctx, shell(t, "sleep 100")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run past its deadline = %v", err)
	}
}

func TestLogTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if got := LogTail(path, 3); got != "" {
		t.Errorf("LogTail of no file = %q", got)
	}
	var text strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := LogTail(path, 2); got != "line 99998\nline 99999" {
		t.Errorf("LogTail = %q", got)
	}
}

func readGroup(t *testing.T, group int) []Reading {
	t.Helper()
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	return ReadAll(Group(all, group))
}

// procfs, which reads the same lines, is the truth.
func TestMembersAreWhatTheKernelShows(t *testing.T) {
	all, err := All()
	if err != nil || len(all) == 0 {
		t.Fatalf("%d processes, %v", len(all), err)
	}
	for _, m := range all {
		p, err := procfs.NewProc(m.PID)
		if err != nil {
			continue // ended meanwhile
		}
		s, err := p.Stat()
		again, lives := m.Now()
		if err != nil || !lives || again.Command != m.Command || again.Parent != m.Parent || again.Group != m.Group {
			continue // it became another one
		}
		if s.Comm != m.Command || s.PPID != m.Parent || s.PGRP != m.Group || ticks(uint64(s.UTime+s.STime)) < m.CPU {
			t.Errorf("%+v; want what procfs reads: %+v", m, s)
		}
	}
	self, err := member(os.Getpid())
	if err != nil || self.Threads < 2 || self.Parent != os.Getppid() || self.dead() {
		t.Errorf("this process is %+v, %v", self, err)
	}
}

func FuzzParseStat(f *testing.F) {
	const rest = " S 1 77 77 0 -1 4194560 1 2 0 0 11 22 33 44 20 0 5 0 9876 1 2"
	f.Add([]byte("42 (nginx: worker)" + rest))
	f.Add([]byte("42 (a) b (c)) (d)" + rest))
	f.Add([]byte("42 ()"))
	f.Add([]byte("x (y) S"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseStat(text)
		if err == nil && !bytes.Contains(text, []byte("("+m.Command+")")) {
			t.Errorf("%q is the command of %q", m.Command, text)
		}
	})
}

func TestStatOfACommandWithParentheses(t *testing.T) {
	m, err := parseStat([]byte("42 (a) S 9 (b) T 1 77 77 0 -1 4194560 1 2 0 0 11 22 33 44 20 0 5 0 9876 1 2\n"))
	want := Member{PID: 42, Parent: 1, Group: 77, Started: 9876, State: "T", Command: "a) S 9 (b",
		CPU: 330 * time.Millisecond, Reaped: 770 * time.Millisecond, Threads: 5}
	if err != nil || m != want || !m.Stopped() {
		t.Errorf("%+v, %v; want %+v", m, err, want)
	}
}

func TestReadAllCountsAGroupsProcesses(t *testing.T) {
	k := testKeeper(t)
	p, err := k.Start(shell(t, "(while :; do :; done) & while :; do :; done"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(t.Context())
	var sum time.Duration
	eventually(t, "CPU time of two processes", func() bool {
		readings := readGroup(t, p.PID())
		sum = 0
		for _, r := range readings {
			sum += r.CPU
			if r.CPU > 0 && (r.PSS <= 0 || r.Threads != 1) {
				t.Fatalf("reading = %+v; want memory and one thread", r)
			}
		}
		return len(readings) == 2 && sum > 20*time.Millisecond
	})
}

// beKilled is a bench that starts a process with a child, reports them, and waits to be killed.
func beKilled(dir string) {
	cores := 0.0
	if HasQuota(0.5) == nil {
		cores = 0.5
	}
	k, err := NewKeeper([]string{os.Args[0], "keep-watch"})
	if err != nil {
		panic(err)
	}
	p, err := k.Start(Spec{
		Name: "sh", Argv: []string{"/bin/sh", "-c", "sleep 1000 & echo $!; wait"}, Dir: dir,
		Log: filepath.Join(dir, "log"), Stop: syscall.SIGTERM, Env: []string{"PATH=/usr/bin:/bin"}, Cores: cores,
	})
	if err != nil {
		panic(err)
	}
	scratch, err := k.MakeScratch(dir, "scratch-")
	if err == nil {
		err = os.Mkdir(filepath.Join(scratch, "state"), 0o700)
	}
	if err != nil {
		panic(err)
	}
	fmt.Println(p.PID())
	fmt.Println("group:" + p.group)
	// A keeper that somebody killed is replaced, and the new one knows all of it.
	if first := k.now; len(os.Args) > 3 {
		_ = first.cmd.Process.Kill()
		for k.watcher() == first {
			time.Sleep(time.Millisecond)
		}
	}
	fmt.Println("ready")
	select {}
}

func TestNothingOutlivesAKilledBench(t *testing.T) { testKilledBench(t) }

func TestNothingOutlivesAKilledBenchWhoseKeeperWasKilled(t *testing.T) {
	testKilledBench(t, "and its keeper")
}

func testKilledBench(t *testing.T, more ...string) {
	dir := t.TempDir()
	bench := exec.Command(os.Args[0], append([]string{"be-killed", dir}, more...)...)
	out, err := bench.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := bench.Start(); err != nil {
		t.Fatal(err)
	}
	var leader, child int
	var group, ready string
	if _, err := fmt.Fscan(out, &leader, &group, &ready); err != nil {
		t.Fatal(err)
	}
	group = strings.TrimPrefix(group, "group:")
	eventually(t, "the child's process ID", func() bool {
		child, _ = strconv.Atoi(LogTail(filepath.Join(dir, "log"), 1))
		return child > 0
	})
	if !alive(leader) || !alive(child) {
		t.Fatal("the processes ended on their own")
	}
	if err := bench.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = bench.Wait()
	eventually(t, "the end of both processes", func() bool { return !alive(leader) && !alive(child) })
	eventually(t, "the end of their control group", func() bool { return group == "" || !isDir(group) })
	eventually(t, "the end of their scratch folder", func() bool {
		left, _ := filepath.Glob(filepath.Join(dir, "scratch-*"))
		return len(left) == 0
	})
}

func TestFindControlGroups(t *testing.T) {
	root := t.TempDir()
	for dir, delegated := range map[string]string{
		"cpu/ci": "", "unified": "cpu memory\n", "unified/user": "cpu\n", "unified/user/session": "", "bare": "",
		"bare/user": "memory\n",
	} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, dir, "cgroup.subtree_control"), []byte(delegated), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		says, own, mounts string
		want              string
		v2                bool
	}{
		{"version 1, in a group", "4:cpu,cpuacct:/ci\n0::/\n",
			"cgroup ROOT/cpu cgroup rw,cpu,cpuacct 0 0\n", "cpu/ci", false},
		{"version 1, in a group that is not visible", "4:cpu:/docker/ab\n",
			"cgroup ROOT/cpu cgroup rw,cpu 0 0\n", "cpu", false},
		{"version 1, outside the visible hierarchy", "4:cpu:/../..\n",
			"cgroup ROOT/cpu cgroup rw,cpu 0 0\n", "cpu", false},
		{"version 1 wins where both are mounted", "4:cpu:/\n0::/user\n",
			"cgroup2 ROOT/unified cgroup2 rw 0 0\ncgroup ROOT/cpu cgroup rw,cpu 0 0\n", "cpu", false},
		{"the first of two mounts", "4:cpu:/\n",
			"cgroup ROOT/cpu cgroup rw,cpu 0 0\ncgroup ROOT/elsewhere cgroup rw,cpu 0 0\n", "cpu", false},
		{"version 2, in a group with processes: the one above it delegates the controller", "0::/user/session\n",
			"cgroup2 ROOT/unified cgroup2 rw,nsdelegate 0 0\n", "unified/user", true},
		{"version 2, not delegated", "0::/user\n", "cgroup2 ROOT/bare cgroup2 rw 0 0\n", "", true},
		{"cpuset is another controller", "4:cpuset:/\n", "cgroup ROOT/cpuset cgroup rw,cpuset 0 0\n", "", false},
	} {
		got, err := find(row.own, strings.ReplaceAll(row.mounts, "ROOT", root))
		if row.want == "" {
			if !errors.Is(err, ErrNoQuota) {
				t.Errorf("%s: %v, %v; want none", row.says, got, err)
			}
			continue
		}
		if err != nil || got.dir != filepath.Join(root, row.want) || got.v2 != row.v2 {
			t.Errorf("%s: %v, %v; want %s", row.says, got, err, row.want)
		}
	}
}

// What is written to a group's files, in both versions. TestQuota checks that the kernel accepts
// it.
func TestGroupFiles(t *testing.T) {
	for _, row := range []struct {
		v2    bool
		cores float64
		want  map[string]string
	}{
		{false, 0.4, map[string]string{"cpu.cfs_period_us": "20000", "cpu.cfs_quota_us": "8000"}},
		{false, 0, map[string]string{"cpu.cfs_quota_us": "-1"}},
		{true, 1.5, map[string]string{"cpu.max": "30000 20000"}},
		{true, 0, map[string]string{"cpu.max": "max 20000"}},
	} {
		c := control{t.TempDir(), row.v2}
		dir := c.name()
		if err := c.group(dir, row.cores); err != nil {
			t.Fatal(err)
		}
		for name, want := range row.want {
			if got, _ := os.ReadFile(filepath.Join(dir, name)); string(got) != want {
				t.Errorf("version 2 %v, %g cores: %s holds %q; want %q", row.v2, row.cores, name, got, want)
			}
		}
	}
	gone := control{filepath.Join(t.TempDir(), "gone"), false}
	if err := gone.group(gone.name(), 1); !errors.Is(err, ErrNoQuota) {
		t.Errorf("a missing folder: %v", err)
	}
}

// The kernel holds a process and its children to their quota, and the group goes with them.
func TestQuota(t *testing.T) {
	if err := HasQuota(0.3); err != nil {
		t.Skip(err)
	}
	k := testKeeper(t)
	missing := shell(t, "")
	missing.Argv, missing.Cores = []string{"/does/not/exist"}, 0.3
	if _, err := k.Start(missing); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing program: %v", err)
	}
	spec := shell(t, "(while :; do :; done) & while :; do :; done")
	spec.Cores = 0.3
	p, err := k.Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	cpu := func() (sum time.Duration) {
		for _, r := range readGroup(t, p.PID()) {
			sum += r.CPU
		}
		return sum
	}
	eventually(t, "some CPU time", func() bool { return cpu() > 10*time.Millisecond })
	began, before := time.Now(), cpu()
	eventually(t, "more CPU time", func() bool { return cpu()-before > 150*time.Millisecond })
	if share := float64(cpu()-before) / float64(time.Since(began)); share > 0.4 {
		t.Errorf("two loops with 0.3 cores used %.2f", share)
	}
	// How much they get without a limit depends on the machine.
	for _, row := range []struct {
		cores float64
		want  []string // in version 1, in version 2
	}{{0, []string{"-1", "max 20000"}}, {0.3, []string{"6000", "6000 20000"}}} {
		if err := p.SetCores(row.cores); err != nil {
			t.Error(err)
		}
		data, err := os.ReadFile(filepath.Join(p.group, "cpu.cfs_quota_us"))
		if err != nil {
			data, _ = os.ReadFile(filepath.Join(p.group, "cpu.max"))
		}
		if got := strings.TrimSpace(string(data)); !slices.Contains(row.want, got) {
			t.Errorf("%g cores: the kernel says %q", row.cores, got)
		}
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(p.group); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the control group is left: %v", err)
	}
}

// A killed keeper is noticed: it is replaced, processes can be started, and closing says what happened.
func TestAKilledKeeperIsNoticed(t *testing.T) {
	k, err := NewKeeper([]string{os.Args[0], "keep-watch"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		first := k.watcher()
		if err := first.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "another keeper", func() bool { return k.watcher() != first })
		if _, err := k.Run(t.Context(), shell(t, "exit 0")); err != nil {
			t.Error(err)
		}
	}
	if err := k.Close(); err == nil || !strings.Contains(err.Error(), "killed 2 times") {
		t.Errorf("Close = %v", err)
	}
}

// Where bench is root, a process can run as another user, whose home and files are its own.
func TestAProcessRunsAsAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may start processes as another user")
	}
	nobody := &User{UID: 65534, GID: 65534, Name: "nobody"}
	dir, err := os.MkdirTemp("", "bench-test-") // below folders that are open to all, unlike t.TempDir's
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := nobody.Own(dir); err != nil {
		t.Fatal(err)
	}
	spec := Spec{
		Name: "sh", Argv: []string{"/bin/sh", "-c", "id -u; id -G; echo $HOME $USER; touch own && cat /etc/shadow"},
		Env: EnvFor([]string{"PATH=/usr/bin:/bin", "HOME=/root", "USER=root"}, nobody, dir), Dir: dir, User: nobody,
	}
	output, err := testKeeper(t).Run(t.Context(), spec)
	want := fmt.Sprintf("65534\n65534\n%s nobody\n", dir)
	if err == nil || !strings.HasPrefix(output, want) || !strings.Contains(output, "ermission denied") {
		t.Errorf("it printed %q, %v; want %q and no way into /etc/shadow", output, err, want)
	}
	if _, err := os.Stat(filepath.Join(dir, "own")); err != nil {
		t.Error(err)
	}
}
