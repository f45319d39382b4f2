package probe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"bench/results"

	"github.com/prometheus/procfs"
)

// procs finds the workers of any server whose processes accept their connections themselves,
// without statistics of its own.
//
// The signal is who holds an accepted connection: bench sends all of a request but its end,
// looks in /proc for the process with the other end of that connection among its files, and
// then completes the request. A connection that nobody has accepted yet belongs to no process.
//
// Note: CPU time, run time in /proc/PID/schedstat and context switches were considered. All of
// them grow as well in a worker that still imports the app, in one that another's connection
// woke up in vain, and in one that tells its master each second that it lives; and utime and
// stime count in 10 ms, while a request takes less than one.
var procs = Kind{
	Name: "procs", Workers: true,
	Counters: []Counter{{results.Respawns, "", "worker processes that ended since the boot"}},
	Open:     func(p Process) Probe { return &procsProbe{process: p, served: map[int]uint64{}} },
}

type procsProbe struct {
	process Process
	served  map[int]uint64 // workers that gave a response: PID → start time, since PIDs come again
}

const (
	acceptTimeout   = 100 * time.Millisecond // for a connection to be accepted by a worker that is free
	acceptPoll      = 2 * time.Millisecond
	responseTimeout = 2 * time.Second
)

// held is a connection with a request that lacks its end.
type held struct {
	conn  net.Conn
	owner procfs.ProcStat // the process that accepted it; PID 0: none yet
}

// Workers looks at one connection for each worker, all at once: servers whose workers take one
// request at a time have to give each to another.
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
			return p.alive(fs), err
		}
		all = append(all, h)
	}
	deadline := time.Now().Add(acceptTimeout)
	for {
		if err := p.owners(fs, all); err != nil {
			return p.alive(fs), err
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
	return p.alive(fs), nil
}

func needOwner(all []*held) bool {
	for _, h := range all {
		if h.owner.PID == 0 {
			return true
		}
	}
	return false
}

// hold connects, and sends all of a request but its last line.
func (p *procsProbe) hold(ctx context.Context) (*held, error) {
	dialer := net.Dialer{Timeout: readTimeout}
	address := fmt.Sprintf("127.0.0.1:%d", p.process.Entry)
	conn, err := dialer.DialContext(ctx, "tcp4", address)
	if err != nil {
		return nil, fmt.Errorf("looking for workers: %w", err)
	}
	_ = conn.SetDeadline(time.Now().Add(acceptTimeout + responseTimeout))
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", p.process.Health, address)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("looking for workers: %w", err), conn.Close())
	}
	return &held{conn: conn}, nil
}

// complete ends the request and reports whether a good response came. What does not speak HTTP
// behind a proxy shows that it works by ending the connection.
func (p *procsProbe) complete(conn net.Conn) bool {
	if _, err := io.WriteString(conn, "\r\n"); err != nil {
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
	// Closed at once: a server may wait for its client to do so, with the worker that it has.
	_ = conn.Close()
	return response.StatusCode >= 200 && response.StatusCode < 400
}

// owners finds the processes that have accepted connections. Of several that have one open, it
// is the deepest: a master may have accepted it for its child.
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
	//lint:ignore SA1019 sock_diag over netlink would be one more library for the same two columns
	lines, err := fs.NetTCP()
	if err != nil {
		return nil, fmt.Errorf("looking for workers: %w", err)
	}
	// A server that listens on both protocols has its connections there; without IPv6 there is no such file.
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

// descendants are a process and those below it, parents before their children.
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

// alive are the workers that gave a response and still run.
func (p *procsProbe) alive(fs procfs.FS) []Worker {
	var workers []Worker
	for pid, started := range p.served {
		if runs(fs, pid, started) {
			workers = append(workers, Worker{PID: pid, Served: true})
		}
	}
	return workers
}

func runs(fs procfs.FS, pid int, started uint64) bool {
	process, err := fs.Proc(pid)
	if err != nil {
		return false
	}
	stat, err := process.Stat()
	return err == nil && stat.Starttime == started && stat.State != "Z"
}

func (p *procsProbe) Read(context.Context) (Reading, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return Reading{}, fmt.Errorf("looking for workers: %w", err)
	}
	ended := len(p.served) - len(p.alive(fs))
	return Reading{Counters: results.Counters{results.Respawns: float64(ended)}}, nil
}
