package native

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/targets"

	"golang.org/x/sys/unix"
)

// null is a server that does nothing but answer: one thread, one write for each request. It
// is what an engine is measured against to know what it can do at all.
type null struct {
	waiter
	listener int
	address  netip.AddrPort
	done     chan error
	closing  chan struct{}
}

var nullAnswer = []byte("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, world!")

// startNull starts the server on a free port of the loopback interface.
func startNull() (*null, error) {
	n := &null{done: make(chan error, 1), closing: make(chan struct{}), listener: -1}
	fail := func(err error) (*null, error) {
		n.waiter.close()
		if n.listener >= 0 {
			_ = unix.Close(n.listener)
		}
		return nil, fmt.Errorf("starting the null server: %w", err)
	}
	if err := n.waiter.init(); err != nil {
		return fail(err)
	}
	var err error
	if n.listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return fail(err)
	}
	if err := unix.Bind(n.listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return fail(err)
	}
	if err := unix.Listen(n.listener, 1024); err != nil {
		return fail(err)
	}
	bound, err := unix.Getsockname(n.listener)
	if err != nil {
		return fail(err)
	}
	n.address = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(bound.(*unix.SockaddrInet4).Port))
	if err := unix.EpollCtl(n.epoll, unix.EPOLL_CTL_ADD, n.listener, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(n.listener)}); err != nil {
		return fail(err)
	}
	go func() { n.done <- n.serve() }()
	return n, nil
}

func (n *null) url() string { return "http://" + n.address.String() }

// Close ends the server and closes its connections.
func (n *null) Close() error {
	close(n.closing)
	n.wake()
	err := <-n.done
	_ = unix.Close(n.listener)
	n.waiter.close()
	return err
}

func (n *null) serve() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	open := map[int32]bool{}
	defer func() {
		for fd := range open {
			_ = unix.Close(int(fd))
		}
	}()
	events, buf := make([]unix.EpollEvent, 256), make([]byte, 16<<10)
	for {
		select {
		case <-n.closing:
			return nil
		default:
		}
		count, errno := n.block(events, time.Second)
		if errno != 0 && errno != unix.EINTR {
			return errno
		}
		for _, e := range events[:count] {
			switch {
			case e.Fd == wakeSlot:
				n.drain()
			case e.Fd == int32(n.listener):
				n.accept(open)
			case !n.answer(int(e.Fd), buf):
				_ = unix.Close(int(e.Fd))
				delete(open, e.Fd)
			}
		}
	}
}

func (n *null) accept(open map[int32]bool) {
	for {
		fd, _, err := unix.Accept4(n.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		if unix.EpollCtl(n.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: int32(fd)}) != nil {
			_ = unix.Close(fd)
			continue
		}
		open[int32(fd)] = true
	}
}

// answer answers what has come, and reports whether the connection lives on.
func (n *null) answer(fd int, buf []byte) bool {
	got, errno := read(fd, buf)
	if errno == unix.EAGAIN || errno == unix.EINTR {
		return true
	}
	if errno != 0 || got == 0 {
		return false
	}
	for range bytes.Count(buf[:got], []byte("\r\n\r\n")) {
		if sent, errno := write(fd, nullAnswer); errno != 0 || sent < len(nullAnswer) {
			return false // a client that does not read is no use here
		}
	}
	return true
}

// How long a calibration takes: a closed loop for the ceiling, an open one at a low rate for
// the floor.
const (
	ceilingFor = 150 * time.Millisecond
	floorFor   = 150 * time.Millisecond
	floorRate  = 1000
)

// Calibrate measures what one thread of the engine can do on this machine, with this pacing.
func (e Engine) Calibrate(ctx context.Context) (results.Calibration, error) {
	server, err := startNull()
	if err != nil {
		return results.Calibration{}, err
	}
	c, err := e.calibrate(ctx, server.url())
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
	m, err := loadgen.Measure(ctx, e, plan, nil)
	if err != nil {
		return c, err
	}
	cpu := results.TotalHealth(m.Generator.Health).CPU
	if m.Counts.OK == 0 || cpu <= 0 {
		return c, ctx.Err()
	}
	c.CPUPerRequest = cpu * 1e6 / float64(m.Counts.OK)
	c.Ceiling = 1e6 / c.CPUPerRequest
	c.Achieved = float64(m.Within.OK) / plan.Duration.Seconds()

	plan.Mode, plan.Pacer, plan.Duration = loadgen.Open, loadgen.Constant{PerSecond: floorRate}, floorFor
	if m, err = loadgen.Measure(ctx, e, plan, nil); err != nil {
		return c, err
	}
	us := func(k results.Kind, p float64) time.Duration {
		return time.Duration(results.Total(m.Intervals, k).ValueAtPercentile(p)) * time.Microsecond
	}
	c.Floor, c.Lateness, c.LatenessP99 = us(results.Response, 50), us(results.Lateness, 50), us(results.Lateness, 99)
	return c, nil
}
