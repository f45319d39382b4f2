package native

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"bench/loadgen"
	"bench/loadgen/http1"
	"bench/results"

	"golang.org/x/sys/unix"
)

// conn is one connection and the request on it.
type conn struct {
	fd         int
	index      int32
	generation int32 // distinguishes events of a closed connection from its successor's
	state      connState
	sampled    bool // its responses carry kernel timestamps
	hungUp     bool // the server will send no more
	served     int
	opening    time.Duration // when its connect started
	connected  time.Duration // when it was established

	task
	deadline  time.Duration
	firstByte time.Duration
	unwritten []byte // the rest of the request, which the socket has not taken yet
	begun     bool   // the socket has taken something of the request
	rendered  []byte // the request, where each is rendered from a template
	parser    http1.Parser
	body      body

	prev, next *conn // in the list of idle or busy ones
}

type connState uint8

const (
	unused connState = iota
	connecting
	open
)

// task is one request to be sent.
type task struct {
	request   *request
	n         uint64 // of the request, or of its session
	visit     *visit // nil outside of sessions
	due, sent time.Duration
	retried   bool // on another connection, because the first one was closed
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	to := &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	if zone, err := net.InterfaceByName(a.Addr().Zone()); err == nil {
		to.ZoneId = uint32(zone.Index)
	}
	return to
}

// connect opens a connection for a task. The task counts as sent from here: a new connection is
// part of what its user waits for.
func (s *shard) connect(t task) {
	c := s.vacant()
	c.task, c.opening = t, s.now()
	c.deadline = t.sent + s.plan.Timeout
	c.unwritten, c.begun = c.bytes(), false
	s.open++
	s.count(t.sent)
	s.busy.insert(c)
	if err := s.dial(c); err != nil {
		s.connectFailed(c, err)
	}
}

// vacant is a closed connection to reuse, or a new one.
func (s *shard) vacant() *conn {
	if n := len(s.unused); n > 0 {
		c := s.unused[n-1]
		s.unused = s.unused[:n-1]
		return c
	}
	c := &conn{index: int32(len(s.conns)), fd: -1, sampled: len(s.conns)%sampledConns == 0}
	if len(s.plan.Mix.Sessions) > 0 {
		c.parser.Field = func(name, value []byte) {
			if c.visit != nil && len(name) == len("Set-Cookie") && bytes.EqualFold(name, []byte("Set-Cookie")) {
				c.visit.jar.set(value)
			}
		}
	}
	s.conns = append(s.conns, c)
	return c
}

func (s *shard) dial(c *conn) error {
	family, protocol := unix.AF_INET, unix.IPPROTO_TCP
	switch s.remote.(type) {
	case *unix.SockaddrInet6:
		family = unix.AF_INET6
	case *unix.SockaddrUnix:
		family, protocol, c.sampled = unix.AF_UNIX, 0, false
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return err
	}
	c.fd, c.state = fd, connecting
	c.served = 0
	if family != unix.AF_UNIX {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return err
		}
	}
	if c.sampled && !s.plan.Conns.New {
		c.sampled = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) == nil
	}
	if len(s.sources) > 0 {
		// The port is chosen when the connection is opened, so that it need only be free
		// towards this server.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
		if err := unix.Bind(fd, s.sources[s.source%len(s.sources)]); err != nil {
			return err
		}
		s.source++
	}
	err = unix.Connect(fd, s.remote)
	if err != nil && err != unix.EINPROGRESS {
		return err
	}
	// Registered once, for all events: no call when a request is sent or a response read.
	return unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: c.index, Pad: c.generation,
	})
}

// connectFailed ends the task of a connection that could not be opened.
func (s *shard) connectFailed(c *conn, err error) {
	switch err {
	case unix.EMFILE, unix.ENFILE, unix.EADDRNOTAVAIL, unix.ENOBUFS, unix.ENOMEM:
		if !s.proving {
			s.rec.Limited()
		}
	}
	s.why = err
	s.finish(c, results.ConnectError, s.now(), true)
}

// send writes a task's request to a connection that is open and idle.
func (s *shard) send(c *conn, t task) {
	c.task = t
	c.deadline = t.sent + s.plan.Timeout
	c.unwritten, c.begun = c.bytes(), false
	s.count(t.sent)
	s.busy.append(c)
	s.write(c)
}

// bytes is the request of the connection's task.
func (c *conn) bytes() []byte {
	if c.request.template == nil {
		return c.request.bytes
	}
	cookies := &noCookies
	if c.visit != nil {
		cookies = &c.visit.jar
	}
	c.rendered = c.request.template.render(c.rendered[:0], c.n, cookies)
	return c.rendered
}

