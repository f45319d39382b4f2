package servers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"bench/internal/proc"
	"bench/results"
	"bench/targets"
)

// Keeper starts processes that die with bench; see proc.Keeper.
type Keeper = proc.Keeper

// NewKeeper starts a keeper; argv must run Keep in this same program.
func NewKeeper(argv []string) (*Keeper, error) { return proc.NewKeeper(argv) }

// Site is where clusters are booted: a machine, a keeper and working folders.
type Site struct {
	Host    Host
	Keeper  *Keeper
	Scratch string               // each boot gets a folder below it
	Locks   string               // port reservations of all bench processes of this user
	Cache   string               // bench's own folder of tools and apps, which other users pass through; may be empty
	Timeout time.Duration        // of a boot
	Dial    DialFunc             // how clusters are reached; nil: as the system does
	Fleet   Fleet                // the hosts that clusters run on; nil: this machine
	From    http.RoundTripper    // who asks a cluster on a fleet whether it is ready
	Say     func(string)         // receives what the preparation does; may be nil
	Notes   []results.Diagnostic // what the preparation found
}

// note keeps what the user has to know about the app.
func (s *Site) note(d results.Diagnostic) { s.Notes = append(s.Notes, d) }

func (s *Site) say(text string) {
	if s.Say != nil {
		s.Say(text)
	}
}

// Check returns why the topology cannot be rendered for the app or booted, if it cannot. It
// starts nothing.
func (s *Site) Check(t Topology, app targets.App) error {
	d, err := Define(t)
	if err != nil {
		return err
	}
	if s.Fleet == nil {
		err = d.Missing(s.Host)
	}
	if err != nil {
		return err
	}
	_, err = d.Blueprint(app, s.onFleet(s.Host).probable())
	return err
}

// probable is the host with placeholders for what each boot has of its own. Tools and folders are as they will
// be written.
func (h Host) probable() Host {
	canonical := h.canonical(nil)
	canonical.Tools, canonical.Build, canonical.Tree = h.Tools, h.Build, h.Tree
	for process, hosts := range h.Placed {
		for i, host := range hosts {
			at := &canonical.Placed[process][i]
			at.Tools, at.Build, at.Tree, at.Address = host.Tools, host.Build, host.Tree, host.Address
		}
	}
	return canonical
}

// Boot boots a topology on free ports in a fresh folder. Closing the cluster releases both. On
// error nothing is left running. The cluster of a running server owns no process, and closing
// it stops nothing.
func (s *Site) Boot(ctx context.Context, t Topology, app targets.App) (*Cluster, error) {
	return s.boot(ctx, builtin(), t, app)
}

func (s *Site) boot(ctx context.Context, from catalog, t Topology, app targets.App) (*Cluster, error) {
	d, err := from.define(t)
	if err != nil {
		return nil, &ConfigError{err}
	}
	timeout := fmt.Errorf("the boot timeout of %v: %w", s.Timeout, context.DeadlineExceeded)
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout, timeout)
	defer cancel()
	if s.Fleet != nil && d.Boots() {
		h := s.onFleet(s.Host.fresh(""))
		l, err := d.layout(app, h)
		if err != nil {
			return nil, err
		}
		return s.bootFleet(ctx, d, l, h)
	}
	if err := d.Missing(s.Host); err != nil {
		return nil, &BootError{Topology: t, Diagnostic: "a tool is missing", Err: err}
	}
	dir, err := os.MkdirTemp(s.Scratch, t.Short()+"-")
	if err != nil {
		return nil, &BootError{Topology: t, Err: err}
	}
	host := s.Host.fresh(dir)
	l, err := d.layout(app, host)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	ports, err := ReservePorts(s.Locks, l.ports[host.Name])
	if err != nil {
		return nil, errors.Join(&BootError{Topology: t, Err: err}, os.RemoveAll(dir))
	}
	release := func() error { return errors.Join(os.RemoveAll(dir), ports.Close()) }
	host.Ports = ports.Numbers
	b, err := l.blueprint(host.free())
	if err != nil {
		return nil, errors.Join(err, release())
	}
	c, err := b.Boot(ctx, s.Keeper, s.Dial)
	if err != nil {
		return nil, errors.Join(err, release())
	}
	c.release = release
	return c, nil
}
