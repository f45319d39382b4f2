package servers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bench/internal/proc"
	"bench/results"
	"bench/servers/probe"
	"bench/targets"
)

// DialFunc connects to a cluster; it may refuse.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Cluster is a running topology. It must be closed.
type Cluster struct {
	// Boot describes how it came up. WarmupMS and Settled are left to whoever warms it up.
	Boot results.Boot
	// Responses are the successful responses so far to each target, as counted by whoever loads it.
	Responses map[string]uint64
	// Slowest is the slowest of them during the warm-up.
	Slowest time.Duration
	// Loads is the number of cells that it has had.
	Loads int

	blueprint  Blueprint
	parts      []Part            // on the hosts of a fleet; none: all run here
	from       http.RoundTripper // who asks whether it is ready; nil: this process
	dial       DialFunc
	processes  []*proc.Process
	probes     []probe.Probe  // by process; nil where nothing observes it
	workerPIDs []map[int]bool // by process: its workers, where its probe finds them
	helpers    []map[int]bool // by process: what was no worker when the cluster was ready
	disturbed  []atomic.Int64 // by process: when something was first done to it on purpose, in Unix nanoseconds; 0: never
	changing   sync.Mutex     // guards settings
	settings   []Setting      // changed since the start
	relays     []*relay
	running    sync.Mutex    // guards listeners
	listeners  []int         // PIDs, of a server that was already running
	dead       chan struct{} // closed when the first process dies
	deadOnce   sync.Once
	deadErr    error // why; read after dead
	deadIndex  int   // which; read after dead

	release   func() error // releases the site's ports and scratch folder
	closing   chan struct{}
	closeOnce sync.Once
	closeErr  error
}

// BootError says why a cluster did not come up: a diagnostic, a hint, and the last lines of
// the log that shows the error.
type BootError struct {
	Topology   Topology
	Diagnostic string
	Hint       string
	Process    string // whose log it is
	Log        string // the last lines
	Err        error
}

func (e *BootError) Error() string {
	text := fmt.Sprintf("booting %s: ", e.Topology)
	if e.Diagnostic != "" {
		text += e.Diagnostic + ": "
	}
	if cause := raised(e.Log); cause != "" {
		text += cause + ": " // first: of a traceback, a line of a CI system shows the beginning alone
	}
	text += e.Err.Error()
	if e.Hint != "" {
		text += "\n" + e.Hint
	}
	switch {
	case e.Log != "":
		text += fmt.Sprintf("\nlast lines of the log of %s:\n  %s", e.Process, strings.ReplaceAll(e.Log, "\n", "\n  "))
	case e.Process != "":
		text += fmt.Sprintf("\nthe log of %s is empty", e.Process)
	}
	return text
}

// exception is the last line of a traceback.
var exception = regexp.MustCompile(`(?m)^([A-Za-z_][\w.]*(?:Error|Exception|ImproperlyConfigured|AppRegistryNotReady)` +
	`(?:: .*)?)$`)

// raised is the exception that a log ends with; "" if it has none.
func raised(log string) string {
	all := exception.FindAllString(log, -1)
	if len(all) == 0 {
		return ""
	}
	return strings.TrimSpace(all[len(all)-1])
}

func (e *BootError) Unwrap() error { return e.Err }

// Boot starts the blueprint's processes and returns when the cluster is ready: a real
// request was answered and every worker has served one. It stops waiting when ctx ends. On
// error nothing is left running.
func (b Blueprint) Boot(ctx context.Context, keeper *proc.Keeper, dial DialFunc) (*Cluster, error) {
	c, started := newCluster(b, dial), time.Now()
	err := c.startAll(ctx, keeper)
	if err == nil {
		err = c.awaitReady(ctx, started)
	}
	if err == nil {
		err = c.noteHelpers()
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
		return nil, errors.Join(cause, c.Close()) // interrupted: not the servers' fault
	}
	if err != nil {
		return nil, errors.Join(c.diagnose(err), c.Close())
	}
	return c, nil
}

// Start starts the blueprint's processes, and leaves it to the caller whether they are ready: some of the
// cluster may be on other hosts. On error nothing is left running.
func (b Blueprint) Start(ctx context.Context, keeper *proc.Keeper) (*Cluster, error) {
	c := newCluster(b, nil)
	err := c.startAll(ctx, keeper)
	if err == nil {
		err = c.noteHelpers()
	}
	if err != nil {
		return nil, errors.Join(c.diagnose(err), c.Close())
	}
	return c, nil
}

func newCluster(b Blueprint, dial DialFunc) *Cluster {
	return &Cluster{
		blueprint: b, dial: dial,
		probes: make([]probe.Probe, len(b.Processes)), workerPIDs: make([]map[int]bool, len(b.Processes)),
		disturbed: make([]atomic.Int64, len(b.Processes)),
		dead:      make(chan struct{}), closing: make(chan struct{}),
	}
}

