package hosts

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"bench/fleet"
	"bench/loadgen"
	"bench/servers"
	"bench/targets"
)

// Station is what a worker on a host keeps: the app, and the host's parts of clusters. It must be closed.
type Station struct {
	Cache     string   // of bench on this host
	Temporary string   // the folder of scratch files; "": the system's
	Keeper    []string // the command line of the keeper process
	// Survey describes this host with those tools for the app.
	Survey func(ctx context.Context, app targets.App, tools []string) (servers.Host, error)

	mu      sync.Mutex // guards what follows
	keeper  *servers.Keeper
	scratch string
	site    *servers.Site
	app     targets.App
	address string
	rooms   map[int]*chamber
	last    int
}

// chamber is a folder and ports for one boot, and what runs there.
type chamber struct {
	folder  string
	ports   *servers.Ports
	cluster *servers.Cluster // nil: not started
}

// Duties are what the worker may be asked for.
func (s *Station) Duties() map[string]fleet.Duty {
	return map[string]fleet.Duty{
		dutyLook: duty(s.look), dutyGive: duty(s.give), dutySettle: duty(s.settle), dutyRoom: duty(s.makeRoom),
		dutyStart: duty(s.start), dutyAsk: duty(s.ask), dutyAwait: duty(s.await), dutyStop: duty(s.stop),
	}
}

// look says what the host is.
func (s *Station) look(context.Context, nothing) (looked, error) {
	addresses, err := net.InterfaceAddrs()
	l := looked{Host: servers.ThisHost().Record()}
	for _, a := range addresses {
		if ip, is := a.(*net.IPNet); is && ip.IP.To4() != nil && ip.IP.IsGlobalUnicast() {
			l.Addresses = append(l.Addresses, ip.IP.String())
		}
	}
	return l, err
}

// open starts the keeper and makes the scratch folder, once. The lock is held.
func (s *Station) open() (err error) {
	if s.scratch != "" {
		return nil
	}
	if s.keeper, err = servers.NewKeeper(s.Keeper); err != nil {
		return err
	}
	s.scratch, err = s.keeper.MakeScratch(s.Temporary, "bench-host-")
	return err
}

// kept is the folder of a bundle.
func (s *Station) kept(b bundle) string {
	if b.Keep {
		return filepath.Join(s.Cache, "bundles", b.Hash)
	}
	return filepath.Join(s.scratch, "bundle")
}

// give takes a piece of a bundle. The one without data asks whether it is there already.
func (s *Station) give(_ context.Context, p piece) (have bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sum, err := hex.DecodeString(p.Hash); err != nil || len(sum) != 32 {
		return false, fmt.Errorf("%q is not the hash of a bundle", p.Hash)
	}
	if err := s.open(); err != nil {
		return false, err
	}
	if len(p.Data) == 0 {
		_, err := os.Stat(s.kept(bundle{Hash: p.Hash, Keep: true}))
		return err == nil, nil
	}
	f, err := os.OpenFile(s.pieces(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return false, err
	}
	_, err = f.WriteAt(p.Data, p.At)
	return false, errors.Join(err, f.Close())
}

func (s *Station) pieces() string { return filepath.Join(s.scratch, "bundle.tar") }

// unpacked is the folder of a bundle, unpacked if it was not.
func (s *Station) unpacked(b bundle) (dir string, err error) {
	dir = s.kept(b)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	f, err := os.Open(s.pieces())
	if err != nil {
		return dir, err
	}
	defer os.Remove(s.pieces())
	defer f.Close()
	if err := verify(f, b.Hash); err != nil {
		return dir, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o711); err != nil {
		return dir, err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), ".bundle-")
	if err != nil {
		return dir, err
	}
	defer os.RemoveAll(fresh)
	if err := errors.Join(unpack(f, fresh), os.Chmod(fresh, 0o711)); err != nil {
		return dir, fmt.Errorf("unpacking the app: %w", err)
	}
	if err := os.Rename(fresh, dir); err != nil {
		if _, other := os.Stat(dir); other != nil { // else another worker was faster
			return dir, err
		}
	}
	return dir, nil
}

// settle gets the host ready to boot the app.
func (s *Station) settle(ctx context.Context, o settling) (settled, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(); err != nil {
		return settled{}, err
	}
	dir, err := s.unpacked(o.Bundle)
	if err != nil {
		return settled{}, err
	}
	s.app, s.address = o.app(filepath.Join(dir, appFolder)), o.Address
	host, err := s.Survey(ctx, s.app, o.Tools)
	if err != nil {
		return settled{}, err
	}
	if host.Tools, err = host.Tools.Plain(s.scratch); err != nil {
		return settled{}, err
	}
	host.State, host.Build = filepath.Join(dir, stateFolder), filepath.Join(dir, buildFolder)
	if host.Project = s.app.Root; o.Tree {
		host.Tree = s.app.Root
	}
	if o.Overlay {
		host.Overlay = filepath.Join(s.scratch, "overlay")
		if err := servers.WriteOverlay(host.Overlay); err != nil {
			return settled{}, err
		}
	}
	s.site = &servers.Site{
		Host: host, Keeper: s.keeper, Scratch: s.scratch, Locks: filepath.Join(s.Cache, "ports"),
		Cache: s.Cache,
	}
	s.site.DropPrivileges(ctx, s.app)
	return settled{s.site.Host, s.site.Notes}, nil
}

// app is the app in a folder of this host.
func (o settling) app(folder string) targets.App {
	app := o.App
	app.Root, app.Dir = folder, filepath.Join(folder, o.Dir)
	app.HealthHeader, app.Secrets, app.Owned = o.HealthHeader, o.Secrets, true
	return app
}

