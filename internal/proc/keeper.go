// Package proc runs operating-system processes that must not outlive bench. Each process
// leads its own group; its output goes to a file; and a keeper, a second small process,
// kills every group that is left when bench has ended, however it ended.
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

// Keeper starts processes and makes sure that they die with bench.
//
// Two mechanisms cover every way to die. A child gets SIGKILL from the kernel when the thread
// that started it ends (PR_SET_PDEATHSIG); since Go promises nothing about its threads, one
// goroutine locked to its thread starts them all (golang/go#27505). That reaches the child
// but not its children (nginx's workers survive a killed master), so the keeper process, in
// its own session, holds the read end of a pipe whose write end only bench has. When the
// pipe closes, it kills the groups registered with it.
//
// Note: a PID namespace would do the same in one step, but needs privileges, and hides the
// process IDs that the servers' own statistics report.
type Keeper struct {
	start   chan func()
	stopped chan struct{}

	mu   sync.Mutex
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

// NewKeeper starts the keeper process: argv must run Keep in this same program.
func NewKeeper(argv []string) (*Keeper, error) {
	k := &Keeper{start: make(chan func()), stopped: make(chan struct{})}
	k.cmd = exec.Command(argv[0], argv[1:]...)
	// Its own session: neither Ctrl-C on the terminal nor a signal to bench's group
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

// limit creates a control group limited to cores that does not outlive bench; 0 creates none.
func (k *Keeper) limit(cores float64) (dir string, err error) {
	if cores == 0 {
		return "", nil
	}
	c, err := controller()
	if err != nil {
		return "", err
	}
	dir = c.name()
	if err := k.notify("limit", dir); err != nil { // before it exists: bench may be killed at any moment
		return "", err
	}
	return dir, c.group(dir, cores)
}

// unlimit removes a control group whose processes have ended. It may be called twice.
func (k *Keeper) unlimit(dir string) error {
	if err := removeGroup(dir); err != nil {
		return err
	}
	return k.notify("unlimit", dir)
}

// Scratch names a folder that is removed with its contents when the processes have ended,
// however bench ends.
func (k *Keeper) Scratch(dir string) error { return k.notify("scratch", dir) }

func (k *Keeper) notify(verb string, what any) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, err := fmt.Fprintf(k.pipe, "%s %v\n", verb, what); err != nil {
		return fmt.Errorf("asking the keeper to %s %v: %w", verb, what, err)
	}
	return nil
}

// Close stops the keeper. Processes that still run are killed.
func (k *Keeper) Close() error {
	close(k.start)
	<-k.stopped
	k.mu.Lock()
	defer k.mu.Unlock()
	return errors.Join(k.pipe.Close(), k.cmd.Wait())
}

// Keep is the keeper process: it reads the groups to watch from in. When in ends, it kills those
// that are left, and removes their control groups and their scratch folders.
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

// removeScratch removes a folder to which exiting processes may still write.
func removeScratch(dir string) {
	for deadline := time.Now().Add(goingAway); os.RemoveAll(dir) != nil && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
}
