package servers

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"bench/internal/proc"

	"golang.org/x/sys/unix"
)

// What may be done to a running cluster on purpose. Whatever becomes of a process afterwards is
// expected: it is what somebody wants to see, and no failure of the cluster.

// ParseSignal reads the name of a signal, with or without SIG before it.
func ParseSignal(name string) (syscall.Signal, error) {
	if signal := unix.SignalNum("SIG" + strings.TrimPrefix(name, "SIG")); signal != 0 {
		return signal, nil
	}
	return 0, fmt.Errorf("%q is not a signal: want a name such as HUP, TERM, USR2 or KILL", name)
}

// Disturbed reports whether something had been done to a process of the blueprint, or to its workers, by a
// moment.
func (c *Cluster) Disturbed(process string, by time.Time) bool {
	for i, p := range c.blueprint.Processes {
		if p.Name == process && c.isDisturbed(i) && c.disturbed[i].Load() <= by.UnixNano() {
			return true
		}
	}
	return false
}

// IsDisturbed reports whether something was done to any of the cluster's processes. Such a cluster is not
// what its blueprint says any more.
func (c *Cluster) IsDisturbed() bool {
	for i := range c.disturbed {
		if c.isDisturbed(i) {
			return true
		}
	}
	return false
}

func (c *Cluster) isDisturbed(process int) bool {
	return process < len(c.disturbed) && c.disturbed[process].Load() > 0
}

// Find is the living processes at an address.
func (c *Cluster) Find(a Address) ([]Member, error) {
	at, a, err := c.blueprint.Find(a)
	if err != nil {
		return nil, err
	}
	all, err := proc.All()
	if err != nil {
		return nil, fmt.Errorf("looking for %s: %w", a, err)
	}
	var found []Member
	for _, i := range at {
		leader, tree := c.processes[i].PID(), proc.Tree(all, c.processes[i].PID())
		if a.Worker {
			tree = pick(c.workersAmong(i, leader, tree), a.Which)
		}
		for _, m := range tree {
			if a.Worker || a.below && m.Parent == leader || !a.below && m.PID == leader {
				found = append(found, Member{Of: c.blueprint.Processes[i].Name, Member: m})
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: %s: none is running", ErrNoProcess, a)
	}
	return found, nil
}

// workersAmong are the workers of a process, the oldest first: those that its probe saw serve, and what
// was started beside them since; where it sees none, all children; and a process that has none itself.
func (c *Cluster) workersAmong(i, leader int, tree []proc.Member) (workers []proc.Member) {
	tree = slices.Clone(tree)
	slices.SortFunc(tree, func(a, b proc.Member) int {
		return cmp.Or(cmp.Compare(a.Started, b.Started), cmp.Compare(a.PID, b.PID))
	})
	seen, known := c.workerPIDs[i], false
	for pid := range seen {
		known = known || pid != leader
	}
	for _, m := range tree {
		helper := known && c.helpers[i][m.PID]
		if m.PID != leader && !helper {
			workers = append(workers, m)
		}
	}
	if len(workers) == 0 {
		return tree
	}
	return workers
}

// pick is one of the members by its number from 1, or all of them.
func pick(members []proc.Member, number int) []proc.Member {
	switch {
	case number == 0:
		return members
	case number > len(members):
		return nil
	}
	return members[number-1 : number]
}

// noteHelpers remembers which processes of a ready cluster are not workers, such as a router. What is
// started later takes the place of a worker.
func (c *Cluster) noteHelpers() error {
	c.helpers = make([]map[int]bool, len(c.processes))
	all, err := proc.All()
	if err != nil {
		return err
	}
	for i, process := range c.processes {
		c.helpers[i] = map[int]bool{}
		for _, m := range proc.Tree(all, process.PID()) {
			if !c.workerPIDs[i][m.PID] {
				c.helpers[i][m.PID] = true
			}
		}
	}
	return nil
}

// disturb makes whatever becomes of a process from now on expected.
func (c *Cluster) disturb(name string) {
	for i, p := range c.blueprint.Processes {
		if p.Name == name {
			c.disturbed[i].CompareAndSwap(0, time.Now().UnixNano())
		}
	}
}

// Signal sends a signal to the processes at an address, and returns them as they were before.
func (c *Cluster) Signal(a Address, signal syscall.Signal) ([]Member, error) {
	found, err := c.Find(a)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, m := range found {
		c.disturb(m.Of)
		c.leaveHeirs(m.PID, signal != syscall.SIGKILL) // asked to end, it may leave a master that it started before
		errs = append(errs, send(m, signal))
	}
	return found, errors.Join(errs...)
}

// leaveHeirs says whether what the process of a PID has started goes on when it ends, if bench started that process.
func (c *Cluster) leaveHeirs(pid int, on bool) {
	for _, p := range c.processes {
		if p.PID() == pid {
			p.LeaveHeirs(on)
		}
	}
}

func send(to Member, signal syscall.Signal) error {
	if err := syscall.Kill(to.PID, signal); err != nil {
		return fmt.Errorf("sending %s to %s: %w", unix.SignalName(signal), to, err)
	}
	return nil
}

// Resume continues processes that were stopped, those of them that still live.
func (c *Cluster) Resume(stopped []Member) error {
	var errs []error
	for _, m := range stopped {
		if _, lives := m.Now(); lives {
			errs = append(errs, syscall.Kill(m.PID, syscall.SIGCONT))
		}
	}
	return errors.Join(errs...)
}

// Touchable are the names of the files of the blueprint's processes, which Touch takes.
func (b Blueprint) Touchable() (names []string) {
	for _, p := range b.Processes {
		for _, f := range p.Files {
			if name := filepath.Base(f.Path); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// Touch renews the time of every file of that name in the folders of the cluster's processes, which some
// servers take as a request to reload. It returns the files.
func (c *Cluster) Touch(name string) (touched []string, err error) {
	now := time.Now()
	for _, p := range c.blueprint.Processes {
		for _, f := range p.Files {
			if filepath.Base(f.Path) != name {
				continue
			}
			c.disturb(p.Name)
			if err := os.Chtimes(f.Path, now, now); err != nil {
				return touched, fmt.Errorf("touching %s of %s: %w", name, p.Name, err)
			}
			touched = append(touched, name+" of "+p.Name)
		}
	}
	if len(touched) == 0 {
		return nil, fmt.Errorf("no process of %s has a file %q", c.blueprint.Topology.Short(), name)
	}
	return touched, nil
}
