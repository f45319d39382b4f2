package native

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"bench/loadgen"

	"golang.org/x/sys/unix"
)

// enough refuses a plan that needs more files or ports than this machine has, before anything is
// sent.
func enough(p loadgen.Plan, remote netip.AddrPort) error {
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
	if ports := (high - low + 1) * sources; conns > ports {
		return fmt.Errorf("%w: %d connections to %v need a port each, %d source addresses have %d; "+
			"add source addresses (--source 127.0.0.2,127.0.0.3) or use fewer connections",
			ErrTooFew, conns, remote, sources, ports)
	}
	return nil
}

// watchCores tracks, until the function it returns is called, whether there are idle cores for
// the shards to poll on.
func (r *run) watchCores(shards int) func() {
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(coresEvery)
		defer tick.Stop()
		before, at := idleTime(), time.Now()
		for {
			select {
			case <-done:
				return
			case now := <-tick.C:
				idle := idleTime()
				cores := (idle - before).Seconds() / now.Sub(at).Seconds()
				if r.spare.Load() {
					cores += float64(shards) // the cores used for polling would otherwise be idle
				}
				// A quarter of a core more than needed, so as not to take the last of it.
				r.spare.Store(cores >= float64(shards)+0.25)
				before, at = idle, now
			}
		}
	})
	return func() { close(done); watching.Wait() }
}

const coresEvery = 250 * time.Millisecond

// idleTime is the time that all cores together have been idle.
func idleTime() time.Duration {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(data), "\n")
	fields := strings.Fields(line)
	if len(fields) < 6 {
		return 0
	}
	idle, _ := strconv.ParseInt(fields[4], 10, 64)
	iowait, _ := strconv.ParseInt(fields[5], 10, 64)
	return time.Duration(idle+iowait) * (time.Second / 100) // USER_HZ is 100 on every Linux
}
