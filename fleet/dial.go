package fleet

import (
	"bufio"
	"io"
	"net"

	"github.com/nats-io/nats.go"
)

// connectOver speaks the engine's protocol on an open connection. Neither side connects again: a worker that
// was gone for a while has sent another load than the one that was planned.
func connectOver(conn net.Conn, user, password string, more ...nats.Option) (*nats.Conn, error) {
	// An address, although nobody dials it: a name would be looked up.
	return nats.Connect("nats://127.0.0.1", append([]nats.Option{
		nats.SetCustomDialer(dialer{&patientConn{Conn: conn, lines: bufio.NewReader(conn)}}),
		nats.UserInfo(user, password), nats.NoReconnect(), nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(mostPings), nats.Timeout(readyWithin), nats.ErrorHandler(silent),
	}, more...)...)
}

// silent keeps the engine's remarks off the terminal: what goes wrong is seen by whoever waits for it.
func silent(*nats.Conn, *nats.Subscription, error) {}

// dialer gives an open connection to the engine, once.
type dialer struct{ conn net.Conn }

func (d dialer) Dial(string, string) (net.Conn, error) { return d.conn, nil }

// patientConn answers the hub's pings until it has been greeted. The engine's client expects none before
// that, and on a slow line or a busy machine the first one comes earlier.
type patientConn struct {
	net.Conn
	lines   *bufio.Reader
	left    []byte // of a line that was read
	greeted bool
}

func (c *patientConn) Read(data []byte) (int, error) {
	if len(c.left) == 0 && c.greeted {
		return c.lines.Read(data)
	}
	for len(c.left) == 0 {
		line, err := c.lines.ReadBytes('\n')
		if err != nil {
			return 0, err
		}
		switch string(line) {
		case "PING\r\n":
			if _, err := io.WriteString(c.Conn, "PONG\r\n"); err != nil {
				return 0, err
			}
			continue
		case "PONG\r\n":
			c.greeted = true
		}
		c.left = line
	}
	n := copy(data, c.left)
	c.left = c.left[n:]
	return n, nil
}
