package servers

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"bench/results"
)

// Address names processes of a cluster: "uwsgi", "uwsgi[2]", "proxy.worker", "server[1].worker[2]". The
// name is a process's, a tier's or a role's; numbers count from 1, and without one all are meant.
type Address struct {
	Name   string
	Number int  // of several; 0: all of them
	Worker bool // not the process that bench started, but its workers
	Which  int  // of the workers; 0: all of them

	below bool // not the process that bench started, but the server that it keeps running
}

const number = `(?:\[([1-9][0-9]{0,3})\])?`

var addressText = regexp.MustCompile(`^([A-Za-z0-9_-]+)` + number + `(\.worker` + number + `)?$`)

// ParseAddress reads an address.
func ParseAddress(text string) (Address, error) {
	m := addressText.FindStringSubmatch(text)
	if m == nil {
		return Address{}, fmt.Errorf(
			"%q is not an address of processes: want a process, tier or role, such as server[1], proxy or app.worker[2]",
			text)
	}
	a := Address{Name: m[1], Worker: m[3] != ""}
	a.Number, _ = strconv.Atoi(m[2]) // "" is 0: all
	a.Which, _ = strconv.Atoi(m[4])
	return a, nil
}

func (a Address) String() string {
	brackets := func(n int) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprintf("[%d]", n)
	}
	text := a.Name + brackets(a.Number)
	if a.Worker {
		text += ".worker" + brackets(a.Which)
	}
	return text
}

// ErrNoProcess means that a cluster has no process at an address.
var ErrNoProcess = errors.New("no such process")

// Find is the processes of the blueprint at an address, by their index, and the address with what a
// tier of workers implies.
func (b Blueprint) Find(a Address) ([]int, Address, error) {
	if len(b.Processes) == 0 {
		return nil, a, fmt.Errorf("%w: %s: bench did not start %s, and sends its processes nothing", ErrNoProcess, a,
			cmp.Or(b.Topology.String(), b.URL))
	}
	at, part := b.named(a.Name)
	a.Worker = a.Worker || part == workers
	a.below = part == below && !a.Worker
	switch {
	case len(at) == 0:
		return nil, a, fmt.Errorf("%w: %s: %s has %s", ErrNoProcess, a, b.Topology.Short(), strings.Join(b.names(), ", "))
	case a.Number > len(at):
		return nil, a, fmt.Errorf("%w: %s: %s has %d of %s", ErrNoProcess, a, b.Topology.Short(), len(at), a.Name)
	case a.Number > 0:
		at = at[a.Number-1 : a.Number]
	}
	for _, i := range at {
		p := b.Processes[i]
		if most := max(p.Workers, p.Loops); a.Worker && a.Which > most {
			return nil, a, fmt.Errorf("%w: %s: %s has %d workers", ErrNoProcess, a, p.Name, most)
		}
	}
	return at, a, nil
}

// part is what of a process a name stands for.
type part int

const (
	leader  part = iota // what bench started
	below               // the server that this keeps running
	workers             // those that run the app
)

// named are the processes that a name stands for, of that name, of a tier or of a role, and what of them.
// Where no tier has the role of the server, the app is its own.
func (b Blueprint) named(name string) (at []int, of part) {
	role := results.Role(name)
	hasRole := func(p Process) bool { return b.Roles[p.Tier] == role }
	if role == results.ServerRole && !slices.ContainsFunc(b.Processes, hasRole) {
		role = results.AppRole
	}
	kept := func(p Process) bool { return p.LeaderTier != "" }
	for _, is := range []struct {
		it func(Process) bool
		of part
	}{
		{func(p Process) bool { return p.Name == name || p.Kind == name || p.LeaderTier == name }, leader},
		{func(p Process) bool { return p.Tier == name && kept(p) }, below},
		{func(p Process) bool { return p.Tier == name }, leader},
		{func(p Process) bool { return p.WorkerTier == name }, workers},
		{func(p Process) bool { return hasRole(p) && kept(p) }, below},
		{hasRole, leader},
		{func(p Process) bool { return p.WorkerTier != "" && b.Roles[p.WorkerTier] == role }, workers},
	} {
		for i, p := range b.Processes {
			if is.it(p) {
				at = append(at, i)
			}
		}
		if len(at) > 0 {
			return at, is.of
		}
	}
	return nil, leader
}

// names are the names that an address may begin with.
func (b Blueprint) names() (all []string) {
	add := func(name string) {
		if name != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	for _, p := range b.Processes {
		add(p.Kind)
		add(p.LeaderTier)
		add(p.Tier)
		add(p.WorkerTier)
		add(string(b.Roles[p.Tier]))
		add(string(b.Roles[p.WorkerTier]))
	}
	return all
}