var noCookies jar // of requests outside sessions

// write gives the socket as much as it takes.
func (s *shard) write(c *conn) {
	for len(c.unwritten) > 0 {
		n, errno := write(c.fd, c.unwritten)
		switch {
		case errno == unix.EAGAIN:
			return // an edge will signal when there is room
		case errno == unix.EINTR:
		case errno != 0:
			s.why = errno
			s.broken(c, s.now(), !c.begun)
			return
		default:
			c.unwritten, c.begun = c.unwritten[n:], true
		}
	}
}

// handle handles an event.
func (s *shard) handle(c *conn, events uint32) {
	generation := c.generation
	if c.state == connecting {
		if events&(unix.EPOLLOUT|unix.EPOLLERR|unix.EPOLLHUP) == 0 {
			return
		}
		if code, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
			s.connectFailed(c, syscall.Errno(code))
			return
		}
		c.state, c.connected = open, s.now()
		s.rec.Opened(c.connected - c.opening)
		if events&unix.EPOLLIN != 0 && s.peek(c) {
			s.why = errUnasked
			s.finish(c, results.BadBody, c.connected, true)
			return
		}
		s.write(c)
	} else if events&unix.EPOLLOUT != 0 && len(c.unwritten) > 0 {
		s.write(c)
	}
	if c.generation != generation {
		return // the write failed, and this is another connection by now
	}
	if events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.hungUp = true
	}
	if c.state == open && events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLERR|unix.EPOLLHUP) != 0 {
		s.read(c)
	}
}

// errUnasked is a response to no request.
var errUnasked = errors.New("a response came before the request was sent")

// peek reports whether bytes have arrived, and leaves them there.
func (s *shard) peek(c *conn) bool {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM,
		uintptr(c.fd), uintptr(unsafe.Pointer(unsafe.SliceData(s.buf))), 1, unix.MSG_PEEK, 0, 0)
	return errno == 0 && n > 0
}

// read takes what has arrived. A read that does not fill the buffer has emptied the socket, so
// no further read is needed to keep the edges coming.
func (s *shard) read(c *conn) {
	generation := c.generation
	for {
		var n int
		var errno syscall.Errno
		if c.sampled && s.sample() {
			n, errno = s.readStamped(c)
		} else {
			n, errno = read(c.fd, s.buf)
		}
		switch {
		case errno == unix.EAGAIN:
			return
		case errno == unix.EINTR:
			continue
		case errno != 0:
			now := s.now()
			s.why = errno
			s.broken(c, now, c.request != nil && loadgen.TooSoonToWork(now-c.sent, s.fastest[c.request.target]))
			return
		case n == 0:
			s.ended(c, s.now())
			return
		}
		if c.request == nil {
			// Unrequested bytes: nothing after them can be trusted.
			s.stray()
			s.idle.remove(c)
			s.shut(c)
			s.lost(s.now(), results.OK, false)
			return
		}
		s.consume(c, s.buf[:n])
		if c.generation != generation || n < len(s.buf) && !c.hungUp {
			return
		}
	}
}

// shut closes a connection and makes it available for reuse.
func (s *shard) shut(c *conn) {
	if c.fd >= 0 {
		if s.plan.Conns.New && c.state == open {
			s.avoidTimeWait(c.fd)
		}
		_ = unix.Close(c.fd)
	}
	c.fd, c.state, c.hungUp, c.request, c.visit, c.unwritten, c.firstByte = -1, unused, false, nil, nil, nil, 0
	c.generation++
	s.open--
	s.unused = append(s.unused, c)
}

// avoidTimeWait turns the close of a connection that the server has not closed yet into a reset:
// whoever closes first keeps the port for a minute, and 500 connections a second would use up
// all ports.
func (s *shard) avoidTimeWait(fd int) {
	if n, errno := read(fd, s.buf[:1]); n == 0 && errno == 0 {
		return // the server closed first
	}
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}

// read and write never block, so the scheduler need not know about them: RawSyscall saves the
// cost of notifying it. recvfrom and sendto do what read and write do without the detour
// through the file system layer (0.2 µs of 6 for both).
func read(fd int, into []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM,
		uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(into))), uintptr(len(into)), 0, 0, 0)
	return int(n), errno
}

func write(fd int, from []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO,
		uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(from))), uintptr(len(from)), syscall.MSG_NOSIGNAL, 0, 0)
	return int(n), errno
}
