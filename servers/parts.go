package servers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"bench/results"
)

// Fleet is the hosts on which a site boots its clusters, where that is not this machine.
type Fleet interface {
	// Placed are the hosts of each process that is placed, with the app on them.
	Placed() map[string][]Host
	// Room makes a folder on a host for one boot, and holds free ports there.
	Room(ctx context.Context, host string, ports int) (Part, error)
}

// Part is what one host of a fleet runs of a cluster. It must be closed.
type Part interface {
	Folder() string // of the boot
	Ports() []int
	// Start starts the part's processes. An error is a BootError where its servers are to blame.
	Start(context.Context, Blueprint) error
	// Workers counts the workers that have served a request.
	Workers(context.Context) (int, error)
	Usage(context.Context) ([]results.Usage, error)
	Counters(context.Context) (Counters, error)
	Peaks(context.Context) map[string]results.Counters
	Evidence() map[string][]byte
	Dead() <-chan struct{}
	Died() error
	Close() error
}

// Placed is the site's host, with the hosts of its fleet.
func (s *Site) Placed() Host { return s.onFleet(s.Host) }

// onFleet are the hosts with what the boots of one site share, for layouts.
func (s *Site) onFleet(h Host) Host {
	if s.Fleet == nil {
		return h
	}
	h.Placed = map[string][]Host{}
	for process, hosts := range s.Fleet.Placed() {
		for _, host := range hosts {
			host.Secret, host.DrawKey, host.Copied = h.Secret, h.DrawKey, h.Copied
			h.Placed[process] = append(h.Placed[process], host)
		}
	}
	return h
}

// bootFleet boots a topology on the hosts of the fleet: a folder and ports on each, then its part of the
// blueprint, in the order in which processes are started on one machine.
func (s *Site) bootFleet(ctx context.Context, d Definition, l layout, h Host) (*Cluster, error) {
	c := newCluster(Blueprint{Topology: d.Topology}, s.Dial)
	c.from = s.From
	fail := func(err error) (*Cluster, error) { return nil, errors.Join(err, c.Close()) }
	for _, host := range l.hosts() {
		part, err := s.Fleet.Room(ctx, host.Name, l.ports[host.Name])
		if err != nil {
			return fail(fmt.Errorf("host %s: %w", host.Name, err))
		}
		c.parts = append(c.parts, part)
		h = h.settled(host.Name, part)
	}
	l, err := d.layout(l.app, h)
	if err != nil {
		return fail(err)
	}
	b, err := l.blueprint(h.free())
	if err != nil {
		return fail(err)
	}
	c.blueprint = b
	started := time.Now()
	for i, part := range c.parts {
		if err := part.Start(ctx, b.Parts[i]); err != nil {
			return fail(fmt.Errorf("host %s: %w", b.Parts[i].Host, err))
		}
		go c.attend(b.Parts[i].Host, part)
	}
	if err := c.awaitReady(ctx, started); err != nil {
		return fail(c.diagnose(err))
	}
	return c, nil
}

// settled is the same with a boot's folder and ports on one of the hosts.
func (h Host) settled(name string, at Part) Host {
	placed := map[string][]Host{}
	for process, hosts := range h.Placed {
		hosts = slices.Clone(hosts)
		for i := range hosts {
			if hosts[i].Name == name {
				hosts[i].Dir, hosts[i].Ports = at.Folder(), at.Ports()
			}
		}
		placed[process] = hosts
	}
	h.Placed = placed
	return h
}

// attend waits for the end of a part.
func (c *Cluster) attend(host string, part Part) {
	select {
	case <-part.Dead():
		index := slices.IndexFunc(c.blueprint.Processes, func(p Process) bool { return p.Host == host })
		c.die(index, fmt.Errorf("host %s: %w", host, part.Died()))
	case <-c.closing:
	}
}

// part is the part on a host of the fleet; nil: there is none.
func (c *Cluster) part(host string) Part {
	for i, b := range c.blueprint.Parts {
		if b.Host == host && i < len(c.parts) {
			return c.parts[i]
		}
	}
	return nil
}

// IsOnFleet reports whether the cluster runs on other hosts than this machine.
func (c *Cluster) IsOnFleet() bool { return len(c.parts) > 0 }

