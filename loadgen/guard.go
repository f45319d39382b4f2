package loadgen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Guard keeps load away from machines that nobody named: only loopback addresses and hosts
// allowed by name are dialled. It checks when an address is dialled, not only when a URL is
// read, so neither a redirect nor a name that resolves elsewhere gets past it.
type Guard struct {
	Hosts []string // as given to --allow-host
	// Socket is a Unix socket that all connections go to, whatever host the URL names, which then is
	// only what requests say. It is this machine's own.
	Socket string
}

// ErrRefused marks a target that the guard refuses.
var ErrRefused = errors.New("target refused")

func (g Guard) refuse(what string) error {
	return fmt.Errorf("%w: %s is neither a loopback address nor allowed; if you may load it, use --allow-host %s",
		ErrRefused, what, what)
}

func (g Guard) allows(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host != "" && slices.ContainsFunc(g.Hosts, func(h string) bool {
		if name, _, err := net.SplitHostPort(h); err == nil {
			h = name // a port says nothing about whose machine it is
		}
		return strings.TrimSuffix(strings.ToLower(h), ".") == host
	})
}

// ownName reports whether a name is this machine's whatever a name server says: localhost, and
// every name below it (RFC 6761, section 6.3).
func ownName(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost") && !strings.Contains(host, "..") && host[0] != '.'
}

// ownAddresses are the addresses of such a name.
var ownAddresses = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}

// Check refuses a URL whose host is an address outside this machine, or a name that is not this
// machine's own, unless it is allowed. It sends no packet, not even to resolve a name.
func (g Guard) Check(rawURL string) error {
	u, err := url.Parse(rawURL)
	if err != nil {
		return fmt.Errorf("checking the target: %w", err)
	}
	host := u.Hostname()
	if g.Socket != "" || g.allows(host) || ownName(host) {
		return nil
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.Unmap().IsLoopback() {
		return nil
	}
	return g.refuse(host)
}

// Dialer returns a dial function that connects only where the guard allows.
func (g Guard) Dialer(base net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	loopbackOnly := base
	loopbackOnly.ControlContext = func(_ context.Context, _, resolved string, _ syscall.RawConn) error {
		if addr, err := netip.ParseAddrPort(resolved); err == nil && addr.Addr().Unmap().IsLoopback() {
			return nil
		}
		return g.refuse(resolved)
	}
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		if g.Socket != "" {
			return base.DialContext(ctx, "unix", g.Socket)
		}
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if g.allows(host) && !ownName(host) {
			return base.DialContext(ctx, network, address)
		}
		if !ownName(host) {
			return loopbackOnly.DialContext(ctx, network, address)
		}
		for _, own := range ownAddresses {
			if conn, err = loopbackOnly.DialContext(ctx, network, net.JoinHostPort(own.String(), port)); err == nil {
				return conn, nil
			}
		}
		return nil, err
	}
}

// Resolve returns the address of a URL's server. A name that was not allowed must resolve to a
// loopback address. A Unix socket has none.
func (g Guard) Resolve(ctx context.Context, rawURL string) (netip.AddrPort, error) {
	if g.Socket != "" {
		return netip.AddrPort{}, nil
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("resolving the target: %w", err)
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", cmp.Or(u.Port(), u.Scheme))
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("resolving the target %s: %w", rawURL, err)
	}
	addrs, err := lookup(ctx, u.Hostname())
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%w: %s has no address (%w); check the name, or use an address",
			ErrRefused, u.Hostname(), err)
	}
	var allowed []netip.AddrPort
	for _, addr := range addrs {
		if addr = addr.Unmap(); addr.IsLoopback() || g.allows(u.Hostname()) {
			allowed = append(allowed, netip.AddrPortFrom(addr, uint16(port)))
		}
	}
	if len(allowed) == 0 {
		return netip.AddrPort{}, g.refuse(fmt.Sprintf("%s (%v)", u.Hostname(), addrs))
	}
	return firstListening(ctx, allowed), nil
}

// lookup is the addresses of a host, those of IPv4 first: nearly every server listens there.
func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if ownName(host) {
		return ownAddresses, nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return cmp.Compare(a.Unmap().BitLen(), b.Unmap().BitLen()) })
	return addrs, err
}

// firstListening is the first of several addresses that accepts a connection, or the first of
// all if none does.
func firstListening(ctx context.Context, addrs []netip.AddrPort) netip.AddrPort {
	if len(addrs) == 1 {
		return addrs[0]
	}
	dialer := net.Dialer{Timeout: time.Second}
	for _, addr := range addrs {
		if conn, err := dialer.DialContext(ctx, "tcp", addr.String()); err == nil {
			_ = conn.Close()
			return addr
		}
	}
	return addrs[0]
}
