package servers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"time"

	"bench/results"

	"github.com/prometheus/procfs"
)

// statsTimeout bounds one reading of a server's statistics.
const statsTimeout = time.Second

// uwsgiStats is the part of uWSGI's stats server output that is used.
type uwsgiStats struct {
	ListenQueue uint64 `json:"listen_queue"`
	Workers     []struct {
		PID        int    `json:"pid"`
		Requests   uint64 `json:"requests"`
		Exceptions uint64 `json:"exceptions"`
		Harakiri   uint64 `json:"harakiri_count"`
		Respawns   uint64 `json:"respawn_count"`
		Running    uint64 `json:"running_time"` // microseconds within requests
	} `json:"workers"`
}

func readUWSGI(ctx context.Context, port int) (uwsgiStats, error) {
	var s uwsgiStats
	dialer := net.Dialer{Timeout: statsTimeout}
	conn, err := dialer.DialContext(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return s, fmt.Errorf("reading uWSGI's statistics: %w", err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(statsTimeout))
	if err := json.NewDecoder(io.LimitReader(conn, 4<<20)).Decode(&s); err != nil {
		return s, fmt.Errorf("reading uWSGI's statistics: %w", err)
	}
	return s, nil
}

func readNginx(ctx context.Context, port int) (results.NginxStats, error) {
	var s results.NginxStats
	ctx, cancel := context.WithTimeout(ctx, statsTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/_nginx", port), nil)
	if err != nil {
		return s, err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return s, fmt.Errorf("reading nginx's statistics: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return s, fmt.Errorf("reading nginx's statistics: %w", err)
	}
	return parseStubStatus(string(text))
}

func parseStubStatus(text string) (results.NginxStats, error) {
	var s results.NginxStats
	var active uint64
	if _, err := fmt.Sscanf(text, "Active connections: %d \nserver accepts handled requests\n %d %d %d", &active, &s.Accepts, &s.Handled, &s.Requests); err != nil {
		return s, fmt.Errorf("reading nginx's statistics: %q: %w", text, err)
	}
	return s, nil
}

// ListenQueue is the greatest length of a listen queue that the statistics show now; 0 where
// none are to be had.
func (c *Cluster) ListenQueue(ctx context.Context) uint64 {
	var longest uint64
	for _, p := range c.blueprint.Processes {
		if p.Stats == "uwsgi" {
			if s, err := readUWSGI(ctx, p.Ports["stats"]); err == nil {
				longest = max(longest, s.ListenQueue)
			}
		}
	}
	return longest
}

// Counters is one reading of what the servers and the kernel count.
type Counters struct {
	uwsgi  []uwsgiStats
	nginx  *results.NginxStats
	kernel results.Server
}

// Counters reads the servers' statistics and the kernel's.
func (c *Cluster) Counters(ctx context.Context) (Counters, error) {
	var now Counters
	for _, p := range c.blueprint.Processes {
		switch p.Stats {
		case "uwsgi":
			s, err := readUWSGI(ctx, p.Ports["stats"])
			if err != nil {
				return now, fmt.Errorf("%s: %w", p.Name, err)
			}
			now.uwsgi = append(now.uwsgi, s)
		case "nginx":
			s, err := readNginx(ctx, p.Ports["http"])
			if err != nil {
				return now, fmt.Errorf("%s: %w", p.Name, err)
			}
			now.nginx = &s
		}
	}
	var err error
	now.kernel, err = readKernel()
	return now, err
}

// Since is what was counted between an earlier reading and this one.
func (c Counters) Since(before Counters) results.Server {
	s := c.kernel
	s.ListenOverflows -= before.kernel.ListenOverflows
	s.ListenDrops -= before.kernel.ListenDrops
	s.RetransSegs -= before.kernel.RetransSegs
	s.TCPTimeouts -= before.kernel.TCPTimeouts
	s.StealSeconds -= before.kernel.StealSeconds
	s.BusySeconds -= before.kernel.BusySeconds
	if c.nginx != nil && before.nginx != nil {
		s.Nginx = &results.NginxStats{
			Accepts:  c.nginx.Accepts - before.nginx.Accepts,
			Handled:  c.nginx.Handled - before.nginx.Handled,
			Requests: c.nginx.Requests - before.nginx.Requests,
		}
	}
	if len(c.uwsgi) > 0 && len(c.uwsgi) == len(before.uwsgi) {
		s.UWSGI = uwsgiSince(c.uwsgi, before.uwsgi)
	}
	return s
}

func uwsgiSince(now, before []uwsgiStats) *results.UWSGIStats {
	sum := &results.UWSGIStats{}
	for i := range now {
		sum.ListenQueue = max(sum.ListenQueue, now[i].ListenQueue, before[i].ListenQueue)
		for j, worker := range now[i].Workers {
			if j >= len(before[i].Workers) {
				continue
			}
			old := before[i].Workers[j]
			sum.Requests += worker.Requests - old.Requests
			sum.Exceptions += worker.Exceptions - old.Exceptions
			sum.Harakiri += worker.Harakiri - old.Harakiri
			sum.Respawns += worker.Respawns - old.Respawns
			sum.BusySeconds += float64(worker.Running-old.Running) / 1e6
			sum.PerWorker = append(sum.PerWorker, worker.Requests-old.Requests)
		}
	}
	return sum
}

// readKernel reads the counters of this network namespace and the machine's stolen time.
func readKernel() (results.Server, error) {
	var s results.Server
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return s, fmt.Errorf("reading the kernel's counters: %w", err)
	}
	self, err := fs.Self()
	if err != nil {
		return s, fmt.Errorf("reading the kernel's counters: %w", err)
	}
	netstat, err := self.Netstat()
	if err != nil {
		return s, fmt.Errorf("reading the kernel's counters: %w", err)
	}
	snmp, err := self.Snmp()
	if err != nil {
		return s, fmt.Errorf("reading the kernel's counters: %w", err)
	}
	stat, err := fs.Stat()
	if err != nil {
		return s, fmt.Errorf("reading the kernel's counters: %w", err)
	}
	count := func(v *float64) uint64 {
		if v == nil {
			return 0
		}
		return uint64(*v)
	}
	s.ListenOverflows, s.ListenDrops = count(netstat.ListenOverflows), count(netstat.ListenDrops)
	s.TCPTimeouts, s.RetransSegs = count(netstat.TCPTimeouts), count(snmp.RetransSegs)
	s.StealSeconds = stat.CPUTotal.Steal
	if cpu := stat.CPUTotal; len(stat.CPU) == runtime.NumCPU() { // else others may use what bench may not
		s.BusySeconds = cpu.User + cpu.Nice + cpu.System + cpu.IRQ + cpu.SoftIRQ
	}
	return s, nil
}
