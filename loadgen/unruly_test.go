package loadgen_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/loadgen/vegeta"
	"bench/results"
	"bench/targets"
)

// everyEngine also has the modes that change how responses are read.
func everyEngine(t *testing.T, test func(*testing.T, loadgen.Engine)) {
	was := engines
	defer func() { engines = was }()
	engines = append(slices.Clip(engines), vegeta.Engine{HTTP1: true})
	together(t, test)
}

// answering serves one request per connection with a text; then it goes on to do something else.
func answering(t *testing.T, text string, then func(net.Conn)) string {
	t.Helper()
	return raw(t, func(c net.Conn) {
		if !readRequest(c) {
			return
		}
		if _, err := c.Write([]byte(text)); err == nil && then != nil {
			then(c)
		}
	})
}

// hold keeps a connection open until the other side closes it.
func hold(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }

// pour writes a text again and again until the other side closes the connection.
func pour(text string) func(net.Conn) {
	return func(c net.Conn) {
		for {
			if _, err := c.Write([]byte(text)); err != nil {
				return
			}
		}
	}
}

// Whatever a server does, each request ends once, in the same class with every engine, and in time; and bytes
// that belong to no response are reported.
func TestUnrulyServers(t *testing.T) { everyEngine(t, unrulyServers) }

func unrulyServers(t *testing.T, e loadgen.Engine) {
	const (
		ok    = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
		empty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
		other = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
		long  = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"
		parts = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"
	)
	for _, row := range []struct {
		says, method string
		url          string
		want         results.Class
		strays       uint64
	}{
		{"a byte after a body", "GET", answering(t, ok+"x", hold), results.OK, 5},
		{"a line after a body", "GET", answering(t, ok+"\r\n", hold), results.OK, 5},
		{"a whole response after a response", "GET", answering(t, ok+ok, hold), results.OK, 5},
		{"bytes without end after a body", "GET", answering(t, ok+"x", pour("x")), results.OK, 5},
		{"a body beyond a length of 0", "GET", answering(t, empty+"ok", hold), results.OK, 5},
		{"a body in response to HEAD", "HEAD", answering(t, ok, hold), results.OK, 5},
		{"a body with 204", "GET", answering(t, "HTTP/1.1 204 No Content\r\n\r\nok", hold), results.OK, 5},
		{"bytes after the last chunk", "GET", answering(t, parts+"0\r\n\r\nx", hold), results.OK, 5},
		{"a body that is longer, with another status", "GET",
			answering(t, strings.Replace(ok, "200", "500", 1)+"x", hold), results.HTTPError, 5},
		{"a body that is shorter, and the end", "GET", answering(t, long, nil), results.Reset, 0},
		{"a body that is shorter, and silence", "GET", answering(t, long, hold), results.Timeout, 0},
		{"chunks without the last one, and the end", "GET", answering(t, parts, nil), results.Reset, 0},
		{"chunks without the last one, and silence", "GET", answering(t, parts, hold), results.Timeout, 0},
		{"a chunk that is cut", "GET", answering(t, parts+"9\r\nok", nil), results.Reset, 0},
		{"a status line that is cut", "GET", answering(t, "HTTP/1.", nil), results.Reset, 0},
		{"a header that is cut, and the end", "GET", answering(t, ok[:30], nil), results.Reset, 0},
		{"a header that is cut, and silence", "GET", answering(t, ok[:30], hold), results.Timeout, 0},
		{"a field without end", "GET",
			answering(t, "HTTP/1.1 200 OK\r\nX: ", pour(strings.Repeat("y", 4096))), results.BadBody, 0},
		{"fields without end", "GET",
			answering(t, "HTTP/1.1 200 OK\r\n", pour(strings.Repeat("X: y\r\n", 512))), results.BadBody, 0},
		{"another protocol, and silence", "GET", answering(t, other, hold), results.HTTPError, 0},
		{"another protocol, and the end", "GET", answering(t, other, nil), results.HTTPError, 0},
		{"another protocol, without end", "GET", answering(t, other+"x", pour("x")), results.HTTPError, 5},
	} {
		load := plan(row.url, func(p *loadgen.Plan) {
			p.Mode, p.Pacer, p.Duration = loadgen.Open, pacing.Constant{PerSecond: 200}, 25*time.Millisecond
			p.Timeout, p.Conns.Max = 10*time.Second, 5
			if row.want == results.Timeout {
				p.Timeout = 100 * time.Millisecond
			}
			p.Mix.Targets[0].Method, p.Mix.Targets[0].Expect = row.method, targets.Expect{}
		})
		m := measure(t, e, load)
		for try := 0; m.Counts.Dropped > 0 && try < 3; try++ { // the generator got no core in time
			m = measure(t, e, load)
		}
		var want results.Counts
		want.Add(row.want, 5)
		if m.Counts != want || m.Strays != row.strays {
			t.Errorf("%s: counts %+v, %d times stray bytes; want 5 of %v and %d (%+v)",
				row.says, m.Counts, m.Strays, row.want, row.strays, m.Reasons)
		}
		if hasCause(m, "stray-bytes") != (row.strays > 0) {
			t.Errorf("%s: diagnostics %v", row.says, m.Diagnostics)
		}
		if m.Elapsed > load.Duration+load.Timeout+time.Second {
			t.Errorf("%s: it took %v; want it to end within a second of the timeout", row.says, m.Elapsed)
		}
	}
}

