package loadgen_test

import (
	"bufio"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bench/loadgen"
	"bench/loadgen/pacing"
)

// evil serves kept connections, works on every request for as long as told, and drops every
// tenth without a response: it closes the connection, or resets it.
func evil(t *testing.T, work time.Duration, reset bool) (url string) {
	t.Helper()
	var asked atomic.Int64
	return raw(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			time.Sleep(work) // the work that a user would have paid for
			if asked.Add(1)%10 == 0 {
				if reset {
					_ = c.(*net.TCPConn).SetLinger(0)
				}
				return
			}
			if _, err := c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")); err != nil {
				return
			}
		}
	})
}

// A request that the server took, worked on and dropped has failed, however soon: sending it
// again would hide what users meet. The truth is the server's own count, one in ten.
func TestDroppedRequestsAreErrors(t *testing.T) { together(t, droppedRequestsAreErrors) }

func droppedRequestsAreErrors(t *testing.T, e loadgen.Engine) {
	for _, row := range []struct {
		says  string
		work  time.Duration
		reset bool
	}{
		{"closed after 3 ms of work", 3 * time.Millisecond, false},
		{"closed after no work to speak of", 0, false},
		{"reset after 3 ms of work", 3 * time.Millisecond, true},
		{"reset after 20 ms of work", 20 * time.Millisecond, true},
	} {
		for _, mode := range []loadgen.Mode{loadgen.Closed, loadgen.Open} {
			m := measure(t, e, plan(evil(t, row.work, row.reset), func(p *loadgen.Plan) {
				p.Conns.Max, p.Duration = 8, 500*time.Millisecond
				if p.Mode = mode; mode == loadgen.Open {
					p.Pacer = pacing.Constant{PerSecond: 200}
				}
			}))
			c := m.Counts
			failed, again := 100*float64(c.Reset)/float64(c.Sent), 100*float64(c.StaleRetry)/float64(c.Sent)
			t.Logf("%s, %s loop: %.1f %% failed, %.1f %% were sent again", row.says, mode, failed, again)
			if failed < 7 || failed > 13 || again > 1 { // the connections that are proven before the start count for the server
				t.Errorf("%s, %s loop: %.1f %% failed and %.1f %% were sent again; want 10 and 0 (%+v)", row.says, mode,
					failed, again, c)
			}
		}
	}
}

// A connection that was closed while nobody used it costs no user anything: the server never
// saw the request. The server closes every connection after three responses, without a word and
// while the next request may be under way.
func TestClosedConnectionsAreNoErrors(t *testing.T) { each(t, closedConnectionsAreNoErrors) }

func closedConnectionsAreNoErrors(t *testing.T, e loadgen.Engine) {
	for _, unread := range []bool{false, true} {
		url := raw(t, func(c net.Conn) {
			r := bufio.NewReader(c)
			for range 3 {
				if _, err := http.ReadRequest(r); err != nil {
					return
				}
				if _, err := c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")); err != nil {
					return
				}
			}
			if unread {
				awaitUnread(c)
			}
		})
		m := measure(t, e, plan(url, func(p *loadgen.Plan) { p.Conns.Max = 2 }))
		c := m.Counts
		if c.OK < 50 || 4*c.Failed() > c.StaleRetry+c.Sent/50 { // a generator that waits for a core sees a reset too late
			t.Errorf("unread %t: %+v; want few failed requests", unread, c)
		}
		if unread && c.StaleRetry == 0 {
			t.Errorf("%+v; want the requests that were sent again to be counted", c)
		}
		if unread && !hasCause(m, "stale-retries") {
			t.Errorf("diagnostics %v; want the share of the requests that were sent again", m.Diagnostics)
		}
	}
}

// awaitUnread waits until the next request lies in the kernel, and does not read it.
func awaitUnread(c net.Conn) {
	conn, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Second))
	_ = conn.Read(func(fd uintptr) bool {
		n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		return err == nil && n >= 0
	})
}

func hasCause(m loadgen.Measurement, code string) bool {
	for _, d := range m.Diagnostics {
		if d.Code == code {
			return true
		}
	}
	return false
}

// wrk is a second opinion on the server above: it counts every connection that broke.
func TestWrkCountsTheSameErrors(t *testing.T) {
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		t.Skip("wrk is not installed")
	}
	out, err := exec.Command(wrk, "-t1", "-c8", "-d1s", evil(t, 3*time.Millisecond, false)).Output()
	if err != nil {
		t.Fatal(err)
	}
	number := func(pattern string) float64 {
		found := regexp.MustCompile(pattern).FindSubmatch(out)
		if found == nil {
			t.Fatalf("no %s in:\n%s", pattern, out)
		}
		n, _ := strconv.ParseFloat(string(found[1]), 64)
		return n
	}
	answered, broken := number(`(\d+) requests in`), number(`read (\d+),`)
	share := 100 * broken / (answered + broken)
	t.Logf("wrk: %.0f answered, %.0f broken, %.1f %%", answered, broken, share)
	if share < 8 || share > 12 {
		t.Errorf("wrk counts %.1f %% errors; the server drops 10 %%", share)
	}
}
