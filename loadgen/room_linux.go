package loadgen

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// CheckRoom refuses a plan that needs more files or ports than this machine has, before anything is
// sent. Connections to a socket in the file system, which has no address, need no ports.
func (p Plan) CheckRoom(remote netip.AddrPort) error {
	if err := p.checkFiles(); err != nil || !remote.IsValid() {
		return err
	}
	return p.checkPorts(remote)
}

func (p Plan) checkFiles() error {
	conns := p.Connections()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("reading the limit on open files: %w", err)
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("counting the open files: %w", err)
	}
	const ownFiles = 16 // epoll sets, event files, what a report needs
	slow := 0
	for _, s := range p.Slow {
		slow += int(p.Part.Share(uint64(s.Clients)))
	}
	if need := uint64(conns + slow + len(entries) + ownFiles); need > limit.Cur {
		return fmt.Errorf(
			"%w: %d connections need %d open files, the limit is %d; raise it (ulimit -n %d) or use fewer connections",
			ErrTooFew, conns, need, limit.Cur, need)
	}
	return nil
}

func (p Plan) checkPorts(remote netip.AddrPort) error {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return nil // unknown here; a shortage shows in the run
	}
	fields := strings.Fields(string(text))
	if len(fields) != 2 {
		return nil
	}
	low, err1 := strconv.Atoi(fields[0])
	high, err2 := strconv.Atoi(fields[1])
	if errors.Join(err1, err2) != nil {
		return nil
	}
	sources := max(1, len(p.Conns.Sources))
	if conns, ports := p.Connections(), (high-low+1)*sources; conns > ports {
		return fmt.Errorf("%w: %d connections to %v need a port each, %d source addresses have %d; "+
			"add source addresses (--source 127.0.0.2,127.0.0.3) or use fewer connections",
			ErrTooFew, conns, remote, sources, ports)
	}
	return nil
}
