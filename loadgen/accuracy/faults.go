package accuracy

import (
	"cmp"
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
	"time"
)

// fault is something done to the generator, and the diagnostic that it should report.
type fault struct {
	name  string
	codes []string // any of them; empty: refused before the start
	rate  float64  // 0: 2000 requests per second
	// wrap changes the command line.
	wrap func([]string) []string
	// inject does it to the running process, and returns the function that undoes it.
	inject func(context.Context, *os.Process) (undo func(), err error)
}

// faults injects faults that spoil a generator, and counts how often it reports them; and runs
// without faults, where it must not report any.
func (s *Suite) faults(ctx context.Context) (rows []Row, err error) {
	server, err := s.serve(ctx, s.ServerCores, Service{Law: "none"}, 1)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	trials, clean := 5, 20
	if s.Full {
		trials, clean = 20, 100
	}
	for _, f := range s.faultList() {
		right, sample, wrong, err := 0, "", "", error(nil)
		for i := range trials {
			s.say("faults: %s, %d of %d", f.name, i+1, trials)
			ok, reported, runErr := s.try(ctx, f, server.url)
			if runErr != nil {
				err = runErr
				break
			}
			if ok {
				right++
				sample = reported
			} else {
				wrong = "; wrong: " + reported
			}
		}
		if ctx.Err() != nil {
			return rows, ctx.Err()
		}
		row := Row{Test: "faults", Tool: "bench native", Setting: f.name, Wanted: "≥ 95 % with the right diagnostic"}
		if err != nil {
			row.Measured = "not possible here: " + err.Error()
		} else {
			row.Measured = fmt.Sprintf("%d of %d; reported: %s%s", right, trials, sample, wrong)
			row.Verdict = verdict(float64(right) >= 0.95*float64(trials))
		}
		rows = append(rows, row)
	}
	alarms, sample := 0, ""
	for i := range clean {
		s.say("faults: none, %d of %d", i+1, clean)
		ok, reported, err := s.try(ctx, fault{codes: []string{"VALID"}}, server.url)
		if err != nil {
			return rows, err
		}
		if !ok {
			alarms++
			sample = "; reported: " + reported
		}
	}
	return append(rows, Row{
		Test: "faults", Tool: "bench native", Setting: "none",
		Measured: fmt.Sprintf("%d false alarms in %d%s", alarms, clean, sample),
		Wanted:   "≤ 1 %", Verdict: verdict(float64(alarms) <= 0.01*float64(clean)),
	}), nil
}

func (s *Suite) faultList() []fault {
	return []fault{
		{name: "stopped for 200 ms", codes: []string{"generator-stopped"}, inject: stopFor(200 * time.Millisecond)},
		// At this rate the generator needs about twice as much.
		{name: "CPU quota of 20 %", rate: 10_000, codes: []string{"generator-throttled"}, inject: quota(20)},
		{name: "two busy loops on its core", codes: []string{"generator-cpu"}, inject: s.hogs(2)},
		{name: "64 files", wrap: func(argv []string) []string {
			return append([]string{"sh", "-c", `ulimit -n 64; exec "$@"`, "sh"}, argv...)
		}},
		{name: "33 ports", wrap: func(argv []string) []string {
			const few = `echo 32768 32800 > /proc/sys/net/ipv4/ip_local_port_range && exec "$@"`
			return append([]string{"unshare", "-n", "sh", "-c", few, "sh"}, argv...)
		}},
	}
}

// try runs one load with a fault and returns what was reported, and whether that was right.
func (s *Suite) try(ctx context.Context, f fault, url string) (right bool, reported string, err error) {
	tool := Ours(s.Bench, "native", "sleep")
	argv := tool.command(Load{URL: url, Rate: cmp.Or(f.rate, 2000), Connections: 64, Duration: 2 * time.Second, Seed: 1})
	if f.wrap != nil {
		argv = f.wrap(argv)
	}
	if s.ToolCores != "" {
		argv = append([]string{"taskset", "-c", s.ToolCores}, argv...)
	}
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	dieWithParent(c)
	var out, messages strings.Builder
	c.Stdout, c.Stderr = &out, &messages
	if err := c.Start(); err != nil {
		return false, "", err
	}
	if f.inject != nil {
		time.Sleep(700 * time.Millisecond) // into the load: when the fault strikes, not a wait for anything
		undo, err := f.inject(ctx, c.Process)
		if err != nil {
			_ = c.Process.Kill()
			_ = c.Wait()
			return false, "", err
		}
		defer undo()
	}
	runErr := c.Wait()
	if len(f.codes) == 0 {
		var exit *exec.ExitError
		if errors.As(runErr, &exit) && exit.ExitCode() == refusedCode {
			return true, lastLine(messages.String()), nil
		}
		return false, lastLine(messages.String()), nil
	}
	r, err := parseOurs(Load{}, out.String())
	if err != nil {
		return false, "", fmt.Errorf("%w: %s", err, lastLine(messages.String()))
	}
	reported = strings.TrimSpace(r.Grade + " " + strings.Join(r.Diagnostics, " "))
	if slices.Contains(f.codes, "VALID") {
		return r.Grade == "VALID", reported, nil
	}
	named := slices.ContainsFunc(r.Diagnostics, func(c string) bool { return slices.Contains(f.codes, c) })
	return r.Grade != "VALID" && named, reported, nil
}

// refusedCode is bench's exit code for a load that is refused before its start.
const refusedCode = 7

func stopFor(d time.Duration) func(context.Context, *os.Process) (func(), error) {
	return func(_ context.Context, p *os.Process) (func(), error) {
		if err := p.Signal(syscall.SIGSTOP); err != nil {
			return nil, err
		}
		time.Sleep(d)
		return func() {}, p.Signal(syscall.SIGCONT)
	}
}

// hogs keeps the generator's cores busy with n loops.
func (s *Suite) hogs(n int) func(context.Context, *os.Process) (func(), error) {
	return func(ctx context.Context, _ *os.Process) (func(), error) {
		if s.ToolCores == "" {
			return nil, errors.New("this needs a machine with two cores")
		}
		var running []*exec.Cmd
		undo := func() {
			for _, c := range running {
				_ = c.Process.Kill()
				_ = c.Wait()
			}
		}
		for range n {
			c := exec.CommandContext(ctx, "taskset", "-c", s.ToolCores, "sh", "-c", "while :; do :; done")
			dieWithParent(c)
			if err := c.Start(); err != nil {
				undo()
				return nil, err
			}
			running = append(running, c)
		}
		return undo, nil
	}
}

// quota puts the generator into a control group limited to a percentage of a core.
func quota(percent int) func(context.Context, *os.Process) (func(), error) {
	return func(_ context.Context, p *os.Process) (func(), error) {
		name := fmt.Sprintf("bench-selftest-%d", os.Getpid())
		dir := filepath.Join("/sys/fs/cgroup/cpu", name)
		files := map[string]string{"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": strconv.Itoa(percent * 1000)}
		if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil { // version 2
			dir = filepath.Join("/sys/fs/cgroup", name)
			files = map[string]string{"cpu.max": fmt.Sprintf("%d 100000", percent*1000)}
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, err
		}
		undo := func() { _ = os.Remove(dir) } // empty once the process has ended
		files["cgroup.procs"] = strconv.Itoa(p.Pid)
		for _, file := range []string{"cpu.cfs_period_us", "cpu.cfs_quota_us", "cpu.max", "cgroup.procs"} {
			if text, set := files[file]; set {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
					undo()
					return nil, err
				}
			}
		}
		return undo, nil
	}
}