// makeRoom makes a folder and holds ports.
func (s *Station) makeRoom(_ context.Context, o roomOrder) (room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.site == nil {
		return room{}, errors.New("there is no app on this host yet")
	}
	ports, err := servers.ReservePorts(s.site.Locks, o.Ports, s.address)
	if err != nil {
		return room{}, err
	}
	folder, err := os.MkdirTemp(s.scratch, "boot-")
	if err != nil {
		return room{}, errors.Join(err, ports.Close())
	}
	s.last++
	if s.rooms == nil {
		s.rooms = map[int]*chamber{}
	}
	s.rooms[s.last] = &chamber{folder: folder, ports: ports}
	return room{s.last, folder, ports.Numbers}, nil
}

func (s *Station) room(id int) (*chamber, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.rooms[id]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("this host keeps nothing under the number %d", id)
}

// start starts a part of a cluster.
func (s *Station) start(ctx context.Context, o startOrder) (nothing, error) {
	c, err := s.room(o.Room)
	if err != nil {
		return nothing{}, err
	}
	cluster, err := o.Blueprint.Hiding(s.app.Secrets).Start(ctx, s.keeper)
	s.mu.Lock()
	defer s.mu.Unlock()
	c.cluster = cluster
	return nothing{}, err
}

// running is a part that has been started.
func (s *Station) running(id int) (*servers.Cluster, error) {
	c, err := s.room(id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.cluster == nil {
		return nil, errors.New("it has not been started")
	}
	return c.cluster, nil
}

// questions are what a part may be asked for.
var questions = map[string]func(context.Context, *servers.Cluster, *answered) error{
	"workers": func(ctx context.Context, c *servers.Cluster, a *answered) (err error) {
		a.Workers, err = c.Workers(ctx)
		return err
	},
	"usage": func(_ context.Context, c *servers.Cluster, a *answered) (err error) {
		a.Usage, err = c.Usage()
		return err
	},
	"counters": func(ctx context.Context, c *servers.Cluster, a *answered) (err error) {
		a.Counters, err = c.Counters(ctx)
		return err
	},
	"peaks": func(ctx context.Context, c *servers.Cluster, a *answered) error {
		a.Peaks = c.Peaks(ctx)
		return nil
	},
	"evidence": func(_ context.Context, c *servers.Cluster, a *answered) error {
		a.Evidence = c.Evidence()
		return nil
	},
}

func (s *Station) ask(ctx context.Context, q question) (a answered, err error) {
	c, err := s.running(q.Room)
	if err != nil {
		return a, err
	}
	answer := questions[q.What]
	if answer == nil {
		return a, fmt.Errorf("%q is not something that a part is asked for", q.What)
	}
	return a, answer(ctx, c, &a)
}

// awaitFor is how long one question whether a part has died stays open.
const awaitFor = 10 * time.Second

// await answers when a part has died, or after a while.
func (s *Station) await(ctx context.Context, q question) (a answered, err error) {
	c, err := s.running(q.Room)
	if err != nil {
		return a, err
	}
	select {
	case <-c.Dead():
		a.Dead, a.Why = true, c.Died().Error()
	case <-c.Closed():
	case <-ctx.Done():
	case <-time.After(awaitFor):
	}
	return a, nil
}

// stop ends a part, and gives back its ports and its folder.
func (s *Station) stop(_ context.Context, q question) (nothing, error) {
	s.mu.Lock()
	c := s.rooms[q.Room]
	delete(s.rooms, q.Room)
	s.mu.Unlock()
	if c == nil {
		return nothing{}, nil
	}
	return nothing{}, c.close()
}

func (c *chamber) close() (err error) {
	if c.cluster != nil {
		err = c.cluster.Close()
	}
	return errors.Join(err, os.RemoveAll(c.folder), c.ports.Close())
}

// Close ends everything that the worker has started, and removes what it wrote for this run.
func (s *Station) Close() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.rooms {
		err = errors.Join(err, c.close())
	}
	if s.scratch != "" {
		err = errors.Join(err, s.keeper.RemoveScratch(s.scratch))
	}
	if s.keeper != nil {
		err = errors.Join(err, s.keeper.Close())
	}
	return err
}

// mostExchanged bounds a response, which has to fit a message.
const mostExchanged = 5 << 20

// Exchange is the duty of a generator's host to send a request of bench's own, where its guard allows that, and
// to return the whole response.
func Exchange(guard loadgen.Guard) map[string]fleet.Duty {
	dial := guard.Dialer(net.Dialer{})
	return map[string]fleet.Duty{dutyExchange: duty(func(ctx context.Context, o exchangeOrder) (e exchanged, err error) {
		ctx, cancel := context.WithTimeout(ctx, o.Within)
		defer cancel()
		conn, err := dial(ctx, "tcp", o.Address)
		if err != nil {
			return e, err
		}
		defer conn.Close()
		deadline, _ := ctx.Deadline()
		if err := errors.Join(conn.SetDeadline(deadline), sendAll(conn, o.Request)); err != nil {
			return e, err
		}
		e.Response, err = io.ReadAll(io.LimitReader(conn, mostExchanged+1))
		if len(e.Response) > mostExchanged {
			return exchanged{}, fmt.Errorf("the response has more than %d MiB", mostExchanged>>20)
		}
		return e, err
	})}
}

func sendAll(to io.Writer, data []byte) error {
	_, err := io.Copy(to, bytes.NewReader(data))
	return err
}
