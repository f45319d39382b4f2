package hosts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"bench/fleet"
	"bench/fleet/place"
	"bench/loadgen"
	"bench/results"
	"bench/servers"
	"bench/targets"
)

// Options are what a fleet needs to know of the world.
type Options struct {
	Version string
	Program string   // the path of this program
	Binary  string   // its SHA-256
	Dir     string   // where what generators record is kept until it has been collected
	Env     []string // of local processes
	SSH     []string // the command for ssh, with its own flags
	// Serve and Load are the arguments with which this program is the worker of a host with servers, or of one
	// that the load comes from, which Allow extends by a host that it may load.
	Serve, Load []string
	Allow       func(host string) []string
	Engine      json.RawMessage // of the load, as workers understand it
	Say         func(string)
}

// Fleet is the hosts of a fleet file. It starts nothing until it is opened, and must be closed.
type Fleet struct {
	File
	options Options

	serving   []Machine
	processes []string
	hosts     *fleet.Fleet // a worker on each host with servers
	load      *fleet.Fleet // and on each that the load comes from
	known     []results.FleetHost
	ready     map[string]servers.Host
}

// New is a fleet whose hosts have not been asked yet.
func New(f File, o Options) *Fleet { return &Fleet{File: f, options: o} }

// Open starts the workers of the hosts that run those processes, and of those that the load comes from. On error
// nothing is left running.
func (f *Fleet) Open(ctx context.Context, processes []string) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	f.processes, f.serving = processes, f.File.Serving(processes)
	f.say(fmt.Sprintf("starting workers on %s", list(append(slices.Clone(f.serving), f.generators()...))))
	if f.hosts, err = f.start(ctx, f.serving, f.options.Serve); err != nil {
		return err
	}
	f.known = make([]results.FleetHost, len(f.serving))
	if err := f.each(func(i int) error { return f.look(ctx, i) }); err != nil {
		return err
	}
	args := slices.Clone(f.options.Load)
	for _, host := range f.known {
		args = append(args, f.options.Allow(host.Address)...)
	}
	f.load, err = f.start(ctx, f.generators(), args)
	return err
}

func (f *Fleet) generators() (all []Machine) {
	for _, name := range f.Load {
		all = append(all, f.On(name))
	}
	return all
}

func list(machines []Machine) string {
	var names []string
	for _, m := range machines {
		if !slices.Contains(names, m.Name) {
			names = append(names, m.Name)
		}
	}
	return strings.Join(names, ", ")
}

func (f *Fleet) say(text string) {
	if f.options.Say != nil {
		f.options.Say(text)
	}
}

// start starts a worker on each of the hosts.
func (f *Fleet) start(ctx context.Context, on []Machine, args []string) (*fleet.Fleet, error) {
	where := place.Named{}
	for _, m := range on {
		p, err := f.on(m, args, nil)
		if err != nil {
			return nil, fmt.Errorf("host %s: %w", m.Name, err)
		}
		where.Names, where.Places = append(where.Names, m.Name), append(where.Places, p)
	}
	return fleet.Open(ctx, fleet.Config{
		Place: where, Version: f.options.Version, Binary: f.options.Binary, Dir: f.options.Dir, Engine: f.options.Engine,
	})
}

// on is where this program runs with arguments on a host. What it says on standard error is heard, unless that is nil.
func (f *Fleet) on(m Machine, args []string, heard io.Writer) (fleet.Place, error) {
	kind := place.HostKinds[slices.IndexFunc(place.HostKinds, func(k place.HostKind) bool { return k.Name == m.Kind })]
	return kind.On(m.Target, place.Options{
		Program: f.options.Program, Binary: f.options.Binary, Args: args, Env: f.options.Env, SSH: f.options.SSH,
		Heard: heard,
	})
}

