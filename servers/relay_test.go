package servers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"bench/targets"
)

// What passes is passed on unchanged, in both directions and at its end, and is counted byte by byte.
func TestRelayPassesOnAndCounts(t *testing.T) {
	server, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		for {
			conn, err := server.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(conn).ReadString('\n')
			_, _ = io.WriteString(conn, strings.Repeat(line, 3))
			_ = conn.Close()
		}
	}()
	ports, err := ReservePorts(t.TempDir(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer ports.Close()
	r, err := startRelay(ports.Numbers[0], server.Addr().(*net.TCPAddr).Port)
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{relays: []*relay{r}}
	for i := range uint64(3) {
		conn, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", ports.Numbers[0]))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "hello\n"); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		if string(answer) != strings.Repeat("hello\n", 3) || err != nil {
			t.Errorf("through the relay: %q, %v", answer, err)
		}
		_ = conn.Close()
		n := i + 1
		if got, counted := c.Traffic(); got != (Traffic{Connections: n, ToServers: 6 * n, FromServers: 18 * n}) || !counted {
			t.Errorf("after connection %d: counted %+v", n, got)
		}
	}
	idle, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", ports.Numbers[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if err := r.Close(); err != nil { // also of a connection on which nobody has said anything
		t.Error(err)
	}
	_ = idle.SetReadDeadline(time.Now().Add(5 * time.Second))
	var late net.Error
	if _, err := io.ReadAll(idle); errors.As(err, &late) && late.Timeout() {
		t.Error("a connection is open after its relay")
	}
}

// With a relay, the proxy's configuration names bench's ports, and the servers keep their own.
func TestRelayedTopology(t *testing.T) {
	host := testHost
	host.Dir, host.Relay, host.Ports = "/boot", true, []int{1, 2, 3, 4, 5, 6, 7}
	host.Tools = Tools{"uwsgi": {Path: "uwsgi"}, "nginx": {Path: "nginx"}}
	app := targets.App{Dir: "/srv/site", WSGI: "site:app", Health: "/"}
	b, err := Topology{Name: "nginx-uwsgi", Params: "backends=2"}.Blueprint(app, host)
	if err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for i, want := range []struct{ relay, entry int }{{3, 1}, {6, 4}, {0, 7}} {
		if p := b.Processes[i]; p.Relay != want.relay || p.Entry != want.entry {
			t.Errorf("%s: relay %d to %d; want %+v", p.Name, p.Relay, p.Entry, want)
		}
	}
	for _, want := range []string{"server 127.0.0.1:3 ", "server 127.0.0.1:6 ", "socket = 127.0.0.1:1\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
}
