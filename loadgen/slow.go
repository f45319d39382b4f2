package loadgen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bench/results"
	"bench/targets"
)

// SlowClients is a population of slow clients: what a server meets on the internet, and what a proxy
// in front of a few workers is for. They run next to a load and are counted apart from it.
type SlowClients struct {
	Kind    SlowKind      `json:"kind"`
	Clients int           `json:"clients"`
	Every   time.Duration `json:"every_ns"` // between two bytes
	// From is when they come, since the start of the load, and For how long they stay. Without a For they
	// stay to the end; without either they are there before the load starts.
	From time.Duration `json:"from_ns,omitempty"`
	For  time.Duration `json:"for_ns,omitempty"`
}

// SlowKind is the way in which a client is slow.
type SlowKind string

const (
	SlowHeaders SlowKind = "headers" // sends the header byte by byte
	SlowBody    SlowKind = "body"    // sends a header, then a body of 1 KiB byte by byte
	SlowRead    SlowKind = "read"    // sends a request, and reads the response byte by byte into a small window
	SlowIdle    SlowKind = "idle"    // connects and sends nothing
)

var slowKinds = []SlowKind{SlowHeaders, SlowBody, SlowRead, SlowIdle}

// ParseSlow reads populations written as "headers:200".
func ParseSlow(texts []string, every time.Duration) (all []SlowClients, err error) {
	for _, text := range texts {
		kind, count, _ := strings.Cut(text, ":")
		n, err := strconv.Atoi(count)
		s := SlowClients{Kind: SlowKind(kind), Clients: n, Every: every}
		if err != nil || s.Validate() != nil {
			form := fmt.Errorf("%q: want KIND:N with one of %v and a number of clients, such as headers:200", text, slowKinds)
			return nil, errors.Join(form, s.Validate())
		}
		all = append(all, s)
	}
	return all, nil
}

// Validate reports what is wrong with the population.
func (s SlowClients) Validate() error {
	known := false
	for _, k := range slowKinds {
		known = known || k == s.Kind
	}
	if !known || s.Clients < 1 || s.Clients > 100_000 || s.Every < time.Millisecond || s.Every > time.Hour {
		return fmt.Errorf("slow clients %s: %d, a byte every %v: want one of %v, 1 to 100000 clients, a byte every 1ms to 1h",
			s.Kind, s.Clients, s.Every, slowKinds)
	}
	return nil
}

// population is a running population of slow clients.
type population struct {
	SlowClients
	plan    Plan
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	address string
	host    string
	target  *targets.Target

	running                           sync.WaitGroup
	opened, refused, closed, answered atomic.Uint64
	held                              atomic.Int64
}

// startSlow starts the plan's slow clients, and returns the function that stops them and
// returns their outcome.
func startSlow(ctx context.Context, p Plan, guard Guard) (func() []results.Slow, error) {
	if len(p.Slow) == 0 {
		return func() []results.Slow { return nil }, nil
	}
	if err := guard.Check(p.URL); err != nil {
		return nil, err
	}
	u, err := url.Parse(p.URL)
	if err != nil || u.Scheme != "http" {
		return nil, fmt.Errorf("slow clients: %q: they speak only http", p.URL)
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "80")
	}
	ctx, cancel := context.WithCancel(ctx)
	var all []*population
	for _, s := range p.Slow {
		whole := time.Duration(s.Clients)
		s.Clients = int(p.Part.Share(uint64(s.Clients)))
		pop := &population{
			SlowClients: s, plan: p, dial: guard.Dialer(net.Dialer{}), address: address, host: u.Host, target: &p.Mix.Targets[0],
		}
		for i := range s.Clients {
			// Spread over a period, so that their bytes do not come in lockstep.
			first := s.Every * time.Duration(p.Part.Nth(uint64(i))) / whole
			pop.running.Go(func() { pop.client(ctx, first) })
		}
		all = append(all, pop)
	}
	return func() (outcome []results.Slow) {
		for _, pop := range all {
			outcome = append(outcome, results.Slow{Kind: string(pop.Kind), Clients: pop.Clients, Held: int(pop.held.Load())})
		}
		cancel()
		for i, pop := range all {
			pop.running.Wait()
			outcome[i].Opened, outcome[i].Refused = pop.opened.Load(), pop.refused.Load()
			outcome[i].Closed, outcome[i].Answered = pop.closed.Load(), pop.answered.Load()
		}
		return outcome
	}, nil
}

// client connects again and again; if the server closes or refuses, it tries again after one
// period.
func (p *population) client(ctx context.Context, first time.Duration) {
	for wait := first; pause(ctx, wait); wait = p.Every {
		conn, err := p.dial(ctx, "tcp", p.address)
		if err != nil {
			if ctx.Err() == nil {
				p.refused.Add(1)
			}
			continue
		}
		p.opened.Add(1)
		p.held.Add(1)
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		done := p.talk(ctx, conn)
		if stop() {
			_ = conn.Close()
		}
		p.held.Add(-1)
		if !done && ctx.Err() == nil {
			p.closed.Add(1)
		}
	}
}

// talk is one slow request. It reports whether the client completed it.
func (p *population) talk(ctx context.Context, conn net.Conn) bool {
	fields := " " + p.target.RequestURI() + " HTTP/1.1\r\nHost: " + p.host + "\r\nUser-Agent: bench-slow\r\n"
	get := p.target.Method + fields + "\r\n"
	switch p.Kind {
	case SlowHeaders:
		return p.drip(ctx, conn, get) && p.answer(conn)
	case SlowBody:
		const length = 1 << 10
		head := "POST" + fields + "Content-Length: " + strconv.Itoa(length) + "\r\n\r\n"
		if _, err := conn.Write([]byte(head)); err != nil {
			return false
		}
		return p.drip(ctx, conn, strings.Repeat("x", length)) && p.answer(conn)
	case SlowRead:
		if tcp, is := conn.(*net.TCPConn); is {
			_ = tcp.SetReadBuffer(1) // the kernel's minimum
		}
		if _, err := conn.Write([]byte(get)); err != nil {
			return false
		}
		one := make([]byte, 1)
		for first := true; ; first = false {
			if _, err := conn.Read(one); err != nil {
				return false
			}
			if first {
				p.answered.Add(1)
			}
			if !pause(ctx, p.Every) {
				return true
			}
		}
	}
	_, err := conn.Read(make([]byte, 1)) // idle: until the server gives up
	return err == nil
}

// drip sends a text byte by byte, and notices a server that closes.
func (p *population) drip(ctx context.Context, conn net.Conn, text string) bool {
	for i := range len(text) {
		if _, err := conn.Write([]byte(text[i : i+1])); err != nil {
			return false
		}
		if !pause(ctx, p.Every) {
			return true
		}
	}
	return true
}

func (p *population) answer(conn net.Conn) bool {
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		return false
	}
	p.answered.Add(1)
	return true
}

// pause waits, and reports whether to continue.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