// each does something with every host that has servers, at once. Errors carry the host's name.
func (f *Fleet) each(do func(i int) error) error {
	errs := make([]error, len(f.serving))
	var all sync.WaitGroup
	for i, m := range f.serving {
		all.Go(func() {
			if err := do(i); err != nil {
				errs[i] = fmt.Errorf("host %s: %w", m.Name, err)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// look asks a host what it is, and where the others reach it.
func (f *Fleet) look(ctx context.Context, i int) error {
	l, err := ask[looked](ctx, f.hosts, i, dutyLook, nothing{})
	if err != nil {
		return err
	}
	m := f.serving[i]
	switch {
	case m.Address == "" && len(l.Addresses) == 1:
		m.Address = l.Addresses[0]
	case m.Address == "":
		return &servers.ConfigError{Err: fmt.Errorf("it has %d addresses (%s): say which one the other hosts reach, as in "+
			"addresses: [ADDRESS] beside %s", len(l.Addresses), strings.Join(l.Addresses, ", "), m.Kind)}
	case !slices.Contains(l.Addresses, m.Address) && m.Address != "127.0.0.1":
		return &servers.ConfigError{Err: fmt.Errorf("%s is not one of its own addresses (%s), so that no server can listen "+
			"there: name one of those under addresses", m.Address, strings.Join(l.Addresses, ", "))}
	}
	if m.Cores > l.Host.Cores {
		return &servers.ConfigError{Err: fmt.Errorf("cores: %d: it has %d", m.Cores, l.Host.Cores)}
	}
	f.known[i] = results.FleetHost{Name: m.Name, Kind: m.Kind, Target: m.Target, Address: m.Address, Host: l.Host}
	return nil
}

// Settle brings a prepared app to the hosts, and finds those tools there. The site boots on them from then on.
func (f *Fleet) Settle(ctx context.Context, site *servers.Site, app targets.App, keep bool, tools []string) error {
	h := site.Host
	folder := app.Folder()
	if h.Tree != "" {
		folder = h.Tree
	}
	b, err := pack(filepath.Join(site.Scratch, "bundle.tar"),
		[][2]string{{appFolder, folder}, {stateFolder, h.State}, {buildFolder, h.Build}})
	if err != nil {
		return err
	}
	defer os.Remove(b.path)
	b.Keep = keep
	dir, err := filepath.Rel(app.Folder(), app.Dir)
	if err != nil {
		return fmt.Errorf("bundling the app: %w", err)
	}
	f.ready = map[string]servers.Host{}
	var mu sync.Mutex
	err = f.each(func(i int) error {
		if err := f.give(ctx, i, b); err != nil {
			return err
		}
		s, err := ask[settled](ctx, f.hosts, i, dutySettle, settling{
			Bundle: b, App: app, Dir: dir, HealthHeader: app.HealthHeader, Secrets: app.Secrets, Tools: tools,
			Tree: h.Tree != "", Overlay: h.Overlay != "", Address: f.known[i].Address,
		})
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		f.ready[f.serving[i].Name] = s.Host
		f.known[i].Tools = s.Host.Tools.Versions()
		for _, note := range s.Notes {
			note.Message = "host " + f.serving[i].Name + ": " + note.Message
			site.Notes = append(site.Notes, note)
		}
		return nil
	})
	site.Fleet, site.From = f, f
	return err
}

// pieceSize is how much of a bundle one message has.
const pieceSize = 1 << 20

// give gives a host a bundle, unless it has it.
func (f *Fleet) give(ctx context.Context, i int, b bundle) error {
	if b.Keep {
		have, err := ask[bool](ctx, f.hosts, i, dutyGive, piece{Hash: b.Hash})
		if have || err != nil {
			return err
		}
	}
	in, err := os.Open(b.path)
	if err != nil {
		return err
	}
	defer in.Close()
	data := make([]byte, pieceSize)
	for at := int64(0); at < b.Size; {
		n, err := io.ReadFull(in, data)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("reading the bundle of the app: %w", err)
		}
		if _, err := ask[bool](ctx, f.hosts, i, dutyGive, piece{b.Hash, at, data[:n]}); err != nil {
			return fmt.Errorf("bringing the app there: %w", err)
		}
		at += int64(n)
	}
	return nil
}

// Placed implements servers.Fleet.
func (f *Fleet) Placed() map[string][]servers.Host {
	placed := map[string][]servers.Host{}
	for _, process := range f.processes {
		for _, name := range f.Placement.Hosts(process) {
			h := f.ready[name]
			i := slices.IndexFunc(f.serving, func(m Machine) bool { return m.Name == name })
			h.Name, h.Address = name, f.known[i].Address
			if cores := f.serving[i].Cores; cores > 0 {
				h.Cores = cores
			}
			placed[process] = append(placed[process], h)
		}
	}
	return placed
}

// Measurer carries out loads from the hosts that the load comes from.
func (f *Fleet) Measurer() loadgen.Measurer { return f.load }

// Record is what the hosts are, for a manifest.
func (f *Fleet) Record() []results.FleetHost {
	all := slices.Clone(f.known)
	for i := range all {
		for _, process := range f.processes {
			if slices.Contains(f.Placement.Hosts(process), all[i].Name) {
				all[i].Runs = append(all[i].Runs, process)
			}
		}
	}
	for _, m := range f.generators() {
		at := slices.IndexFunc(all, func(h results.FleetHost) bool { return h.Name == m.Name })
		if at < 0 {
			at, all = len(all), append(all, results.FleetHost{Name: m.Name, Kind: m.Kind, Target: m.Target, Address: m.Address})
		}
		all[at].Runs = append(all[at].Runs, load)
	}
	return all
}

// Close ends the workers, and with them everything that they have started. It may be called more than once.
func (f *Fleet) Close() (err error) {
	for _, workers := range []**fleet.Fleet{&f.load, &f.hosts} {
		if *workers != nil {
			err = errors.Join(err, (*workers).Close())
		}
		*workers = nil
	}
	return err
}

var _ http.RoundTripper = (*Fleet)(nil)
