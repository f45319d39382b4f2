package servers

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"

	"bench/internal/proc"
	"bench/results"
	"bench/servers/probe"
	"bench/targets"
)

// Blueprint is a cluster before it starts: everything that will be written, started and
// requested is decided, and can be inspected.
type Blueprint struct {
	Topology    Topology // with every parameter
	Summary     string
	Roles       results.Roles // of its tiers
	Concurrency int           // requests worked on at once; 0: those of all connections
	EventLoop   bool          // that is by event loops, and not by one thread per connection
	Nagle       string        // why it may delay responses by Nagle's algorithm, and what ends that
	Development bool          // not meant for production
	Host        string        // that runs it, of a part; empty: this machine, or those of its parts
	Cores       int           // of that host
	URL         string
	Health      string // path
	// HealthHeader are the headers of a request for it, Host among them unless the address serves.
	HealthHeader map[string]string
	RunAs        *proc.User // who the processes run as; nil: as bench does
	Dir          string
	State        string // copied to StateDir before the start
	StateDir     string
	// Tree is copied to AppDir, and what Copied names is not shared with other boots; empty: the app
	// runs in its own folder.
	Tree, AppDir string
	Copied       []string

	secrets   map[string]string // values that no log may show
	layout    *layout           // what it was rendered from; nil if bench starts nothing
	Processes []Process
	Parts     []Blueprint // what each host of a fleet runs of it; none: all of it runs here
}

// Hiding is the blueprint with values that no log of it may show.
func (b Blueprint) Hiding(secrets map[string]string) Blueprint {
	b.secrets = secrets
	return b
}

// Queueing describes how the cluster's workers wait for work: the number of groups with a queue
// of their own, of processes in a group, and of requests that a process works on at once (0: those
// of all connections).
func (b Blueprint) Queueing() (queues, workers, threads int) {
	for _, p := range b.Processes {
		if p.Workers > 0 {
			queues++
			workers = p.Workers
		}
	}
	if queues == 0 {
		return 1, 1, max(0, b.Concurrency)
	}
	return queues, workers, b.Concurrency / (queues * workers)
}

// Loops is the number of processes of its proxies, one per event loop.
func (b Blueprint) Loops() int {
	loops := 1
	for _, p := range b.Processes {
		loops = max(loops, p.Loops)
	}
	return loops
}

// MachineCores is the number of cores that each group of workers has to itself: a quota of this machine's, or those
// of a host of a fleet; 0: they share cores.
func (b Blueprint) MachineCores() float64 {
	groups := map[string]int{} // by host
	for _, p := range b.Processes {
		if p.Workers > 0 && p.Cores > 0 {
			return p.Cores
		}
		if p.Workers > 0 {
			groups[p.Host]++
		}
	}
	least := 0
	for _, part := range b.Parts {
		switch n := groups[part.Host]; {
		case n > 1:
			return 0
		case n == 1 && (least == 0 || part.Cores < least):
			least = part.Cores
		}
	}
	return float64(least)
}

// WorkersTier is the tier in which the app itself runs.
func (b Blueprint) WorkersTier() string {
	for _, p := range b.Processes {
		switch {
		case p.Workers == 0:
		case p.findsWorkers():
			return cmp.Or(p.WorkerTier, p.Tier)
		default:
			return p.Tier // nothing shows which of its processes are workers
		}
	}
	for _, p := range b.Processes {
		if !p.Service {
			return p.Tier
		}
	}
	return ""
}

// UnknownConcurrency stands for a topology that does not say how many requests it works on at once.
const UnknownConcurrency = -1

// Process is one process of a blueprint.
type Process struct {
	Name       string
	Host       string // of a fleet; empty: this machine
	IP         string // where it listens
	Kind       string // its name in the topology, which replicas share
	Tier       string
	WorkerTier string
	LeaderTier string  // of the first process alone; empty: Tier
	Workers    int     // worker processes that must be seen to respond; 0 where they cannot be distinguished
	Loops      int     // event loops of a proxy, each a process
	Cores      float64 // CPU limit of it and its children; 0: none
	Argv       []string
	Env        []string
	Dir        string // working folder
	Home       string // folder of its files
	Files      []File
	Ports      map[string]int
	Stop       syscall.Signal
	Reload     syscall.Signal // on which it reads its files again; 0: none
	Entry      int            // the port on which it takes requests
	Relay      int            // where others reach that port, if bench stands between; 0: it does not
	IsEntry    bool           // clients connect to it directly
	Stats      string         // the kind of probe that observes it; empty: none
	// Service says that the app asks it, and not the clients; its folder gets a copy of Data before it starts.
	Service bool
	Data    string
	RunAs   *proc.User // instead of the blueprint's; nil: that one
}

