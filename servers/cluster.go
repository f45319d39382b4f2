package servers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"bench/internal/proc"
	"bench/results"
	"bench/servers/probe"
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