// startAll writes the files of the blueprint and starts its processes.
func (c *Cluster) startAll(ctx context.Context, keeper *proc.Keeper) error {
	if err := c.blueprint.prepareDir(); err != nil {
		return err
	}
	for i, p := range c.blueprint.Processes {
		if err := c.start(keeper, p); err != nil {
			return err
		}
		if err := c.awaitService(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// prepareDir writes every file of the blueprint and the boot's copy of the app's state.
func (b Blueprint) prepareDir() error {
	if len(b.Processes) == 0 {
		return nil
	}
	if err := copyTree(b.State, b.StateDir); err != nil {
		return fmt.Errorf("copying the app's state: %w", err)
	}
	if b.Tree != "" {
		if err := linkFolder(b.Tree, b.AppDir, b.Copied); err != nil {
			return err
		}
	}
	for _, p := range b.Processes {
		if err := p.makeHome(); err != nil {
			return err
		}
		for _, f := range p.Files {
			if err := os.MkdirAll(filepath.Dir(f.Path), 0o700); err != nil {
				return err
			}
			if err := os.WriteFile(f.Path, []byte(f.Text), 0o600); err != nil {
				return err
			}
		}
	}
	if err := b.RunAs.Own(b.Dir); err != nil {
		return err
	}
	return b.ownServices()
}

// ownServices gives the folders of services to the users that they run as.
func (b Blueprint) ownServices() error {
	for _, p := range b.Processes {
		if p.RunAs == nil {
			continue
		}
		if err := errors.Join(os.Chmod(b.Dir, 0o711), p.RunAs.Own(p.Home)); err != nil { // to be passed through
			return err
		}
	}
	return nil
}

// dataFolder is where a service's data is, in its own folder.
const dataFolder = "data"

// makeHome makes the process's folder, with a copy of its data.
func (p Process) makeHome() error {
	if err := os.MkdirAll(p.Home, 0o700); err != nil || p.Data == "" {
		return err
	}
	data := filepath.Join(p.Home, dataFolder)
	if err := copyTree(p.Data, data); err != nil {
		return fmt.Errorf("copying the data of %s: %w", p.Name, err)
	}
	return closeFolders(data)
}

// closeFolders closes a copy of a folder to other users, as it was: some servers refuse to start otherwise.
func closeFolders(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = os.Chmod(path, 0o700)
		}
		return err
	})
}

// CanLimit returns why processes cannot be limited to this number of cores here, if they cannot.
func CanLimit(cores float64) error { return proc.HasQuota(cores) }

// QuotaPeriod is the time after which the CPU quota of a limited process is renewed.
const QuotaPeriod = proc.QuotaPeriod