// CoresOn is the number of cores that a host of the fleet has for servers.
func (c *Cluster) CoresOn(host string) int {
	for _, b := range c.blueprint.Parts {
		if b.Host == host {
			return b.Cores
		}
	}
	return 0
}

// UsageByHost reads what each tier has used on each host of a fleet since the boot; none if all run here.
func (c *Cluster) UsageByHost(ctx context.Context) (map[string][]results.Usage, error) {
	all := map[string][]results.Usage{}
	var mu sync.Mutex
	err := c.eachPart(func(host string, part Part) error {
		usage, err := part.Usage(ctx)
		mu.Lock()
		defer mu.Unlock()
		all[host] = usage
		return err
	})
	return all, err
}

// eachPart asks all parts at once.
func (c *Cluster) eachPart(ask func(host string, part Part) error) error {
	errs := make([]error, len(c.parts))
	var asking sync.WaitGroup
	for i, part := range c.parts {
		host := c.blueprint.Parts[i].Host
		asking.Go(func() {
			if err := ask(host, part); err != nil {
				errs[i] = fmt.Errorf("host %s: %w", host, err)
			}
		})
	}
	asking.Wait()
	return errors.Join(errs...)
}

// SumByTier is the usage of each tier on all hosts together.
func SumByTier(byHost map[string][]results.Usage) (sum []results.Usage) {
	tiers := map[string]results.Usage{}
	for _, usage := range byHost {
		for _, u := range usage {
			t := tiers[u.Tier]
			t.Tier, t.CPU, t.PSS = u.Tier, t.CPU+u.CPU, t.PSS+u.PSS
			t.Processes, t.Threads = t.Processes+u.Processes, t.Threads+u.Threads
			tiers[u.Tier] = t
		}
	}
	for _, tier := range slices.Sorted(maps.Keys(tiers)) {
		sum = append(sum, tiers[tier])
	}
	return sum
}

// fleetCounters reads the counters of all parts.
func (c *Cluster) fleetCounters(ctx context.Context) (sum Counters, err error) {
	readings := make([]Counters, len(c.parts))
	err = c.eachPart(func(host string, part Part) (err error) {
		i := slices.IndexFunc(c.blueprint.Parts, func(b Blueprint) bool { return b.Host == host })
		readings[i], err = part.Counters(ctx)
		return err
	})
	for _, r := range readings {
		sum = sum.plus(r)
	}
	return sum, err
}

// plus adds what another host counts. The clocks of machines are not added: hosts may be parts of one machine.
func (c Counters) plus(more Counters) Counters {
	c.Servers = append(slices.Clone(c.Servers), more.Servers...)
	k, m := &c.Kernel, more.Kernel
	k.ListenOverflows, k.ListenDrops = k.ListenOverflows+m.ListenOverflows, k.ListenDrops+m.ListenDrops
	k.TCPTimeouts, k.RetransSegs = k.TCPTimeouts+m.TCPTimeouts, k.RetransSegs+m.RetransSegs
	k.StealSeconds = max(k.StealSeconds, m.StealSeconds)
	k.BusySeconds = 0
	return c
}

// fleetPeaks reads the peaks of all parts.
func (c *Cluster) fleetPeaks(ctx context.Context) map[string]results.Counters {
	var seen results.Server
	var mu sync.Mutex
	_ = c.eachPart(func(_ string, part Part) error {
		peaks := part.Peaks(ctx)
		mu.Lock()
		defer mu.Unlock()
		seen.Merge(peaks, nil)
		return nil
	})
	return seen.Counters
}

// fleetWorkers counts the workers on all hosts that have served a request.
func (c *Cluster) fleetWorkers(ctx context.Context) (seen int, err error) {
	var mu sync.Mutex
	err = c.eachPart(func(_ string, part Part) error {
		n, err := part.Workers(ctx)
		mu.Lock()
		defer mu.Unlock()
		seen += n
		return err
	})
	return seen, err
}

// fresh is a host for one boot: with a key that all its processes share.
func (h Host) fresh(dir string) Host {
	h.Dir, h.Secret = dir, rand.Text()
	return h
}
