package native

import (
	"bytes"
	"container/heap"
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/results"
	"bench/targets"

	"golang.org/x/sys/unix"
)

// Null is a server with known service times: it does nothing but respond, at once or after the
// time that a queue in front of its workers would have taken. Engines are measured against it,
// to find out how much they can send and whether their figures are correct.
type Null struct {
	// Service is the time request i takes, in order of arrival; nil: none.
	Service func(i uint64) time.Duration
	// Workers serve the queue, first come, first served; at least 1.
	Workers int

	waiter
	listener int
	address  netip.AddrPort
	done     chan error
	closing  atomic.Bool

	began    time.Time
	accepted uint64          // connections
	arrived  uint64          // requests
	free     []time.Duration // when each worker will be free
	pending  answers
}

var nullResponse = []byte("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, world!")

// Start starts the server on a free port of the loopback interface. Close stops it.
func (n *Null) Start() error {
	n.done, n.listener, n.began = make(chan error, 1), -1, time.Now()
	n.free = make([]time.Duration, max(1, n.Workers))
	if err := n.open(); err != nil {
		n.release()
		return fmt.Errorf("starting the null server: %w", err)
	}
	go func() { n.done <- n.serve() }()
	return nil
}

func (n *Null) open() error {
	if err := n.waiter.init(); err != nil {
		return err
	}
	var err error
	if n.listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	if err := unix.Bind(n.listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	if err := unix.Listen(n.listener, 4096); err != nil {
		return err
	}
	bound, err := unix.Getsockname(n.listener)
	if err != nil {
		return err
	}
	n.address = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(bound.(*unix.SockaddrInet4).Port))
	return unix.EpollCtl(n.epoll, unix.EPOLL_CTL_ADD, n.listener,
		&unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(n.listener)})
}

func (n *Null) release() {
	if n.listener >= 0 {
		_ = unix.Close(n.listener)
	}
	n.waiter.close()
}

// URL is where the server listens.
func (n *Null) URL() string { return "http://" + n.address.String() }

// Close stops the server and closes its connections.
func (n *Null) Close() error {
	n.closing.Store(true)
	n.wake()
	err := <-n.done
	n.release()
	return err
}

func (n *Null) serve() error {
	defer hold(1)()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer n.waiter.settle(Engine{}, 0)()
	open := map[int32]uint64{} // by file, the number of its connection
	defer func() {
		for fd := range open {
			_ = unix.Close(int(fd))
		}
	}()
	events, buf := make([]unix.EpollEvent, 256), make([]byte, 16<<10)
	for !n.closing.Load() {
		count, errno := n.next(events)
		if errno != 0 && errno != unix.EINTR {
			return errno
		}
		for _, e := range events[:count] {
			switch {
			case e.Fd == wakeEvent:
				n.drain()
			case e.Fd == timerEvent:
			case e.Fd == int32(n.listener):
				n.accept(open)
			case !n.read(int(e.Fd), open[e.Fd], buf):
				_ = unix.Close(int(e.Fd))
				delete(open, e.Fd)
			}
		}
		for len(n.pending) > 0 && n.pending[0].at <= time.Since(n.began) {
			if a := heap.Pop(&n.pending).(answer); open[int32(a.fd)] == a.conn {
				_, _ = write(a.fd, nullResponse) // a client that has gone reads nothing
			}
		}
	}
	return nil
}

// next waits for a socket. A queue polls all the time: a thread that wakes up 100 µs after a
// request came would add them to every response time, and accurate times are its purpose.
func (n *Null) next(events []unix.EpollEvent) (int, syscall.Errno) {
	if n.Service != nil {
		return n.pollOnce(events)
	}
	return n.block(events, time.Second)
}

func (n *Null) accept(open map[int32]uint64) {
	for {
		fd, _, err := unix.Accept4(n.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: int32(fd)}
		if unix.EpollCtl(n.epoll, unix.EPOLL_CTL_ADD, fd, &event) != nil {
			_ = unix.Close(fd)
			continue
		}
		n.accepted++
		open[int32(fd)] = n.accepted
	}
}

