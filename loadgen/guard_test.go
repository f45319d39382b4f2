package loadgen

import (
	"net"
	"net/netip"
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