func (p Process) findsWorkers() bool {
	kind, _ := probe.Lookup(p.Stats)
	return kind.Workers
}

// File is a rendered configuration file.
type File struct {
	Path string // absolute
	Text string
}

var stopSignals = map[string]syscall.Signal{
	"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "QUIT": syscall.SIGQUIT, "KILL": syscall.SIGKILL,
}

// Blueprint decides everything about a cluster of this topology for an app on a host. It
// reads the definition, but no clock, environment or network.
func (t Topology) Blueprint(app targets.App, h Host) (Blueprint, error) {
	d, err := Define(t)
	if err != nil {
		return Blueprint{}, &ConfigError{err}
	}
	return d.Blueprint(app, h)
}

// ConfigError reports that the description of a topology, or of the app in it, is not valid.
type ConfigError struct{ Err error }

func (e *ConfigError) Error() string { return e.Err.Error() }

func (e *ConfigError) Unwrap() error { return e.Err }

// Blueprint decides everything about a cluster of this definition for an app on a host.
func (d Definition) Blueprint(app targets.App, h Host) (Blueprint, error) {
	l, err := d.layout(app, h)
	if err != nil {
		return Blueprint{}, err
	}
	return l.blueprint(h.free())
}

// Canonical is the blueprint with placeholders for what differs between two boots of the same
// configuration: folders, ports and the paths of the tools.
func (t Topology) Canonical(app targets.App, h Host) (Blueprint, error) {
	d, err := Define(t)
	if err != nil {
		return Blueprint{}, &ConfigError{err}
	}
	return d.Canonical(app, h)
}

// Canonical is the blueprint with placeholders for what differs between two boots of the same
// configuration.
func (d Definition) Canonical(app targets.App, h Host) (Blueprint, error) {
	tools, err := d.Requires(h)
	if err != nil {
		return Blueprint{}, err
	}
	if h.Services == nil { // not prepared: what bench.yaml names is known
		h.Services = slices.DeleteFunc(slices.Clone(app.Services), func(name string) bool { return name == OwnServices })
	}
	for _, name := range h.Services {
		s, err := service(name)
		if err != nil {
			return Blueprint{}, err
		}
		tools = append(tools, s.Tool)
		if app.Settings != "" {
			h.Overlay = "/overlay"
		}
	}
	return d.Blueprint(app.Masked().In("/app"), h.canonical(tools))
}

// Fingerprint is a hash of the blueprint. A canonical blueprint's does not depend on where and
// when it is booted: two boots with equal fingerprints ran the same thing.
func (b Blueprint) Fingerprint() string {
	hash := sha256.New()
	b.write(hash)
	return hex.EncodeToString(hash.Sum(nil))[:16]
}

// Record is what a manifest says about an arm that boots the canonical blueprint.
func (b Blueprint) Record(name string) results.TopologyRecord {
	return results.TopologyRecord{
		Name: name, Ref: b.Topology.String(), Summary: b.Summary, Concurrency: b.Concurrency, EventLoop: b.EventLoop,
		Roles: b.Roles, ConfigHash: b.Fingerprint(), Nagle: b.Nagle, Development: b.Development,
	}
}

// String prints every file and command line, in the order in which they are used.
func (b Blueprint) String() string {
	var out strings.Builder
	b.write(&out)
	return out.String()
}

// where says on which host of a fleet a process runs.
func (p Process) where() string {
	if p.Host == "" {
		return ""
	}
	return " on " + p.Host
}

func (b Blueprint) write(w io.Writer) {
	fmt.Fprintf(w, "# %s: %s\n", b.Topology, b.Summary)
	concurrency := results.AtOnce(b.Concurrency, b.EventLoop)
	fmt.Fprintf(w, "# %s; ready when %s answers; concurrency: %s\n", b.URL, b.Health, concurrency)
	for _, p := range b.Processes {
		fmt.Fprintf(w, "\n## process %s (tier %s)%s\n", p.Name, p.Tier, p.where())
		if p.Cores > 0 {
			fmt.Fprintf(w, "## a separate machine: a control group of %g cores\n", p.Cores)
		}
		fmt.Fprintf(w, "cd %s\n", p.Dir)
		for _, variable := range p.Env {
			fmt.Fprintf(w, "%s \\\n", variable)
		}
		fmt.Fprintf(w, "%s\n", strings.Join(p.Argv, " "))
		for _, f := range p.Files {
			fmt.Fprintf(w, "\n### %s\n%s", f.Path, f.Text)
		}
	}
}
