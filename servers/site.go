package servers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
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
	Timeout time.Duration        // of a boot
	Dial    DialFunc             // how clusters are reached; nil: as the system does
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
	if err := d.Missing(s.Host); err != nil {
		return err
	}
	canonical := s.Host.canonical(nil)
	// As they will be written.
	canonical.Tools, canonical.Build, canonical.Tree = s.Host.Tools, s.Host.Build, s.Host.Tree
	_, err = d.Blueprint(app, canonical)
	return err
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
	if err := d.Missing(s.Host); err != nil {
		return nil, &BootError{Topology: t, Diagnostic: "a tool is missing", Err: err}
	}
	dir, err := os.MkdirTemp(s.Scratch, t.Short()+"-")
	if err != nil {
		return nil, &BootError{Topology: t, Err: err}
	}
	host := s.Host
	host.Dir, host.Secret = dir, rand.Text()
	l, err := d.layout(app, host)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	ports, err := ReservePorts(s.Locks, l.ports)
	if err != nil {
		return nil, errors.Join(&BootError{Topology: t, Err: err}, os.RemoveAll(dir))
	}
	release := func() error { return errors.Join(os.RemoveAll(dir), ports.Close()) }
	b, err := l.blueprint(ports.Numbers)
	if err != nil {
		return nil, errors.Join(err, release())
	}
	timeout := fmt.Errorf("the boot timeout of %v: %w", s.Timeout, context.DeadlineExceeded)
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout, timeout)
	defer cancel()
	c, err := b.Boot(ctx, s.Keeper, s.Dial)
	if err != nil {
		return nil, errors.Join(err, release())
	}
	c.release = release
	return c, nil
}
