// Package proc runs operating-system processes that must not outlive bench. Each process
// leads its own group; its output goes to a file; and a keeper, a second small process,
// kills every group that is left when bench has ended, however it ended.
package proc

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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
// pipe closes, it kills the groups registered with it. A keeper process that is killed itself is
// replaced at once, and the new one is told everything again.
//
// Note: a PID namespace would do the same in one step, but needs privileges, and hides the
// process IDs that the servers' own statistics report.
type Keeper struct {
	argv    []string
	start   chan func()
	stopped chan struct{}

	mu       sync.Mutex
	charges  charges
	now      *watcher
	replaced int // how often a keeper process was killed
	closed   bool
}

// watcher is one keeper process.
type watcher struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
	gone chan struct{} // closed when it has ended
	err  error         // how; read after gone
}

// NewKeeper starts the keeper process: argv must run Keep in this same program.
func NewKeeper(argv []string) (*Keeper, error) {
	k := &Keeper{argv: argv, start: make(chan func()), stopped: make(chan struct{}), charges: newCharges()}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.watch(); err != nil {
		return nil, err
	}
	go k.launch()
	return k, nil
}

// watch starts a keeper process and tells it all charges. The lock is held.
func (k *Keeper) watch() error {
	w := &watcher{cmd: exec.Command(k.argv[0], k.argv[1:]...), gone: make(chan struct{})}
	// Its own session: neither Ctrl-C on the terminal nor a signal to bench's group
	// reaches it.
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	w.cmd.Dir = "/"
	var err error
	if w.pipe, err = w.cmd.StdinPipe(); err != nil {
		return fmt.Errorf("starting the keeper: %w", err)
	}
	if err := w.cmd.Start(); err != nil {
		return fmt.Errorf("starting the keeper %s: %w", k.argv[0], err)
	}
	k.now = w
	go func() {
		w.err = w.cmd.Wait()
		close(w.gone)
		k.mu.Lock()
		defer k.mu.Unlock()
		_ = k.replace(w)
	}()
	for _, line := range k.charges.lines() {
		if _, err := fmt.Fprintln(w.pipe, line); err != nil {
			return fmt.Errorf("telling the keeper to %s: %w", line, err)
		}
	}
	return nil
}

// watcher is the present keeper process.
func (k *Keeper) watcher() *watcher {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

// mostReplaced is how often a keeper is replaced: whatever kills it more often is not an accident.
const mostReplaced = 5

// replace starts another keeper process in the place of one that was killed. The lock is held.
func (k *Keeper) replace(killed *watcher) error {
	if k.closed || k.now != killed {
		return nil
	}
	if k.replaced++; k.replaced > mostReplaced {
		return fmt.Errorf("the keeper process was killed %d times: %w", k.replaced, killed.err)
	}
	return k.watch()
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

// MakeScratch makes a folder that is removed with its contents when the processes have ended, however
// bench ends. The keeper knows of it before it exists.
func (k *Keeper) MakeScratch(parent, prefix string) (string, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	parent, err := filepath.Abs(parent) // the keeper runs in a different folder
	if err != nil {
		return "", fmt.Errorf("making a scratch folder: %w", err)
	}
	dir := filepath.Join(parent, prefix+strings.ToLower(rand.Text()[:12]))
	if err := k.notify("scratch", dir); err != nil {
		return "", err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("making a scratch folder: %w", err)
	}
	return dir, nil
}

// RemoveScratch removes a folder that MakeScratch made.
func (k *Keeper) RemoveScratch(dir string) error {
	return errors.Join(os.RemoveAll(dir), k.notify("unscratch", dir))
}

func (k *Keeper) notify(verb string, what any) error {
	line := fmt.Sprintf("%s %v", verb, what)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.charges.note(line)
	if _, err := fmt.Fprintln(k.now.pipe, line); err == nil {
		return nil
	}
	<-k.now.gone // the pipe broke because it has ended
	if err := k.replace(k.now); err != nil {
		return fmt.Errorf("asking the keeper to %s: %w", line, err)
	}
	return nil
}

// Close stops the keeper. Processes that still run are killed. The error may be that the keeper process was
// killed and replaced meanwhile, which harms nothing, but should not happen.
func (k *Keeper) Close() error {
	close(k.start)
	<-k.stopped
	k.mu.Lock()
	k.closed = true
	w := k.now
	k.mu.Unlock()
	err := w.pipe.Close()
	<-w.gone
	if k.replaced > 0 {
		err = errors.Join(err, fmt.Errorf("the keeper process was killed %d times, and replaced", k.replaced))
	}
	return errors.Join(err, w.err)
}

// charges is what a keeper has to clean up, as both sides of the pipe know it.
type charges struct {
	groups  map[string]bool // process groups to kill
	limits  map[string]bool // control groups to remove
	scratch map[string]bool // folders to remove
}

func newCharges() charges {
	return charges{groups: map[string]bool{}, limits: map[string]bool{}, scratch: map[string]bool{}}
}

// note takes in a line of the pipe.
func (c charges) note(line string) {
	verb, what, _ := strings.Cut(line, " ")
	switch verb {
	case "watch":
		c.groups[what] = true
	case "forget":
		delete(c.groups, what)
	case "limit":
		c.limits[what] = true
	case "unlimit":
		delete(c.limits, what)
	case "scratch":
		c.scratch[what] = true
	case "unscratch":
		delete(c.scratch, what)
	}
}

// lines are the lines that make another keeper know as much.
func (c charges) lines() (lines []string) {
	for verb, all := range map[string]map[string]bool{"watch": c.groups, "limit": c.limits, "scratch": c.scratch} {
		for what := range all {
			lines = append(lines, verb+" "+what)
		}
	}
	return lines
}

// cleanUp ends and removes everything.
func (c charges) cleanUp() {
	for text := range c.groups {
		if group, err := strconv.Atoi(text); err == nil && group > 1 {
			_ = syscall.Kill(-group, syscall.SIGKILL)
		}
	}
	for dir := range c.limits {
		killMembers(dir)
		_ = removeGroup(dir)
	}
	for dir := range c.scratch {
		removeScratch(dir)
	}
}

// Keep is the keeper process: it reads its charges from in. When in ends, it cleans up what is left.
func Keep(in io.Reader) {
	c := newCharges()
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		c.note(lines.Text())
	}
	c.cleanUp()
}

// quiet is how long a folder has to stay away before it counts as removed.
const quiet = 500 * time.Millisecond

// removeScratch removes a folder to which exiting processes may still write. A program that bench had started
// and did not wait for, such as git, may even make it again.
func removeScratch(dir string) {
	deadline, gone := time.Now().Add(goingAway), time.Now()
	for time.Now().Before(deadline) && time.Since(gone) < quiet {
		if _, err := os.Lstat(dir); err == nil {
			_ = os.RemoveAll(dir)
			gone = time.Now()
		}
		time.Sleep(time.Millisecond)
	}
}
