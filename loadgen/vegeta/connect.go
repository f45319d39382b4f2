package vegeta

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"bench/loadgen"
	"bench/targets"
)

// openConnections opens the connections of a closed loop that keeps them, before the clock
// starts. Each must answer one request before it counts as open: an established connection may
// still be in the listen queue, and runserver's queue holds ten; sixty-four at once overflow it,
// and the rest wait a second, which a load on kept connections is not about. A load that opens
// a connection for each request gets no such mercy.
//
// If anything goes wrong it stops, and leaves it to the load to find and count that.
func (r *run) openConnections() {
	r.opened = make(chan net.Conn, r.plan.Connections())
	server, err := url.Parse(r.plan.URL)
	first := r.plan.ProofTarget()
	if err != nil || server.Scheme != "http" || !r.plan.Preopened() || first == nil {
		return
	}
	address := server.Host
	if server.Port() == "" {
		address = net.JoinHostPort(server.Hostname(), "80")
	}
	var wave sync.WaitGroup
	var failed atomic.Bool
	for i := range loadgen.OpensAtOnce {
		wave.Go(func() {
			for n := i; n < r.plan.Connections() && r.ctx.Err() == nil && !failed.Load(); n += loadgen.OpensAtOnce {
				conn := r.open(address, server.Host, first)
				if conn == nil {
					failed.Store(true)
					return
				}
				r.opened <- conn
			}
		})
	}
	wave.Wait()
}

// open opens a connection and sends one request on it. It returns nil unless the server means
// to keep the connection.
func (r *run) open(address, host string, t *targets.Target) net.Conn {
	before := time.Now()
	conn, err := r.guard.Dialer(net.Dialer{Timeout: loadgen.OpenTimeout})(r.ctx, "tcp", address)
	if err != nil {
		return nil
	}
	took := time.Since(before)
	if !answers(conn, host, t, min(loadgen.OpenTimeout, r.plan.Timeout)) {
		_ = conn.Close()
		return nil
	}
	r.mu.Lock()
	r.shard.Opened(took)
	r.mu.Unlock()
	return conn
}

func answers(conn net.Conn, host string, t *targets.Target, timeout time.Duration) bool {
	_ = conn.SetDeadline(time.Now().Add(timeout))
	defer func() { _ = conn.SetDeadline(time.Time{}) }()
	request, err := t.Request(context.Background(), "http://"+host)
	if err != nil {
		return false
	}
	if err := request.Write(conn); err != nil {
		return false
	}
	buffered := bufio.NewReader(conn)
	response, err := http.ReadResponse(buffered, request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err == nil && !response.Close && buffered.Buffered() == 0
}

// closeUnused closes the connections that the load did not use.
func (r *run) closeUnused() {
	for {
		select {
		case conn := <-r.opened:
			_ = conn.Close()
		default:
			return
		}
	}
}
