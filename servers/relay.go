package servers

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// Traffic is what has passed between a cluster's proxies and its servers.
type Traffic struct {
	Connections uint64
	ToServers   uint64 // bytes
	FromServers uint64 // bytes
}

// Since is what has passed since an earlier reading.
func (t Traffic) Since(before Traffic) Traffic {
	return Traffic{
		t.Connections - before.Connections, t.ToServers - before.ToServers, t.FromServers - before.FromServers,
	}
}

// relay stands in front of a server, passes everything on, and counts it.
type relay struct {
	listener net.Listener
	server   string

	connections, to, from atomic.Uint64

	mu     sync.Mutex
	open   map[net.Conn]bool
	closed bool
	all    sync.WaitGroup
}

// startRelay listens on one port of this machine, and passes on to another.
func startRelay(port, server int) (*relay, error) {
	listener, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, fmt.Errorf("counting what passes to the server at port %d: %w", server, err)
	}
	r := &relay{listener: listener, server: fmt.Sprintf("127.0.0.1:%d", server), open: map[net.Conn]bool{}}
	r.all.Go(r.accept)
	return r, nil
}

func (r *relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return // closed
		}
		r.all.Go(func() { r.pass(client) })
	}
}

// pass connects a client with the server until both have said everything, or one has gone.
func (r *relay) pass(client net.Conn) {
	defer r.forget(client)
	server, err := net.Dial("tcp4", r.server)
	if err != nil {
		_ = client.Close() // as the server would have it
		return
	}
	defer r.forget(server)
	if !r.hold(client, server) {
		return
	}
	r.connections.Add(1)
	var both sync.WaitGroup
	both.Go(func() { copyCounted(server, client, &r.to) })
	both.Go(func() { copyCounted(client, server, &r.from) })
	both.Wait()
}

// hold notes connections to be closed with the relay; false: it is closed already.
func (r *relay) hold(connections ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range connections {
		r.open[c] = true
	}
	return !r.closed
}

func (r *relay) forget(c net.Conn) {
	_ = c.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, c)
}

// tally is a writer that adds up what it is about to write, so that whoever has read it finds it counted.
type tally struct {
	to    io.Writer
	bytes *atomic.Uint64
}

func (c tally) Write(p []byte) (int, error) {
	c.bytes.Add(uint64(len(p)))
	return c.to.Write(p)
}

// copyCounted passes on one direction, and its end.
func copyCounted(to, from net.Conn, bytes *atomic.Uint64) {
	_, _ = io.Copy(tally{to, bytes}, from) // an error ends the connection, as it does without a relay
	if half, is := to.(*net.TCPConn); is {
		_ = half.CloseWrite()
	}
}

func (r *relay) traffic() Traffic {
	return Traffic{r.connections.Load(), r.to.Load(), r.from.Load()}
}

// Close ends all connections.
func (r *relay) Close() error {
	err := r.listener.Close()
	r.mu.Lock()
	r.closed = true
	for c := range r.open {
		_ = c.Close()
	}
	r.mu.Unlock()
	r.all.Wait()
	return err
}

// Traffic is what has passed between the proxies and the servers so far. False: nothing stands between them that
// would count it; see Host.Relay.
func (c *Cluster) Traffic() (sum Traffic, counted bool) {
	for _, r := range c.relays {
		t := r.traffic()
		sum.Connections += t.Connections
		sum.ToServers += t.ToServers
		sum.FromServers += t.FromServers
	}
	return sum, len(c.relays) > 0
}
