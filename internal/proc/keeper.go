// Package proc runs operating-system processes that must not outlive bench. Each process
// leads a group of its own; its output goes to a file; and a keeper, a second small
// process, kills every group that is still there when bench is gone, however it went.
package proc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Keeper starts processes and sees to it that they die with bench.
//
// Two things cover all ways to die. A child gets SIGKILL from the kernel when the thread
// that started it ends (PR_SET_PDEATHSIG); since Go gives no promise about its threads,
// one goroutine locked to its thread starts them all (golang/go#27505). That reaches the
// child but not its children (nginx's workers survive a killed master), so the keeper
// process, in a session of its own, holds the read end of a pipe whose write end only
// bench has. When the pipe closes, it kills the groups it was told of.
//
// Note: a PID namespace would do the same in one step, but needs privileges, and hides the
// process ids that the servers' own statistics name.
type Keeper struct {
	start   chan func()
	stopped chan struct{}

	mu   sync.Mutex
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

// NewKeeper starts the keeper process: argv must lead to Keep in this same program.
func NewKeeper(argv []string) (*Keeper, error) {
	k := &Keeper{start: make(chan func()), stopped: make(chan struct{})}
	k.cmd = exec.Command(argv[0], argv[1:]...)
	// A session of its own: neither Ctrl-C on the terminal nor a signal to bench's group
	// reaches it.
	k.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	k.cmd.Dir = "/"
	pipe, err := k.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the keeper: %w", err)
	}
	k.pipe = pipe
	if err := k.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the keeper %s: %w", argv[0], err)
	}
	go k.launch()
	return k, nil
}

// launch runs start requests on one thread that lives until Close.
func (k *Keeper) launch() {
	runtime.LockOSThread()
	defer close(k.stopped)
	for f := range k.start {
		f()
	}
	// Not unlocked: the thread, and with it the death signal of its children, ends here.
}

// limit makes a control group of so many cores that does not outlive bench; 0 makes none.
func (k *Keeper) limit(cores float64) (dir string, err error) {
	if cores == 0 {
		return "", nil
	}
	c, err := controller()
	if err != nil {
		return "", err
	}
	dir = c.name()
	if err := k.tell("limit", dir); err != nil { // before it is there: bench may be killed at any moment
		return "", err
	}
	return dir, c.group(dir, cores)
}

// unlimit removes a control group whose processes have ended. It may be called twice.
func (k *Keeper) unlimit(dir string) error {
	if err := removeGroup(dir); err != nil {
		return err
	}
	return k.tell("unlimit", dir)
}

// Scratch names a folder that is removed with everything in it when the processes are gone,
// however bench goes.
func (k *Keeper) Scratch(dir string) error { return k.tell("scratch", dir) }

func (k *Keeper) tell(verb string, what any) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, err := fmt.Fprintf(k.pipe, "%s %v\n", verb, what); err != nil {
		return fmt.Errorf("telling the keeper to %s %v: %w", verb, what, err)
	}
	return nil
}

// Close ends the keeper. Processes that still run are killed.
func (k *Keeper) Close() error {
	close(k.start)
	<-k.stopped
	k.mu.Lock()
	defer k.mu.Unlock()
	return errors.Join(k.pipe.Close(), k.cmd.Wait())
}

// Keep is the keeper process: it reads the groups to watch over from in and kills those
// that are left when in ends, and removes the control groups that held them and the folders in
// which they wrote.
func Keep(in io.Reader) {
	groups, limits := map[int]bool{}, map[string]bool{}
	var scratch []string
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		verb, what, _ := strings.Cut(lines.Text(), " ")
		switch verb {
		case "limit":
			limits[what] = true
			continue
		case "unlimit":
			delete(limits, what)
			continue
		case "scratch":
			scratch = append(scratch, what)
			continue
		}
		group, err := strconv.Atoi(what)
		if err != nil || group <= 1 {
			continue
		}
		switch verb {
		case "watch":
			groups[group] = true
		case "forget":
			delete(groups, group)
		}
	}
	for group := range groups {
		_ = syscall.Kill(-group, syscall.SIGKILL)
	}
	for dir := range limits {
		killMembers(dir)
		_ = removeGroup(dir)
	}
	for _, dir := range scratch {
		removeScratch(dir)
	}
}

// removeScratch removes a folder in which processes that are on their way out may still write.
func removeScratch(dir string) {
	for deadline := time.Now().Add(goingAway); os.RemoveAll(dir) != nil && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
}
