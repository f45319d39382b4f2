package loadgen

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// Of a name's addresses, the one on which a server listens is used.
func TestTheListeningAddressIsUsed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skipf("no second loopback address: %v", err)
	}
	defer listener.Close()
	open := netip.MustParseAddrPort(listener.Addr().String())
	closed := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.3"), open.Port())
	for _, row := range []struct {
		says  string
		addrs []netip.AddrPort
		want  netip.AddrPort
	}{
		{"the only one, unchecked", []netip.AddrPort{closed}, closed},
		{"the first, if it listens", []netip.AddrPort{open, closed}, open},
		{"the second, if only that does", []netip.AddrPort{closed, open}, open},
		{"the first, if none does", []netip.AddrPort{closed, closed}, closed},
	} {
		if got := firstListening(t.Context(), row.addrs); got != row.want {
			t.Errorf("%s: %v; want %v", row.says, got, row.want)
		}
	}
}

// Names at and below localhost are this machine's own: no name server is asked, so a wrong one
// cannot send the load elsewhere. Cases 26-localhost-subdomain, 27-ipv6-zone, 35-exit-code-of-addresses.
func TestOwnNames(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	for host, own := range map[string]bool{
		"localhost": true, "localhost.": true, "LOCALHOST": true, "app.localhost": true, "a.b.localhost.": true,
		"127.0.0.1": true, "127.255.0.9": true, "[::1]": true, "[::1%25lo]": true, "[::ffff:127.0.0.1]": true,
		"localhost.example": false, "notlocalhost": false, "app.localhost.example": false, ".localhost": false,
		"a..localhost": false, "10.0.0.1": false, "[fe80::1%25lo]": false, "2130706433": false, "127.1": false,
	} {
		err := Guard{}.Check("http://" + host + ":" + port)
		if (err == nil) != own || !own && !errors.Is(err, ErrRefused) {
			t.Errorf("%s: Check = %v; want it accepted: %t", host, err, own)
		}
		if !own || host[0] == '[' {
			continue
		}
		addr, err := Guard{}.Resolve(t.Context(), "http://"+host+":"+port)
		if err != nil || !addr.Addr().IsLoopback() {
			t.Errorf("%s: resolved to %v, %v; want a loopback address", host, addr, err)
		}
	}
	for _, host := range []string{"localhost.", "app.localhost"} {
		for _, guard := range []Guard{{}, {Hosts: []string{host}}} {
			conn, err := guard.Dialer(net.Dialer{})(t.Context(), "tcp", net.JoinHostPort(host, port))
			if err != nil {
				t.Errorf("dialling %s: %v", host, err)
				continue
			}
			_ = conn.Close()
		}
	}
}

// A name without an address is a target that is refused, not a fault of bench.
func TestNamesWithoutAnAddress(t *testing.T) {
	_, err := Guard{Hosts: []string{"nowhere.invalid"}}.Resolve(t.Context(), "http://nowhere.invalid:80/")
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "nowhere.invalid has no address") {
		t.Errorf("Resolve = %v; want it refused by name", err)
	}
}

func TestCheckServer(t *testing.T) {
	for text, want := range map[string]bool{
		"http://127.0.0.1": true, "https://[::1%25lo]:8443": true, "http://h:1": true, "http://h:65535": true,
		"http://h:080": true, "http://h:": true, "http://h:65536": false, "http://h:99999999999999999999": false,
		"http://h:0": false,
		"ftp://h":    false, "http://:80": false, "http://[::1%lo]": false, "h:80": false, "http://h:http": false,
	} {
		if err := CheckServer(text); (err == nil) != want {
			t.Errorf("CheckServer(%q) = %v; want it accepted: %t", text, err, want)
		}
	}
}
