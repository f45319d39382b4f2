package servers

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"

	"bench/internal/proc"
	"bench/results"

	"github.com/prometheus/procfs"
)

// RunningTier names the processes of a server that was already running. What stands behind it, such as the servers of
// a proxy that somebody else started, is not among them.
const RunningTier = "server"

// runningUsage is what the processes have used that listen where a running server is reached, with all that descend
// from them; none if they are on another machine, belong to another user, or to this process.
func (c *Cluster) runningUsage() ([]results.Usage, error) {
	all, err := proc.All()
	if err != nil {
		return nil, err
	}
	pids, err := c.listenersAmong(all)
	if err != nil {
		return nil, err
	}
	below := proc.Below(all, pids...)
	if len(below) == 0 || slices.ContainsFunc(below, func(m proc.Member) bool { return m.PID == os.Getpid() }) {
		return nil, nil
	}
	u := results.Usage{Tier: RunningTier}
	for _, r := range proc.ReadAll(below) {
		u.CPU += r.CPU
		u.PSS += r.PSS
		u.Processes++
		u.Threads += r.Threads
	}
	return []results.Usage{u}, nil
}

// listenersAmong are the processes that listen at the cluster's URL: those that were found before, as long as one of
// them lives. Both loads of a paired run may ask at once.
func (c *Cluster) listenersAmong(all []proc.Member) (pids []int, err error) {
	c.running.Lock()
	defer c.running.Unlock()
	if !anyAlive(all, c.listeners) {
		c.listeners, err = listeners(c.blueprint.URL)
	}
	return c.listeners, err
}

func anyAlive(all []proc.Member, pids []int) bool {
	return slices.ContainsFunc(all, func(m proc.Member) bool { return slices.Contains(pids, m.PID) })
}

// listeners are the processes of this machine that hold a socket which listens at a URL, as far as they may be seen.
func listeners(target string) ([]int, error) {
	u, err := url.Parse(target)
	if err != nil || !isLocal(u.Hostname()) {
		return nil, nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		port = map[string]uint64{"http": 80, "https": 443}[u.Scheme]
	}
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, fmt.Errorf("looking for the server at %s: %w", target, err)
	}
	//lint:ignore SA1019 sock_diag over netlink would be another library for the same two columns
	lines, err := fs.NetTCP()
	if err != nil {
		return nil, fmt.Errorf("looking for the server at %s: %w", target, err)
	}
	//lint:ignore SA1019 as above; without IPv6 there is no such file
	if more, err := fs.NetTCP6(); err == nil {
		lines = append(lines, more...)
	}
	const listens = 0x0A
	sockets := map[string]bool{}
	for _, line := range lines {
		if line.St == listens && line.LocalPort == port {
			sockets[fmt.Sprintf("socket:[%d]", line.Inode)] = true
		}
	}
	processes, err := fs.AllProcs()
	if err != nil {
		return nil, fmt.Errorf("looking for the server at %s: %w", target, err)
	}
	var pids []int
	for _, p := range processes {
		files, err := p.FileDescriptorTargets()
		if err != nil {
			continue // it has ended, or is another user's
		}
		if slices.ContainsFunc(files, func(file string) bool { return sockets[file] }) {
			pids = append(pids, p.PID)
		}
	}
	return pids, nil
}

// isLocal reports whether a host is this machine, by its name or by an address of its interfaces.
func isLocal(host string) bool {
	if host == "localhost" {
		return true
	}
	at, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	if at.IsLoopback() {
		return true
	}
	own, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(own, func(a net.Addr) bool {
		prefix, err := netip.ParsePrefix(a.String())
		return err == nil && prefix.Addr() == at
	})
}
