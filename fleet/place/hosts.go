package place

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"bench/fleet"
)

// HostKind is a way to run a command on a host of a fleet: the host's kind in a fleet file.
type HostKind struct {
	Name    string
	Summary string
	// Address is where other hosts reach it, as far as its name says so.
	Address func(target string) string
	place   func(target string, o Options) (fleet.Place, error)
}

// HostKinds are the rows of the table of hosts.
var HostKinds = []HostKind{
	{"ssh", "a host that ssh logs in to, such as deploy@10.0.0.5", afterAt, parseSSH},
	{"netns", "a network namespace of this machine, by its name", noAddress, inNamespace},
	{"local", "this machine, by the address where the others reach it", afterAt, here},
}

func inNamespace(name string, o Options) (fleet.Place, error) { return netns{name, o}, nil }

func here(_ string, o Options) (fleet.Place, error) { return Local{1, o}, nil }

func noAddress(string) string { return "" }

// afterAt is the address in USER@ADDRESS; empty if there is a name in its place.
func afterAt(target string) string {
	if at := strings.LastIndexByte(target, '@'); at >= 0 {
		target = target[at+1:]
	}
	if net.ParseIP(target) == nil {
		return ""
	}
	return target
}

// On is a worker on a host of a kind.
func (k HostKind) On(target string, o Options) (fleet.Place, error) {
	where, err := k.place(target, o)
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w", k.Name, target, err)
	}
	return where, nil
}

// Named is a worker on each of several places, under names of their own.
type Named struct {
	Names  []string
	Places []fleet.Place
}

// Workers implements fleet.Place.
func (n Named) Workers() []string { return n.Names }

// Start implements fleet.Place.
func (n Named) Start(ctx context.Context, index int) (fleet.Stream, error) {
	return n.Places[index].Start(ctx, 0)
}

// netns is a worker in a network namespace of this machine.
type netns struct {
	name    string
	options Options
}

// namespaces is where ip netns keeps them.
const namespaces = "/run/netns/"

// Workers implements fleet.Place.
func (n netns) Workers() []string { return []string{n.name} }

// Start implements fleet.Place.
func (n netns) Start(context.Context, int) (fleet.Stream, error) {
	if _, err := os.Stat(namespaces + n.name); err != nil {
		return nil, fmt.Errorf("there is no network namespace %s: make it with `ip netns add %s`", n.name, n.name)
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("only root may enter the network namespace %s: run bench as root, or use ssh", n.name)
	}
	argv := slices.Concat([]string{"ip", "netns", "exec", n.name, n.options.Program}, n.options.Args)
	return startProcess(n.options.Env, argv, n.options.Heard)
}
