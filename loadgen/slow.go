package loadgen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"bench/results"
	"bench/targets"

	"golang.org/x/sys/unix"
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
			return nil, fmt.Errorf("%q, a byte every %v: want KIND:N with one of %v and 1 to 100000 clients, "+
				"such as headers:200, and a byte every 1ms to 1h", text, every, slowKinds)
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

// The slow clients of a load are run by few goroutines: some that dial, since a dial may wait, and one for
// each population that sends and reads whatever is due, without ever waiting for a connection.
const (
	slowDialers = 16
	slowTurn    = 5 * time.Millisecond
)

// turns is how often a population looks for what is due: one of many thousands less often, since it looks
// at all of them.
func (s SlowClients) turns() time.Duration {
	return max(min(slowTurn, s.Every), time.Duration(s.Clients)*time.Microsecond)
}

// period is how often a client does something. One that sends nothing looks whether the server has closed
// its connection; of many thousands, each does so less often.
func (s SlowClients) period() time.Duration {
	if s.Kind == SlowIdle {
		return max(s.Every, time.Duration(s.Clients)*time.Second/5000)
	}
	return s.Every
}

// population is a running population of slow clients.
type population struct {
	SlowClients
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	address string
	request request

	running                           sync.WaitGroup
	opened, refused, closed, answered atomic.Uint64
	held                              atomic.Int64
}

// startSlow starts the plan's slow clients, those that come later when the load has begun, and returns the
// functions to call when it begins and when it ends. The second one returns their outcome.
func startSlow(ctx context.Context, p Plan, guard Guard) (begin func(), end func() []results.Slow, err error) {
	if len(p.Slow) == 0 {
		return func() {}, func() []results.Slow { return nil }, nil
	}
	if err := guard.Check(p.URL); err != nil {
		return nil, nil, err
	}
	u, err := url.Parse(p.URL)
	if err != nil || u.Scheme != "http" {
		return nil, nil, fmt.Errorf("slow clients: %q: they speak only http", p.URL)
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "80")
	}
	ctx, cancel := context.WithCancel(ctx)
	began := make(chan struct{})
	var all []*population
	for _, s := range p.Slow {
		whole := s.Clients
		s.Clients = int(p.Part.Share(uint64(s.Clients)))
		pop := &population{
			SlowClients: s, dial: guard.Dialer(p.source()), address: address,
			request: slowRequest(s.Kind, u.Host, &p.Mix.Targets[0]),
		}
		clients := make([]*slowClient, s.Clients)
		for i := range clients {
			// Spread over a period, so that their bytes do not come in lockstep.
			share := float64(p.Part.Nth(uint64(i))) / float64(whole)
			clients[i] = &slowClient{due: time.Duration(share * float64(s.Every))}
		}
		pop.running.Go(func() { pop.run(ctx, began, clients) })
		all = append(all, pop)
	}
	return func() { close(began) }, func() (outcome []results.Slow) {
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

// source opens connections from the source address of the plan's part: each has its own range of ports, and
// several processes need several.
func (p Plan) source() (d net.Dialer) {
	if all := p.Conns.Sources; len(all) > 0 {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(all[p.Part.Index%len(all)], 0))
	}
	return d
}

// request is what a slow client sends: a part at once, and the rest byte by byte.
type request struct{ atOnce, slowly string }

func slowRequest(kind SlowKind, host string, t *targets.Target) request {
	fields := " " + t.RequestURI() + " HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: bench-slow\r\n"
	switch kind {
	case SlowHeaders:
		return request{slowly: t.Method + fields + "\r\n"}
	case SlowBody:
		const length = 1 << 10
		head := "POST" + fields + "Content-Length: " + strconv.Itoa(length) + "\r\n\r\n"
		return request{head, strings.Repeat("x", length)}
	case SlowRead:
		return request{atOnce: t.Method + fields + "\r\n"}
	}
	return request{}
}

// slowClient is one client, with what it still has to send on its connection.
type slowClient struct {
	conn    net.Conn // nil: it has none
	dialing bool
	rest    string        // to send
	first   bool          // nothing has been read yet
	due     time.Duration // of its next byte, or of its next attempt to connect, since the population came
}

// dialled is the outcome of a client's attempt to connect.
type dialled struct {
	client *slowClient
	conn   net.Conn
}

