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
	return errors.Join(p.checkFiles(), p.CheckPorts(remote))
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
	all, slow := p.Conns.Max, 0
	for _, s := range p.Slow {
		all, slow = all+s.Clients, slow+int(p.Part.Share(uint64(s.Clients)))
	}
	need, own := uint64(conns+slow+len(entries)+ownFiles), uint64(len(entries)+ownFiles)
	if need <= limit.Cur {
		return nil
	}
	ways := fmt.Sprintf("raise it (ulimit -n %d)", need)
	if limit.Cur > own {
		each := limit.Cur - own
		ways += fmt.Sprintf(", send from several processes (--workers local:%d)", (uint64(all)+each-1)/each)
	}
	return fmt.Errorf("%w: %d connections need %d open files, the limit is %d; %s or use fewer connections",
		ErrTooFew, conns, need, limit.Cur, ways)
}

// CheckPorts refuses a plan whose part needs more ports than this machine has, for all its processes
// together.
func (p Plan) CheckPorts(remote netip.AddrPort) error {
	if !remote.IsValid() {
		return nil
	}
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
	each := high - low + 1
	conns := p.Connections()
	if conns <= each*sources {
		return nil
	}
	return fmt.Errorf("%w: %d connections to %v need a port each, %d source addresses have %d; "+
		"add source addresses (--source %s) or use fewer connections",
		ErrTooFew, conns, remote, sources, each*sources, addresses((conns+each-1)/each))
}

// addresses lists a number of addresses of this machine, for an example.
func addresses(n int) string {
	const most = 100
	var all []string
	for i := range min(n, most) {
		all = append(all, netip.AddrFrom4([4]byte{127, 0, 0, byte(2 + i)}).String())
	}
	return strings.Join(all, ",")
}
