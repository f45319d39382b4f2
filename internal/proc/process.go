package proc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Spec is everything that is decided about a process before it starts.
type Spec struct {
	Name string
	Argv []string
	Env  []string // the whole environment, KEY=value
	Dir  string
	Log  string // file that stdout and stderr are appended to
	// Cores limits the CPU time of the process and its children together; 0: no limit.
	Cores float64
	// User is who it runs as; nil: as bench does. A limited process runs as bench does, since only root may join
	// its control group.
	User *User
	Stop syscall.Signal // asks it to exit; if it does not, SIGKILL to the whole group follows
}

// Process is a running process, the leader of its group.
type Process struct {
	Spec   Spec
	keeper *Keeper
	cmd    *exec.Cmd
	group  string // control group that limits it; empty: none
	heirs  atomic.Bool
	done   chan struct{}
	err    error // how it ended; read after done
}

// Start starts a process. On error nothing is left running.
func (k *Keeper) Start(spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("starting %s: opening its log: %w", spec.Name, err)
	}
	defer log.Close()
	group, err := k.limit(spec.Cores)
	if err != nil {
		return nil, fmt.Errorf("starting %s with %g cores: %w", spec.Name, spec.Cores, err)
	}
	p, err := k.startIn(group, spec, log)
	if err != nil && group != "" {
		err = errors.Join(err, k.unlimit(group))
	}
	return p, err
}

// startIn starts a process in a control group, if there is one.
func (k *Keeper) startIn(group string, spec Spec, log *os.File) (*Process, error) {
	argv := spec.Argv
	if group != "" {
		if _, err := exec.LookPath(argv[0]); err != nil { // the shell would only say 127
			return nil, fmt.Errorf("starting %s: %w", spec.Name, err)
		}
		argv = confined(group, argv)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env, cmd.Dir = spec.Env, spec.Dir
	// A file, never a pipe: a server whose pipe nobody drains blocks at its next log line.
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes()
	if group == "" && spec.User != nil {
		cmd.SysProcAttr.Credential = spec.User.credential()
		if err := log.Chown(int(spec.User.UID), int(spec.User.GID)); err != nil {
			return nil, fmt.Errorf("starting %s: giving its log to %s: %w", spec.Name, spec.User.Name, err)
		}
	}
	result := make(chan error)
	k.start <- func() { result <- cmd.Start() }
	if err := <-result; err != nil {
		return nil, fmt.Errorf("starting %s: %w", spec.Name, err)
	}
	p := &Process{Spec: spec, keeper: k, cmd: cmd, group: group, done: make(chan struct{})}
	if err := k.notify("watch", p.PID()); err != nil {
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
		_ = cmd.Wait()
		return nil, fmt.Errorf("starting %s: %w", spec.Name, err)
	}
	go p.wait()
	return p, nil
}

func (p *Process) wait() {
	err := p.cmd.Wait()
	if !p.heirs.Load() {
		// The rest of the group is useless without its leader.
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
		_ = p.keeper.notify("forget", p.PID())
	}
	if err == nil {
		err = errors.New("exit status 0")
	}
	p.err = err
	close(p.done)
}

// LeaveHeirs says whether the rest of its group goes on, until Close, when the process ends: it may have started
// what takes its place.
func (p *Process) LeaveHeirs(on bool) { p.heirs.Store(on) }

// PID is the process ID, which is also the ID of its group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// SetCores changes the limit of a process that was started with one; 0 removes it.
func (p *Process) SetCores(cores float64) error {
	c, err := controller()
	if err == nil && p.group != "" {
		err = c.setQuota(p.group, cores)
	}
	if err != nil {
		return fmt.Errorf("limiting %s to %g cores: %w", p.Spec.Name, cores, err)
	}
	return nil
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err is how the process ended. Call it only after Done is closed.
func (p *Process) Err() error { return p.err }

// Close asks the process to exit, waits until the deadline of ctx, then kills the whole
// group. It returns when no process of the group is left, and may be called twice.
func (p *Process) Close(ctx context.Context) error {
	select {
	case <-p.done:
	default:
		to := p.PID()
		if p.Spec.Stop == syscall.SIGKILL {
			to = -to
		}
		_ = syscall.Kill(to, p.Spec.Stop)
		select {
		case <-p.done:
		case <-ctx.Done():
			_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
			<-p.done
		}
	}
	if err := p.awaitGroup(); err != nil {
		return err
	}
	if p.heirs.Load() {
		_ = p.keeper.notify("forget", p.PID())
	}
	if p.group == "" {
		return nil
	}
	return p.keeper.unlimit(p.group)
}

// awaitGroup waits until the group is empty: killed members need a moment to exit.
func (p *Process) awaitGroup() error {
	deadline := time.Now().Add(2 * time.Second)
	for groupAlive(p.PID()) {
		if time.Now().After(deadline) {
			return fmt.Errorf("stopping %s: its process group %d is still there after SIGKILL", p.Spec.Name, p.PID())
		}
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
		time.Sleep(time.Millisecond)
	}
	return nil
}

// LogTail returns the last lines of the process's log.
func (p *Process) LogTail(lines int) string { return LogTail(p.Spec.Log, lines) }

// LogTail returns the last lines of a log file, at most 64 KiB.
func LogTail(path string, lines int) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	const most = 64 << 10
	if info, err := f.Stat(); err == nil && info.Size() > most {
		_, _ = f.Seek(-most, io.SeekEnd)
	}
	data, _ := io.ReadAll(io.LimitReader(f, most))
	return LastLines(string(data), lines)
}

// LastLines returns the last lines of a text.
func LastLines(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return strings.Join(all, "\n")
}

// Run runs a command to completion, under the keeper like any other process, and returns its
// output. If ctx ends first, its group is killed.
func (k *Keeper) Run(ctx context.Context, spec Spec) (output string, err error) {
	if spec.Log == "" {
		dir, scratchErr := k.MakeScratch("", "bench-run-")
		if scratchErr != nil {
			return "", fmt.Errorf("running %s: %w", spec.Name, scratchErr)
		}
		defer func() { err = errors.Join(err, k.RemoveScratch(dir)) }()
		spec.Log = filepath.Join(dir, "output")
	}
	spec.Stop = syscall.SIGKILL
	p, err := k.Start(spec)
	if err != nil {
		return "", err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		err := p.Close(ctx)
		return p.LogTail(20), errors.Join(fmt.Errorf("running %s: %w", spec.Name, ctx.Err()), err)
	}
	if state := p.cmd.ProcessState; !state.Success() {
		return p.LogTail(20), fmt.Errorf("running %s: %w", spec.Name, p.err)
	}
	return p.LogTail(1000), nil
}