// run is the population from when it comes to when it goes.
func (p *population) run(ctx context.Context, began <-chan struct{}, clients []*slowClient) {
	if p.From > 0 || p.For > 0 {
		select {
		case <-began:
		case <-ctx.Done():
			return
		}
		if !pause(ctx, p.From) {
			return
		}
	}
	if p.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.For)
		defer cancel()
	}
	wanted, came := make(chan *slowClient, len(clients)), make(chan dialled, len(clients))
	var dialers sync.WaitGroup
	for range min(slowDialers, len(clients)) {
		dialers.Go(func() { p.connect(ctx, wanted, came) })
	}
	arrived := time.Now()
	for pause(ctx, p.turns()) {
		p.turn(time.Since(arrived), clients, wanted, came)
	}
	close(wanted)
	dialers.Wait()
	close(came)
	for d := range came {
		if d.conn != nil {
			_ = d.conn.Close()
		}
	}
	for _, c := range clients {
		if c.conn == nil {
			continue
		}
		if tcp, is := c.conn.(*net.TCPConn); is && p.Kind == SlowIdle {
			_ = tcp.SetLinger(0) // nothing is under way, and thousands of ports would stay taken for a minute
		}
		_ = c.conn.Close()
	}
	p.held.Store(0)
}

// connect dials for whoever wants a connection.
func (p *population) connect(ctx context.Context, wanted <-chan *slowClient, came chan<- dialled) {
	for c := range wanted {
		conn, err := p.dial(ctx, "tcp", p.address)
		switch {
		case err == nil:
			p.opened.Add(1)
			p.held.Add(1)
			if tcp, is := conn.(*net.TCPConn); is && p.Kind == SlowRead {
				_ = tcp.SetReadBuffer(1) // the kernel's minimum
			}
		case ctx.Err() == nil:
			p.refused.Add(1)
		}
		came <- dialled{c, conn}
	}
}

// turn does everything that is due now.
func (p *population) turn(now time.Duration, clients []*slowClient, wanted chan<- *slowClient, came <-chan dialled) {
	for more := true; more; {
		select {
		case d := <-came:
			d.client.dialing = false
			p.start(d.client, d.conn, now)
		default:
			more = false
		}
	}
	for _, c := range clients {
		switch {
		case c.dialing || now < c.due:
		case c.conn == nil:
			c.dialing = true
			wanted <- c // has room for every client
		default:
			p.step(c, now)
		}
	}
}

// start begins a request on a new connection; without one the client tries again after a period.
func (p *population) start(c *slowClient, conn net.Conn, now time.Duration) {
	c.conn, c.due = conn, now+p.period()
	if conn == nil {
		return
	}
	c.rest, c.first = p.request.slowly, true
	if p.request.atOnce != "" {
		if n, err := try(conn, []byte(p.request.atOnce), true); err != nil || n < len(p.request.atOnce) {
			p.lose(c, now, true)
		}
	}
}

// step sends the next byte of a client's request, or reads one of its response, and notices a server that
// closes.
func (p *population) step(c *slowClient, now time.Duration) {
	c.due = now + p.period()
	if c.rest != "" {
		n, err := try(c.conn, []byte(c.rest[:1]), true)
		if c.rest = c.rest[n:]; err != nil {
			p.lose(c, now, true)
		}
		return
	}
	n, err := try(c.conn, make([]byte, 1), false)
	if n == 1 && c.first && p.Kind != SlowIdle {
		c.first = false
		p.answered.Add(1)
	}
	switch {
	case n == 1 && p.Kind != SlowRead: // it has its answer, and begins again
		p.lose(c, now, p.Kind == SlowIdle)
	case err != nil:
		p.lose(c, now, true)
	}
}

// lose ends a client's connection; it connects again after a period.
func (p *population) lose(c *slowClient, now time.Duration, byServer bool) {
	_ = c.conn.Close()
	c.conn, c.due = nil, now+p.Every
	p.held.Add(-1)
	if byServer {
		p.closed.Add(1)
	}
}

// try writes or reads as much as is possible without waiting. Nothing to read, or no room to write, is no
// error.
func try(conn net.Conn, data []byte, write bool) (n int, err error) {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	do := func(fd uintptr) bool {
		if write {
			n, failed = unix.Write(int(fd), data)
		} else {
			n, failed = unix.Read(int(fd), data)
		}
		return true // whatever came of it: this must not wait
	}
	if write {
		err = raw.Write(do)
	} else {
		err = raw.Read(do)
	}
	n = max(0, n)
	switch {
	case err != nil:
		return n, err
	case errors.Is(failed, unix.EAGAIN) || errors.Is(failed, unix.EINTR):
		return n, nil
	case failed == nil && n == 0 && !write:
		return 0, io.EOF
	}
	return n, failed
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
