package probe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"bench/results"

	"github.com/prometheus/procfs"
)

// procs finds the workers of any server whose processes accept connections themselves; the
// server needs no statistics of its own.
//
// The signal is who holds an accepted connection: bench sends all but the last line of a request,
// looks in /proc for the process that has the other end of the connection open, and then
// completes the request. A connection that has not been accepted yet belongs to no process.
//
// Note: CPU time, run time in /proc/PID/schedstat and context switches were considered. All of
// them also grow in a worker that is still importing the app, in one that another's connection
// woke in vain, and in one that sends its master a heartbeat every second; and utime and stime
// count in steps of 10 ms, while a request takes less than one.
var procs = Kind{
	Name: "procs", Workers: true,
	Counters: []Counter{{results.Respawns, "", "worker processes that ended since the boot"}},
	Open:     func(p Process) Probe { return &procsProbe{process: p, served: served{}} },
}

type procsProbe struct {
	process Process
	served  served
}

const (
	acceptTimeout   = 100 * time.Millisecond // for an idle worker to accept a connection
	acceptPoll      = 2 * time.Millisecond
	responseTimeout = 2 * time.Second
)

// held is a connection with an incomplete request.
type held struct {
	conn  net.Conn
	owner procfs.ProcStat // the process that accepted it; PID 0: none yet
}

// Workers opens one connection per worker, all at once: a server whose workers take one request
// at a time has to give each to a different worker.
func (p *procsProbe) Workers(ctx context.Context) ([]Worker, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, fmt.Errorf("looking for workers: %w", err)
	}
	var all []*held
	defer func() {
		for _, h := range all {
			_ = h.conn.Close()
		}
	}()
	for range max(1, p.process.Workers) {
		h, err := p.hold(ctx)
		if err != nil {
			return p.served.alive(fs), err
		}
		all = append(all, h)
	}
	deadline := time.Now().Add(acceptTimeout)
	for {
		if err := p.owners(fs, all); err != nil {
			return p.served.alive(fs), err
		}
		if !needOwner(all) || time.Now().After(deadline) || ctx.Err() != nil {
			break
		}
		time.Sleep(acceptPoll) // polls for the condition above
	}
	good := make([]bool, len(all))
	var wave sync.WaitGroup
	for i, h := range all {
		wave.Go(func() { good[i] = p.complete(h.conn) })
	}
	wave.Wait()
	for i, h := range all {
		if good[i] && h.owner.PID != 0 {
			p.served[h.owner.PID] = h.owner.Starttime
		}
	}
	return p.served.alive(fs), nil
}

func needOwner(all []*held) bool {
	for _, h := range all {
		if h.owner.PID == 0 {
			return true
		}
	}
	return false
}

// hold connects, and sends all but the last line of a request; nothing to a server that may speak
// another protocol, since that would refuse it at once.
func (p *procsProbe) hold(ctx context.Context) (*held, error) {
	dialer := net.Dialer{Timeout: readTimeout}
	address := p.process.address(p.process.Entry)
	conn, err := dialer.DialContext(ctx, "tcp4", address)
	if err != nil {
		return nil, fmt.Errorf("looking for workers: %w", err)
	}
	_ = conn.SetDeadline(time.Now().Add(acceptTimeout + responseTimeout))
	if p.process.HTTP {
		_, err = io.WriteString(conn, p.head(address))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("looking for workers: %w", err), conn.Close())
	}
	return &held{conn: conn}, nil
}

// head is a request for the health path without its last line.
func (p *procsProbe) head(address string) string {
	header := http.Header{"Host": {address}, "Connection": {"close"}}
	for name, value := range p.process.Header {
		header.Set(name, value)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "GET %s HTTP/1.1\r\n", p.process.Health)
	_ = header.Write(&text) // to memory
	return text.String()
}

// complete completes the request and reports whether a successful response came. A server behind
// a proxy that does not speak HTTP shows that it works by closing the connection. One with a port named
// socket is asked in the uwsgi protocol.
func (p *procsProbe) complete(conn net.Conn) bool {
	rest, host := "\r\n", conn.RemoteAddr().String()
	if _, binary := p.process.Ports["socket"]; binary {
		rest = uwsgiRequest(host, p.process.Health)
	} else if !p.process.HTTP {
		rest = p.head(host) + rest
	}
	if _, err := io.WriteString(conn, rest); err != nil {
		return !p.process.HTTP
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return false
	}
	if err != nil {
		return !p.process.HTTP
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	// Closed at once: a server may occupy its worker until the client closes.
	_ = conn.Close()
	return response.StatusCode >= 200 && response.StatusCode < 400
}

// owners finds the processes that accepted the connections. If several have one open, the
// deepest counts: a master may have accepted it for its child.
func (p *procsProbe) owners(fs procfs.FS, all []*held) error {
	sockets, err := p.sockets(fs, all)
	if err != nil || len(sockets) == 0 {
		return err
	}
	below, err := descendants(fs, p.process.PID)
	if err != nil {
		return err
	}
	for _, stat := range below { // from the top down
		process, err := fs.Proc(stat.PID)
		if err != nil {
			continue // it has ended
		}
		files, err := process.FileDescriptorTargets()
		if err != nil {
			continue
		}
		for _, file := range files {
			if h := sockets[file]; h != nil {
				h.owner = stat
			}
		}
	}
	return nil
}

// sockets are the servers' ends of the connections, named as in /proc/PID/fd.
func (p *procsProbe) sockets(fs procfs.FS, all []*held) (map[string]*held, error) {
	byPort := map[uint64]*held{}
	for _, h := range all {
		byPort[uint64(h.conn.LocalAddr().(*net.TCPAddr).Port)] = h
	}
	//lint:ignore SA1019 sock_diag over netlink would be another library for the same two columns
	lines, err := fs.NetTCP()
	if err != nil {
		return nil, fmt.Errorf("looking for workers: %w", err)
	}
	// Connections of a dual-stack listener are listed here; without IPv6 there is no such file.
	//lint:ignore SA1019 as above
	if more, err := fs.NetTCP6(); err == nil {
		lines = append(lines, more...)
	}
	sockets := map[string]*held{}
	for _, line := range lines {
		h := byPort[line.RemPort]
		if h != nil && line.LocalPort == uint64(p.process.Entry) && line.Inode != 0 { // 0: not accepted yet
			sockets[fmt.Sprintf("socket:[%d]", line.Inode)] = h
		}
	}
	return sockets, nil
}

// descendants are a process and those below it, parents before children.
func descendants(fs procfs.FS, root int) ([]procfs.ProcStat, error) {
	all, err := fs.AllProcs()
	if err != nil {
		return nil, fmt.Errorf("looking for workers: %w", err)
	}
	children := map[int][]procfs.ProcStat{}
	var tree []procfs.ProcStat
	for _, process := range all {
		stat, err := process.Stat()
		switch {
		case err != nil: // it has ended
		case stat.PID == root:
			tree = append(tree, stat)
		default:
			children[stat.PPID] = append(children[stat.PPID], stat)
		}
	}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, children[tree[i].PID]...)
	}
	return tree, nil
}

func (p *procsProbe) Read(context.Context) (Reading, error) { return p.served.read() }
