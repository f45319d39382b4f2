package hosts

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"bench/fleet"
	"bench/results"
	"bench/servers"
)

// part is a host's part of a cluster, as it is asked from here.
type part struct {
	workers *fleet.Fleet
	worker  int // of these
	room

	dead    chan struct{}
	why     error // read after dead
	closing context.Context
	close   context.CancelFunc
	watch   sync.WaitGroup
}

// Room implements servers.Fleet.
func (f *Fleet) Room(ctx context.Context, host string, ports int) (servers.Part, error) {
	i := slices.IndexFunc(f.serving, func(m Machine) bool { return m.Name == host })
	r, err := ask[room](ctx, f.hosts, i, dutyRoom, roomOrder{ports})
	if err != nil {
		return nil, err
	}
	p := &part{workers: f.hosts, worker: i, room: r, dead: make(chan struct{})}
	p.closing, p.close = context.WithCancel(context.Background())
	return p, nil
}

func (p *part) Folder() string        { return p.room.Folder }
func (p *part) Ports() []int          { return p.room.Ports }
func (p *part) Dead() <-chan struct{} { return p.dead }
func (p *part) Died() error           { return p.why }

// Start implements servers.Part.
func (p *part) Start(ctx context.Context, b servers.Blueprint) error {
	if _, err := ask[nothing](ctx, p.workers, p.worker, dutyStart, startOrder{p.ID, b}); err != nil {
		return err
	}
	p.watch.Go(p.await)
	return nil
}

// await asks until the part has died, or is closed.
func (p *part) await() {
	for p.closing.Err() == nil {
		a, err := ask[answered](p.closing, p.workers, p.worker, dutyAwait, question{Room: p.ID})
		switch {
		case p.closing.Err() != nil:
			return
		case err != nil:
			p.why = err
		case a.Dead:
			p.why = errors.New(a.Why)
		default:
			continue
		}
		close(p.dead)
		return
	}
}

// ask asks the part for something.
func (p *part) ask(ctx context.Context, what string) (answered, error) {
	return ask[answered](ctx, p.workers, p.worker, dutyAsk, question{p.ID, what})
}

func (p *part) Workers(ctx context.Context) (int, error) {
	a, err := p.ask(ctx, "workers")
	return a.Workers, err
}

func (p *part) Usage(ctx context.Context) ([]results.Usage, error) {
	a, err := p.ask(ctx, "usage")
	return a.Usage, err
}

func (p *part) Counters(ctx context.Context) (servers.Counters, error) {
	a, err := p.ask(ctx, "counters")
	return a.Counters, err
}

func (p *part) Peaks(ctx context.Context) map[string]results.Counters {
	a, _ := p.ask(ctx, "peaks") // what cannot be read is left out
	return a.Peaks
}

// evidenceWithin bounds how long a host that may be gone is asked for its logs.
const evidenceWithin = 5 * time.Second

func (p *part) Evidence() map[string][]byte {
	ctx, cancel := context.WithTimeout(context.Background(), evidenceWithin)
	defer cancel()
	a, _ := p.ask(ctx, "evidence") // a host that is gone has none
	return a.Evidence
}

// stopWithin bounds how long a host may take to end a part.
const stopWithin = 10 * time.Second

// Close implements servers.Part. What a host that is gone had started ends there by itself.
func (p *part) Close() error {
	p.close()
	p.watch.Wait()
	if p.workers.Why(p.worker) != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	_, err := ask[nothing](ctx, p.workers, p.worker, dutyStop, question{Room: p.ID})
	if p.workers.Why(p.worker) != nil {
		return nil
	}
	return err
}

// exchangeWithin bounds a request that has no limit of its own.
const exchangeWithin = 30 * time.Second

// RoundTrip implements http.RoundTripper: the first host that the load comes from sends the request, so that
// whoever asks sees what the load will see.
func (f *Fleet) RoundTrip(r *http.Request) (*http.Response, error) {
	within := exchangeWithin
	if deadline, has := r.Context().Deadline(); has {
		within = time.Until(deadline)
	}
	var request bytes.Buffer
	sent := r.Clone(r.Context())
	sent.Close = true
	if err := sent.Write(&request); err != nil {
		return nil, err
	}
	address := r.URL.Host
	if r.URL.Port() == "" {
		address = net.JoinHostPort(r.URL.Hostname(), "80")
	}
	e, err := ask[exchanged](r.Context(), f.load, 0, dutyExchange, exchangeOrder{address, request.Bytes(), within})
	if err != nil {
		return nil, err
	}
	return http.ReadResponse(bufio.NewReader(bytes.NewReader(e.Response)), r)
}
