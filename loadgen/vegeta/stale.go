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
	"bench/loadgen/http1"
)

// net/http sends a request again whenever a reused connection breaks before the response began, also
// where the server had worked on the request. So each connection looks at its breaks first, and ends
// the request on it where sending it again would hide a failure (loadgen.TooSoonToWork).

// errDropped is a request that the server took and did not answer.
var errDropped = errors.New("the connection broke after the server had taken the request")

// errCut is a response that is whole as far as it goes. Net/http takes its last line for a whole one.
var errCut = errors.New("the server closed the connection within the response")

// errUnasked is a response to no request.
var errUnasked = errors.New("a response came before the request was sent")

// watched is a connection that knows the request on it.
type watched struct {
	net.Conn
	stray   func() // called when bytes arrive that belong to no response; nil: they cannot be known
	on      atomic.Pointer[exchange]
	writing sync.Mutex  // a break that shows while a request is being written is judged after that
	early   atomic.Bool // bytes came before the first request

	// Only who reads from the connection uses these, which is one at a time.
	of       *exchange    // whose response is being read
	response http1.Parser // of it; knows where it ends
	followed bool         // it can be parsed
	over     bool         // nothing that comes now belongs to a response
}

// exchange is one request on its way.
type exchange struct {
	sent    time.Time
	head    bool          // its response has no body
	fastest *atomic.Int64 // response of its target so far, in nanoseconds
	cancel  context.CancelCauseFunc
	asked   atomic.Bool // it is being written, or was
	begun   atomic.Bool // something of it was written
	reading atomic.Bool // something of the response has come
	early   atomic.Bool // it came before the request was written
	cut     atomic.Bool // the connection ended within the response
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

// Read ends where the last response ends. What comes after it belongs to no request; net/http might take
// it for the response to its next one.
func (w *watched) Read(b []byte) (int, error) {
	if w.over {
		return 0, io.EOF
	}
	n, err := w.Conn.Read(b)
	e := w.on.Load()
	if n > 0 && w.stray != nil {
		if n, w.over = w.within(e, b[:n]); w.over {
			err = io.EOF
		}
	}
	if e == nil {
		return n, err
	}
	if n > 0 {
		e.reading.Store(true)
	}
	if err != nil && e == w.of && w.followed {
		e.cut.Store(!w.response.End())
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

// within returns how many of the bytes that came belong to an exchange, and whether the connection is of no
// more use.
func (w *watched) within(e *exchange, data []byte) (n int, over bool) {
	switch {
	case e == nil && w.of == nil:
		w.early.Store(true)
		return 0, true
	case e == nil:
		w.stray()
		return 0, true
	case e != w.of:
		w.of, w.followed = e, true
		w.response.Reset(e.head)
		e.early.Store(!e.asked.Load())
	}
	rest := data
	for w.followed && len(rest) > 0 && !w.response.Complete() {
		var err error
		_, rest, err = w.response.Next(rest)
		w.followed = err == nil // otherwise net/http says what is wrong with it
	}
	switch {
	case !w.followed || !w.response.Complete():
		return len(data), false
	case len(rest) > 0:
		w.stray()
	}
	return len(data) - len(rest), len(rest) > 0 || e.early.Load()
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
