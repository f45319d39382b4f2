// Package probe observes servers: which of their processes handle requests, and what they count.
// Each kind of server is a row in a table; adding a kind takes one file and one row.
//
// A probe asks a server for its own statistics, or the kernel for what its processes do. It
// sees one process of a cluster and its descendants.
package probe

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"bench/results"
)

// Kind is how one kind of server is observed.
type Kind struct {
	Name     string
	Ports    []string  // the ports that a process of this kind must have
	Workers  bool      // it finds the worker processes and sees which of them have served
	Counters []Counter // what it counts
	// Ready returns why the process does not serve yet: what is started after it waits for that. May be nil.
	Ready func(context.Context, Process) error
	Open  func(Process) Probe
}

// Counter is one figure that a server keeps. Its name shows whether it is a peak; see
// results.Counters.
type Counter struct {
	Name  string
	Unit  string
	Means string
}

// Process is what a probe knows about the process that it observes.
type Process struct {
	PID     int
	IP      string // where it takes requests, at the port Entry; empty: the loopback interface
	Ports   map[string]int
	Entry   int               // the port on which it takes requests
	Dir     string            // folder of its files
	Log     string            // the file that it writes to
	HTTP    bool              // clients connect to that port, so it speaks HTTP
	Health  string            // path that answers when the app works
	Header  map[string]string // headers that a request for it needs, Host among them
	Workers int               // worker processes that it should have
}

// address is where the process listens on a port of it.
func (p Process) address(port int) string {
	return net.JoinHostPort(cmp.Or(p.IP, "127.0.0.1"), strconv.Itoa(port))
}

// Probe observes one running process of a cluster and its descendants.
type Probe interface {
	// Workers finds the worker processes. It may send requests to do so.
	Workers(ctx context.Context) ([]Worker, error)
	// Read reads the counters as they are now.
	Read(ctx context.Context) (Reading, error)
}

// Worker is a process that runs the app.
type Worker struct {
	PID    int
	Served bool // it has been seen to serve a request
}

// Reading is what a server has counted since it started.
type Reading struct {
	Counters  results.Counters
	PerWorker []uint64 // requests of each worker, where they are counted
}

// Since is what was counted between an earlier reading and this one: for a peak the greater of
// the two, otherwise the difference. Counters that only one of them has are left out.
func (r Reading) Since(before Reading) Reading {
	d := Reading{Counters: results.Counters{}}
	for name, now := range r.Counters {
		switch old, known := before.Counters[name]; {
		case !known:
		case results.IsPeak(name):
			d.Counters[name] = max(now, old)
		default:
			d.Counters[name] = now - old
		}
	}
	for i := range min(len(r.PerWorker), len(before.PerWorker)) {
		d.PerWorker = append(d.PerWorker, r.PerWorker[i]-before.PerWorker[i])
	}
	return d
}

// Peaks are the counters that must be read often, since their values come and go.
func (k Kind) Peaks() []string {
	var names []string
	for _, c := range k.Counters {
		if results.IsPeak(c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}

// Kinds is the table of all kinds.
func Kinds() []Kind { return []Kind{uwsgi, vassals, nginx, procs, marks, postgres, redis} }

// Lookup returns a kind by its name. An empty name stands for a process that nothing observes;
// its kind has no Open.
func Lookup(name string) (Kind, error) {
	if name == "" {
		return Kind{}, nil
	}
	var known []string
	for _, k := range Kinds() {
		if k.Name == name {
			return k, nil
		}
		known = append(known, k.Name)
	}
	return Kind{}, fmt.Errorf("stats %q: want one of %s", name, strings.Join(known, ", "))
}

// readTimeout bounds one reading of a server's statistics.
const readTimeout = time.Second
