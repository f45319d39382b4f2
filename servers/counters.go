package servers

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"bench/results"
	"bench/servers/probe"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// Counters is one reading of what the servers and the kernel count.
type Counters struct {
	Servers []Counted
	Kernel  results.Server
}

// Counted is what one process of a blueprint counts.
type Counted struct {
	Process string
	Kind    string // its name in the topology
	probe.Reading
}

// Counters reads the servers' statistics and the kernel's.
func (c *Cluster) Counters(ctx context.Context) (Counters, error) {
	if c.IsOnFleet() {
		return c.fleetCounters(ctx)
	}
	var now Counters
	for i, p := range c.blueprint.Processes {
		if c.probes[i] == nil {
			continue
		}
		reading, err := c.probes[i].Read(ctx)
		if c.isDisturbed(i) {
			continue // it may have ended, or begun to count anew
		}
		if err != nil {
			return now, fmt.Errorf("%s: %w", p.Name, err)
		}
		now.Servers = append(now.Servers, Counted{p.Name, p.Kind, reading})
	}
	var err error
	now.Kernel, err = readKernel()
	return now, err
}

// Since is what was counted between an earlier reading and this one.
func (c Counters) Since(before Counters) results.Server {
	s := c.Kernel
	s.ListenOverflows -= before.Kernel.ListenOverflows
	s.ListenDrops -= before.Kernel.ListenDrops
	s.RetransSegs -= before.Kernel.RetransSegs
	s.TCPTimeouts -= before.Kernel.TCPTimeouts
	s.StealSeconds -= before.Kernel.StealSeconds
	s.BusySeconds = max(0, s.BusySeconds-before.Kernel.BusySeconds) // the kernel counts in ticks, and corrects them
	perWorker := map[string][]uint64{}
	for _, now := range c.Servers {
		at := slices.IndexFunc(before.Servers, func(b Counted) bool { return b.Process == now.Process })
		if at < 0 {
			continue
		}
		d := now.Since(before.Servers[at].Reading)
		s.Merge(map[string]results.Counters{now.Kind: d.Counters}, nil)
		if d.PerWorker != nil {
			perWorker[now.Kind] = append(perWorker[now.Kind], d.PerWorker...)
		}
	}
	s.Merge(nil, perWorker)
	return s
}

// Peaks reads the values that come and go: the length of each listen queue from the kernel, and others from
// the processes that report them. What cannot be read is left out.
func (c *Cluster) Peaks(ctx context.Context) map[string]results.Counters {
	if c.IsOnFleet() {
		return c.fleetPeaks(ctx)
	}
	var seen results.Server
	if queues, err := listenQueues(); err == nil {
		seen.Merge(c.blueprint.queued(queues), nil)
	}
	for i, p := range c.blueprint.Processes {
		kind, _ := probe.Lookup(p.Stats)
		peaks := kind.Peaks()
		if len(peaks) == 0 {
			continue
		}
		reading, err := c.probes[i].Read(ctx)
		if err != nil {
			continue
		}
		now := results.Counters{}
		for _, name := range peaks {
			now[name] = reading.Counters[name]
		}
		seen.Merge(map[string]results.Counters{p.Kind: now}, nil)
	}
	return seen.Counters
}

// queued are the listen queues of the processes that take requests on a port of this network namespace, the
// longest of those that share a name.
func (b Blueprint) queued(queues map[int]int) map[string]results.Counters {
	longest := map[string]results.Counters{}
	for _, p := range b.Processes {
		waiting, listens := queues[p.Entry]
		if p.Entry == 0 || p.Service || !listens {
			continue
		}
		longest[p.Kind] = results.Counters{
			results.ListenQueueMax: max(longest[p.Kind][results.ListenQueueMax], float64(waiting)),
		}
	}
	return longest
}

// readKernel reads the counters of this network namespace and the machine's stolen time.
func readKernel() (results.Server, error) {
	var s results.Server
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return s, fmt.Errorf("reading the kernel's counters: %w", err)
	}
	self, err := fs.Self()
	if err != nil {
		return s, fmt.Errorf("reading the kernel's counters: %w", err)
	}
	netstat, err := self.Netstat()
	if err != nil {
		return s, fmt.Errorf("reading the kernel's counters: %w", err)
	}
	snmp, err := self.Snmp()
	if err != nil {
		return s, fmt.Errorf("reading the kernel's counters: %w", err)
	}
	stat, err := fs.Stat()
	if err != nil {
		return s, fmt.Errorf("reading the kernel's counters: %w", err)
	}
	count := func(v *float64) uint64 {
		if v == nil {
			return 0
		}
		return uint64(*v)
	}
	s.ListenOverflows, s.ListenDrops = count(netstat.ListenOverflows), count(netstat.ListenDrops)
	s.TCPTimeouts, s.RetransSegs = count(netstat.TCPTimeouts), count(snmp.RetransSegs)
	s.StealSeconds = stat.CPUTotal.Steal
	if len(stat.CPU) == runtime.NumCPU() { // otherwise others may use cores that bench may not
		s.BusySeconds, err = busySeconds(stat.CPUTotal)
	}
	return s, err
}

// busySeconds is what all cores had worked since boot: the time that passed less the time that they were idle.
// The kernel's own sum of user, system and interrupt times is no use where it samples who runs at each tick
// (CONFIG_TICK_CPU_ACCOUNTING): work that a timer sets off, as a delayed acknowledgement does, begins right
// after a tick and ends before the next one, so that up to half of it was not counted. Idle time is measured
// from the moment a core falls idle to the moment it wakes (CONFIG_NO_HZ_COMMON).
func busySeconds(cpu procfs.CPUStat) (float64, error) {
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &up); err != nil {
		return 0, fmt.Errorf("reading the monotonic clock: %w", err)
	}
	passed := time.Duration(up.Nano()).Seconds() * float64(runtime.NumCPU())
	return passed - cpu.Idle - cpu.Iowait - cpu.Steal, nil
}
