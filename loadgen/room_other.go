//go:build !linux

package loadgen

import "net/netip"

// CheckRoom knows nothing about this system's limits.
func (Plan) CheckRoom(netip.AddrPort) error { return nil }

// CheckPorts knows nothing about this system's limits.
func (Plan) CheckPorts(netip.AddrPort) error { return nil }
