package vegeta

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"bench/loadgen"
)

// net/http sends a request again whenever a reused connection breaks before the response began, also
// where the server had worked on the request. So each connection looks at its breaks first, and ends
// the request on it where sending it again would hide a failure (loadgen.TooSoonToWork).

// errDropped is a request that the server took and did not answer.
var errDropped = errors.New("the connection broke after the server had taken the request")

// errUnasked is a response to no request.
var errUnasked = errors.New("a response came before the request was sent")

// watched is a connection that knows the request on it.
type watched struct {
	net.Conn
	stray   func() // called when bytes arrive that belong to no response; nil: they cannot be known
	on      atomic.Pointer[exchange]
	writing sync.Mutex // a break that shows while a request is being written is judged after that
}

// exchange is one request on its way.
type exchange struct {
	sent    time.Time
	fastest *atomic.Int64 // response of its target so far, in nanoseconds
	cancel  context.CancelCauseFunc
	asked   atomic.Bool // it is being written, or was
	begun   atomic.Bool // something of it was written
	reading atomic.Bool // something of the response has come
	early   atomic.Bool // it came before the request was written
}

// watch is a connection of the run that is being watched. Over TLS, bytes also belong to handshakes.
func (r *run) watch(conn net.Conn) *watched {
	w := &watched{Conn: conn}
	if strings.HasPrefix(r.plan.URL, "http:") {
		w.stray = func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			if !r.over {
				r.shard.Stray()
			}
		}
	}
	return w
}

// carry notes that a connection carries the exchange from now on.
func (e *exchange) carry(got httptrace.GotConnInfo) *watched {
	conn := got.Conn
	if secure, ok := conn.(*tls.Conn); ok {
		if secure.ConnectionState().NegotiatedProtocol == "h2" {
			return nil // it carries many requests at once
		}
		conn = secure.NetConn()
	}
	w, ok := conn.(*watched)
	if ok {
		e.asked.Store(false)
		e.begun.Store(false)
		w.on.Store(e)
	}
	return w
}

func (w *watched) Write(b []byte) (int, error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	e := w.on.Load()
	if e != nil {
		e.asked.Store(true)
	}
	n, err := w.Conn.Write(b)
	if e != nil && n > 0 {
		e.begun.Store(true)
	}
	return n, err
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	e := w.on.Load()
	if e == nil {
		if n > 0 && w.stray != nil {
			w.stray()
		}
		return n, err
	}
	if n > 0 {
		e.early.CompareAndSwap(false, w.stray != nil && !e.asked.Load())
		e.reading.Store(true)
	}
	if err == nil || e.reading.Load() {
		return n, err
	}
	w.writing.Lock()
	defer w.writing.Unlock()
	if e.begun.Load() && !w.untouched(e, err) {
		e.cancel(errDropped)
	}
	return n, err
}

// untouched reports whether the server cannot have worked on the request when its connection broke.
func (w *watched) untouched(e *exchange, err error) bool {
	switch {
	case errors.Is(err, io.EOF):
		return w.untaken()
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return loadgen.TooSoonToWork(time.Since(e.sent), time.Duration(e.fastest.Load()))
	}
	return false
}

func (w *watched) untaken() (is bool) {
	conn, ok := w.Conn.(syscall.Conn)
	if !ok {
		return false
	}
	control, err := conn.SyscallConn()
	return err == nil && control.Control(func(fd uintptr) { is = loadgen.Untaken(int(fd)) }) == nil && is
}

// answered tells that a response to the exchange has come, as long after the send.
func (e *exchange) answered(after time.Duration) {
	for {
		fastest := e.fastest.Load()
		if fastest > 0 && fastest <= int64(after) || e.fastest.CompareAndSwap(fastest, int64(after)) {
			return
		}
	}
}