// An interruption ends a load at once, also where the server would keep it.
func TestInterruptionOfUnrulyServers(t *testing.T) { everyEngine(t, interruptionOfUnrulyServers) }

func interruptionOfUnrulyServers(t *testing.T, e loadgen.Engine) {
	for says, url := range map[string]string{
		"silence":          raw(t, hold),
		"another protocol": answering(t, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", hold),
		"a body that does not end": answering(t, "HTTP/1.1 200 OK\r\n\r\n", func(c net.Conn) {
			for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(time.Millisecond) {
				if _, err := c.Write([]byte("x")); err != nil {
					return
				}
			}
		}),
	} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		m, err := loadgen.Local{Engine: e}.Measure(ctx, plan(url, func(p *loadgen.Plan) {
			p.Mode, p.Pacer, p.Duration = loadgen.Open, pacing.Constant{PerSecond: 100}, time.Minute
			p.Timeout = time.Minute
		}), loadgen.Watch{})
		cancel()
		if err != nil || m.Elapsed > 2*time.Second || m.Counts.Sent == 0 {
			t.Errorf("%s: %v after %v, counts %+v; want it to end within a second", says, err, m.Elapsed, m.Counts)
		}
		checkTargets(t, m)
	}
}

// A server that speaks while nobody asks: what it says is no response to the next request.
func TestResponsesToNoRequest(t *testing.T) { everyEngine(t, responsesToNoRequest) }

func responsesToNoRequest(t *testing.T, e loadgen.Engine) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	between := plan(raw(t, func(c net.Conn) {
		for r := bufio.NewReader(c); ; {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			_, _ = c.Write([]byte(ok))
			_, _ = c.Write([]byte(strings.Replace(ok, "200", "500", 1)))
		}
	}), func(p *loadgen.Plan) {
		p.Mode, p.Pacer, p.Duration, p.Conns.Max = loadgen.Open, pacing.Constant{PerSecond: 20}, 250*time.Millisecond, 1
	})
	m := measure(t, e, between)
	for try := 0; m.Counts.OK != 5 && try < 3; try++ {
		m = measure(t, e, between) // what the server sends twice came 50 ms apart: then it was a response
	}
	if m.Counts.OK != 5 || m.Strays < 4 || m.Opened < 4 { // the last one comes when the load is over
		t.Errorf("between requests: counts %+v on %d connections, %d times stray bytes; want 5 ok on as many connections",
			m.Counts, m.Opened, m.Strays)
	}

	// Whether the response or the request is first on a new connection is a race: neither engine may hang,
	// nor count a request twice.
	m = measure(t, e, plan(raw(t, func(c net.Conn) { _, _ = c.Write([]byte(ok)); hold(c); hold(c) }),
		func(p *loadgen.Plan) {
			p.Mode, p.Pacer, p.Duration, p.Conns.New = loadgen.Open, pacing.Constant{PerSecond: 400}, 50*time.Millisecond, true
			p.Conns.Max = 20
		}))
	if c := m.Counts; c.OK+c.BadBody+c.Dropped != 20 || c.Intended != 20 {
		t.Errorf("as soon as a connection is made: counts %+v; want 20 ok or refused as unasked", c)
	}
	for _, why := range m.Reasons {
		if !strings.Contains(why.Text, "before the request was sent") {
			t.Errorf("as soon as a connection is made: reason %+v", why)
		}
	}
}