// read takes the requests that have arrived, and reports whether the connection stays open.
func (n *Null) read(fd int, conn uint64, buf []byte) bool {
	got, errno := read(fd, buf)
	if errno == unix.EAGAIN || errno == unix.EINTR {
		return true
	}
	if errno != 0 || got == 0 {
		return false
	}
	for range bytes.Count(buf[:got], []byte("\r\n\r\n")) {
		if n.Service != nil {
			n.enqueue(fd, conn)
		} else if sent, errno := write(fd, nullResponse); errno != 0 || sent < len(nullResponse) {
			return false // a client that does not read is of no use here
		}
	}
	return true
}

// enqueue gives a request to the worker that is free first (Lindley's recursion, for several
// workers Kiefer and Wolfowitz 1955).
func (n *Null) enqueue(fd int, conn uint64) {
	first := 0
	for w, at := range n.free {
		if at < n.free[first] {
			first = w
		}
	}
	n.free[first] = max(n.free[first], time.Since(n.began)) + n.Service(n.arrived)
	n.arrived++
	heap.Push(&n.pending, answer{n.free[first], fd, conn})
}

// answer is one response to be sent.
type answer struct {
	at   time.Duration
	fd   int
	conn uint64 // the connection it is for: its file may be another's by then
}

// answers is a heap of responses, the next one first.
type answers []answer

func (a answers) Len() int           { return len(a) }
func (a answers) Less(i, j int) bool { return a[i].at < a[j].at }
func (a answers) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *answers) Push(x any)        { *a = append(*a, x.(answer)) }
func (a *answers) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// How long a calibration takes: a closed loop for the ceiling, an open loop at a low rate for
// the floor.
const (
	ceilingFor = 150 * time.Millisecond
	floorFor   = 150 * time.Millisecond
	floorRate  = 1000
)

// Calibrate measures what one thread of the engine can send on this machine, with this timer.
func (e Engine) Calibrate(ctx context.Context) (results.Calibration, error) {
	server := new(Null)
	if err := server.Start(); err != nil {
		return results.Calibration{}, err
	}
	c, err := e.calibrate(ctx, server.URL())
	if closeErr := server.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return c, fmt.Errorf("calibrating the engine against a null server: %w", err)
	}
	return c, nil
}

func (e Engine) calibrate(ctx context.Context, url string) (c results.Calibration, err error) {
	e.Shards = 1
	plan := loadgen.Plan{
		URL: url, Mode: loadgen.Closed, Duration: ceilingFor, Timeout: time.Second, Conns: loadgen.Conns{Max: 32},
		Mix: targets.Mix{Targets: []targets.Target{{Name: "null", Method: "GET", Path: "/"}}},
	}
	local := loadgen.Local{Engine: e}
	m, err := local.Measure(ctx, plan, loadgen.Watch{})
	if err != nil {
		return c, err
	}
	cpu := results.TotalHealth(m.Generator.Health).CPU
	if m.Counts.OK == 0 || cpu <= 0 {
		return c, ctx.Err()
	}
	c.CPUPerRequest = cpu * 1e6 / float64(m.Counts.OK)
	c.Ceiling = 1e6 / c.CPUPerRequest
	c.Achieved = m.Throughput(plan)

	plan.Mode, plan.Pacer, plan.Duration = loadgen.Open, pacing.Constant{PerSecond: floorRate}, floorFor
	if m, err = local.Measure(ctx, plan, loadgen.Watch{}); err != nil {
		return c, err
	}
	us := func(k results.Kind, p float64) time.Duration {
		return time.Duration(results.Percentile(results.Total(m.Intervals, k), p)) * time.Microsecond
	}
	c.Floor, c.Lateness, c.LatenessP99 = us(results.Response, 50), us(results.Lateness, 50), us(results.Lateness, 99)
	return c, nil
}
