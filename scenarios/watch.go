package scenarios

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"bench/results"
	"bench/servers"
)

// watch samples a cluster and its machine during a cell and ends the load when a process dies.
type watch struct {
	ctx     context.Context
	cancel  context.CancelFunc
	cluster *servers.Cluster
	beside  []*servers.Cluster // under load at the same time
	running sync.WaitGroup

	mu      sync.Mutex // guards what follows
	started time.Time
	usage   []results.Usage
	hosts   []map[string][]results.Usage // by host of a fleet, at each sample
	peaks   map[string]results.Counters  // of the servers' counters
	err     error
	health  health
	machine machine
}

const (
	usageEvery  = 2 * time.Second
	peaksEvery  = 200 * time.Millisecond // a queue comes and goes
	healthEvery = 50 * time.Millisecond  // a process that is stopped for less may go unnoticed
)

func startWatch(ctx context.Context, cluster *servers.Cluster, beside ...*servers.Cluster) *watch {
	w := &watch{cluster: cluster, beside: beside, started: time.Now()}
	w.ctx, w.cancel = context.WithCancel(ctx)
	var members []servers.Member
	members, w.err = cluster.Members()
	w.machine.elsewhere = cluster.IsOnFleet()
	w.health = newHealth(members, cluster.Disturbed)
	w.running.Go(w.loop)
	w.running.Go(w.observe)
	return w
}

// begin makes now the start of the cell: what the servers used before, for connections opened
// ahead of the load, does not count.
func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.machine.begin()
	w.started, w.usage, w.hosts = time.Now(), nil, nil
	w.sample()
	w.machine.add(&w.machine.before, w.usage, w.beside)
}

func (w *watch) loop() {
	usage, peaks := time.NewTicker(usageEvery), time.NewTicker(peaksEvery)
	defer usage.Stop()
	defer peaks.Stop()
	for {
		select {
		case <-usage.C:
			w.mu.Lock()
			w.sample()
			w.mu.Unlock()
		case <-peaks.C:
			seen := results.Server{Counters: w.cluster.Peaks(w.ctx)}
			w.mu.Lock()
			seen.Merge(w.peaks, nil)
			w.peaks = seen.Counters
			w.mu.Unlock()
		case <-w.cluster.Dead():
			w.cancel()
			return
		case <-w.ctx.Done():
			return
		}
	}
}

// observe looks at the cluster's processes until the load has ended. It has a loop of its own: a
// stopped server does not answer when it is asked for its peaks.
func (w *watch) observe() {
	tick := time.NewTicker(healthEvery)
	defer tick.Stop()
	for {
		w.mu.Lock()
		w.health.look(time.Now())
		w.mu.Unlock()
		select {
		case <-tick.C:
		case <-w.ctx.Done():
			return
		}
	}
}

// sample reads the usage. The mutex must be held, unless the loops have ended.
func (w *watch) sample() {
	usage, err := w.read()
	if err != nil {
		w.err = err
		return
	}
	at := time.Since(w.started).Round(time.Millisecond)
	for i := range usage {
		usage[i].At = at
	}
	w.usage = append(w.usage, usage...)
}

// read reads the usage of each tier; of a cluster on a fleet, that of each host, too.
func (w *watch) read() ([]results.Usage, error) {
	if !w.cluster.IsOnFleet() {
		return w.cluster.Usage()
	}
	byHost, err := w.cluster.UsageByHost(context.WithoutCancel(w.ctx))
	if err == nil {
		w.hosts = append(w.hosts, byHost)
	}
	return servers.SumByTier(byHost), err
}

// byHost is what the servers used on each host from the first sample to the last.
func (w *watch) byHost() (all []results.HostUsage) {
	if len(w.hosts) == 0 {
		return nil
	}
	first, last := w.hosts[0], w.hosts[len(w.hosts)-1]
	for _, host := range slices.Sorted(maps.Keys(last)) {
		u := results.HostUsage{Host: host, Cores: w.cluster.CoresOn(host)}
		for _, tier := range last[host] {
			u.CPU += tier.CPU
		}
		for _, tier := range first[host] {
			u.CPU -= tier.CPU
		}
		for _, sample := range w.hosts {
			u.PSS = max(u.PSS, results.PeakPSS(sample[host]))
		}
		all = append(all, u)
	}
	return all
}

func (w *watch) stop() ([]results.Usage, error) {
	w.cancel()
	w.running.Wait()
	w.machine.end(append([]*servers.Cluster{w.cluster}, w.beside...))
	before := len(w.usage)
	w.sample()
	w.machine.add(&w.machine.after, w.usage[before:], w.beside)
	w.health.look(time.Now())
	w.health.close()
	w.health.compare(w.cluster)
	return w.usage, w.err
}

// judge adds what the machine and the processes did to the cell. On a shared machine, what other
// programs use degrades a cell and voids none.
func (w *watch) judge(c *results.Cell, shared bool) {
	voids := neighbourVoids
	switch {
	case shared:
		voids = math.Inf(1)
	case len(w.beside) > 0:
		voids = neighbourOfPair
	}
	w.health.judge(c)
	w.machine.judge(c, voids)
}