// Limit applies the CPU limits of the blueprint's processes, or lifts them.
func (c *Cluster) Limit(on bool) error {
	for i, p := range c.processes {
		cores := c.blueprint.Processes[i].Cores
		if cores == 0 {
			continue
		}
		if !on {
			cores = 0
		}
		if err := p.SetCores(cores); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) start(keeper *proc.Keeper, p Process) error {
	if p.Relay != 0 {
		r, err := startRelay(p.Relay, p.Entry)
		if err != nil {
			return err
		}
		c.relays = append(c.relays, r)
	}
	process, err := keeper.Start(proc.Spec{
		Name: p.Name, Argv: p.Argv, Env: p.Env, Dir: p.Dir, Stop: p.Stop, Cores: p.Cores,
		User: cmp.Or(p.RunAs, c.blueprint.RunAs),
		Log:  filepath.Join(p.Home, p.Name+".log"),
	})
	if err != nil {
		return err
	}
	kind, err := probe.Lookup(p.Stats)
	if err != nil {
		return errors.Join(err, process.Close(context.Background()))
	}
	if kind.Open != nil {
		c.probes[len(c.processes)] = kind.Open(c.observed(p, process.PID()))
	}
	index := len(c.processes)
	c.processes = append(c.processes, process)
	go func() {
		select {
		case <-process.Done():
			if c.disturbed[index].Load() > 0 {
				return // that is what it was disturbed for
			}
			c.die(index, fmt.Errorf("process %s (%d) ended: %w", p.Name, process.PID(), process.Err()))
		case <-c.closing:
		}
	}()
	return nil
}

// die notes the first process that ended without having been asked to.
func (c *Cluster) die(index int, why error) {
	c.deadOnce.Do(func() {
		c.deadIndex, c.deadErr = index, why
		close(c.dead)
	})
}

// observed is what a probe is told of a process.
func (c *Cluster) observed(p Process, pid int) probe.Process {
	return probe.Process{
		PID: pid, Dir: p.Home, Log: filepath.Join(p.Home, p.Name+".log"), Ports: p.Ports, Entry: p.Entry,
		IP: cmp.Or(p.IP, loopback), HTTP: p.IsEntry,
		Health: c.blueprint.Health, Header: c.blueprint.HealthHeader, Workers: p.Workers,
	}
}

// awaitService waits until a process serves for which others have to wait.
func (c *Cluster) awaitService(ctx context.Context, index int) error {
	p := c.blueprint.Processes[index]
	kind, err := probe.Lookup(p.Stats)
	if err != nil || kind.Ready == nil {
		return err
	}
	return awaitService(ctx, kind, c.observed(p, c.processes[index].PID()), c.processes[index])
}

// awaitService polls a process until it serves.
func awaitService(ctx context.Context, kind probe.Kind, p probe.Process, process *proc.Process) error {
	for {
		err := kind.Ready(ctx, p)
		if err == nil {
			return nil
		}
		select {
		case <-process.Done():
			return fmt.Errorf("process %s (%d) ended: %w", process.Spec.Name, p.PID, process.Err())
		case <-ctx.Done():
			return fmt.Errorf("%s does not serve within %w; last attempt: %w", process.Spec.Name, context.Cause(ctx), err)
		case <-time.After(pollEvery):
		}
	}
}

// URL is where the cluster takes requests.
func (c *Cluster) URL() string { return c.blueprint.URL }

// Blueprint is what the cluster was booted from.
func (c *Cluster) Blueprint() Blueprint { return c.blueprint }

// Dead is closed when a process ends without being stopped. A measurement during which that
// happens is void.
func (c *Cluster) Dead() <-chan struct{} { return c.dead }

// Closed is closed when the cluster is about to stop its processes.
func (c *Cluster) Closed() <-chan struct{} { return c.closing }

// Died returns why a process ended without being stopped, with the end of its log, or nil
// while all of them run.
func (c *Cluster) Died() error {
	select {
	case <-c.dead:
		return c.diagnose(c.deadErr)
	default:
		return nil
	}
}

// Usage reads what each tier has used since the boot. At is left to the caller.
func (c *Cluster) Usage() ([]results.Usage, error) {
	if !c.blueprint.Topology.Boots() {
		return c.runningUsage()
	}
	if c.IsOnFleet() {
		byHost, err := c.UsageByHost(context.Background())
		return SumByTier(byHost), err
	}
	all, err := proc.All()
	if err != nil {
		return nil, fmt.Errorf("reading the usage of %s: %w", c.blueprint.Topology, err)
	}
	tiers := map[string]*results.Usage{}
	for i, process := range c.processes {
		p := c.blueprint.Processes[i]
		for _, r := range proc.ReadAll(p.members(all, process.PID())) {
			tier := p.tierOf(r.PID == process.PID(), c.workerPIDs[i][r.PID])
			if tiers[tier] == nil {
				tiers[tier] = &results.Usage{Tier: tier}
			}
			u := tiers[tier]
			u.CPU += r.CPU
			u.PSS += r.PSS
			u.Processes++
			u.Threads += r.Threads
		}
	}
	var usage []results.Usage
	for _, tier := range slices.Sorted(maps.Keys(tiers)) {
		usage = append(usage, *tiers[tier])
	}
	return usage, nil
}

// tierOf is the tier of one of the processes that a process consists of.
func (p Process) tierOf(leader, worker bool) string {
	switch {
	case worker && p.WorkerTier != "":
		return p.WorkerTier
	case leader && p.LeaderTier != "":
		return p.LeaderTier
	}
	return p.Tier
}

// members are the processes that belong to one. A database gives each of its own a session, and so a group.
func (p Process) members(all []proc.Member, pid int) []proc.Member {
	if p.Service {
		return proc.Below(all, pid)
	}
	return proc.Group(all, pid)
}

// Evidence returns the rendered configuration and the ends of the logs, named as in a run
// directory.
func (c *Cluster) Evidence() map[string][]byte {
	files := map[string][]byte{}
	for _, part := range c.parts {
		maps.Copy(files, part.Evidence())
	}
	if c.IsOnFleet() {
		return files
	}
	for _, p := range c.blueprint.Processes {
		for _, f := range p.Files {
			files[filepath.Join("conf", p.Name, filepath.Base(f.Path))] = []byte(f.Text)
		}
		files[filepath.Join("conf", p.Name, "command")] = []byte(strings.Join(p.Argv, " ") + "\n")
		files[evidenceLog(p)] = []byte(c.logTail(p, 200) + "\n")
	}
	return files
}

// evidenceLog is the name of a process's log in a run directory.
func evidenceLog(p Process) string { return filepath.Join("logs", p.Name+".log") }

// logTail is the end of a process's log, without the values of the app's secrets.
func (c *Cluster) logTail(p Process, lines int) string {
	if part := c.part(p.Host); part != nil {
		return proc.LastLines(string(part.Evidence()[evidenceLog(p)]), lines)
	}
	text := proc.LogTail(filepath.Join(p.Home, p.Name+".log"), lines)
	return targets.App{Secrets: c.blueprint.secrets}.Redact(text)
}

// closeTimeout is how long the processes of a cluster have to end before they are killed.
const closeTimeout = 5 * time.Second

// Close stops the processes in reverse order of their start and returns when none is left. It
// may be called more than once.
func (c *Cluster) Close() error {
	c.closeOnce.Do(func() {
		close(c.closing)
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		var errs []error
		for _, p := range slices.Backward(c.processes) {
			errs = append(errs, p.Close(ctx))
		}
		for _, part := range c.parts {
			errs = append(errs, part.Close())
		}
		for _, r := range c.relays {
			errs = append(errs, r.Close())
		}
		if c.release != nil {
			errs = append(errs, c.release())
		}
		c.closeErr = errors.Join(errs...)
	})
	return c.closeErr
}
