package loadgen

import (
	"bytes"
	"fmt"
	"os"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"time"

	"bench/results"

	"github.com/prometheus/procfs"
)

const (
	healthEvery = time.Second
	heartbeat   = 20 * time.Millisecond
	// stallFrom is how late a heartbeat must be to count as a stall: well beyond the delays of
	// the runtime's timers and of a busy machine's scheduler.
	stallFrom = 50 * time.Millisecond
)

// monitor watches the generator itself during a run. Its heartbeat is a separate timer, as in
// jHiccup: whatever delays it delays everything here.
type monitor struct {
	threads []int
	done    chan struct{}
	beating sync.WaitGroup
	began   time.Time
	at      time.Time // of the last reading
	last    reading
	stalled time.Duration
	longest time.Duration
	seconds []results.Health
}

// start begins watching the given threads, or the whole process if none are known.
func (m *monitor) start(threads []int) {
	m.threads, m.done = threads, make(chan struct{})
	m.began = time.Now()
	m.at, m.last = m.began, m.read()
	m.beating.Go(m.beat)
}

// stop ends the watch and returns its readings. It may be called without start.
func (m *monitor) stop() []results.Health {
	if m.done == nil {
		return nil
	}
	close(m.done)
	m.beating.Wait()
	m.take(time.Now())
	return m.seconds
}

func (m *monitor) beat() {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	before := time.Now()
	for {
		select {
		case <-m.done:
			return
		case <-tick.C:
		}
		now := time.Now()
		if late := now.Sub(before) - heartbeat; late >= stallFrom {
			m.stalled += late
			m.longest = max(m.longest, late)
		}
		before = now
		if now.Sub(m.at) >= healthEvery {
			m.take(now)
		}
	}
}

// take adds what has happened since the last reading.
func (m *monitor) take(now time.Time) {
	r := m.read()
	h := r.since(m.last)
	h.At, h.Length = round(now.Sub(m.began).Seconds()), round(now.Sub(m.at).Seconds())
	h.Stalled, h.LongestGap = round(m.stalled.Seconds()), round(m.longest.Seconds())
	m.keep(h)
	m.at, m.last, m.stalled, m.longest = now, r, 0, 0
}

// mostReadings bounds the memory of a long watch: beyond it, every two readings become one.
const mostReadings = 600

// keep adds a reading.
func (m *monitor) keep(h results.Health) {
	if len(m.seconds) == mostReadings {
		for i := range mostReadings / 2 {
			m.seconds[i] = results.TotalHealth(m.seconds[2*i : 2*i+2])
		}
		m.seconds = m.seconds[:mostReadings/2]
	}
	m.seconds = append(m.seconds, h)
}

func round(seconds float64) float64 { return float64(int64(seconds*1e6+0.5)) / 1e6 }

// reading is the kernel's counters at one moment. What cannot be read stays zero: a missing
// figure must not end a measurement.
type reading struct {
	cpu, runQueue, throttled, steal          time.Duration
	involuntary, gcs, retransmits, overflows uint64
	files, sockets, timeWait                 int
}

func (r reading) since(s reading) results.Health {
	// The counts of a thread that has ended are gone: a counter must not run backwards.
	span := func(after, before time.Duration) float64 { return round(max(0, after-before).Seconds()) }
	count := func(after, before uint64) uint64 { return max(after, before) - before }
	return results.Health{
		CPU: span(r.cpu, s.cpu), RunQueue: span(r.runQueue, s.runQueue),
		Throttled: span(r.throttled, s.throttled), Steal: span(r.steal, s.steal),
		Involuntary: count(r.involuntary, s.involuntary), GCs: count(r.gcs, s.gcs),
		Retransmits: count(r.retransmits, s.retransmits), Overflows: count(r.overflows, s.overflows),
		Files: r.files, Sockets: r.sockets, TimeWait: r.timeWait,
	}
}

func (m *monitor) read() (r reading) {
	threads := m.threads
	if len(threads) == 0 {
		threads = ownThreads()
	}
	for _, id := range threads {
		r.addThread(id)
	}
	r.throttled = throttledTime()
	samples := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(samples)
	r.gcs = samples[0].Value.Uint64()
	if fs, err := procfs.NewDefaultFS(); err == nil {
		if stat, err := fs.Stat(); err == nil {
			r.steal = time.Duration(stat.CPUTotal.Steal * float64(time.Second))
		}
		if tcp, err := fs.NetSockstat(); err == nil {
			for _, p := range tcp.Protocols {
				if p.Protocol == "TCP" && p.TW != nil {
					r.sockets, r.timeWait = p.InUse, *p.TW
				}
			}
		}
	}
	r.retransmits = counter("/proc/net/snmp", "Tcp:", "RetransSegs")
	r.overflows = counter("/proc/net/netstat", "TcpExt:", "ListenOverflows")
	if info, err := os.Stat("/proc/self/fd"); err == nil {
		r.files = int(info.Size()) // since Linux 6.2; zero before
	}
	return r
}

// addThread adds the scheduler's counts of one thread.
func (r *reading) addThread(id int) {
	dir := fmt.Sprintf("/proc/self/task/%d/", id)
	if text, err := os.ReadFile(dir + "schedstat"); err == nil {
		if f := strings.Fields(string(text)); len(f) == 3 {
			r.cpu += time.Duration(number(f[0]))
			r.runQueue += time.Duration(number(f[1]))
		}
	}
	if text, err := os.ReadFile(dir + "status"); err == nil {
		if _, after, found := bytes.Cut(text, []byte("nonvoluntary_ctxt_switches:")); found {
			r.involuntary += uint64(number(strings.TrimSpace(string(after))))
		}
	}
}

func ownThreads() (ids []int) {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		ids = append(ids, int(number(e.Name())))
	}
	return ids
}

// throttledTime is how long the quota of this process's cgroup kept it from running.
func throttledTime() time.Duration {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, path, _ := strings.Cut(rest, ":")
		switch {
		case controllers == "": // version 2: one tree
			if us := counter("/sys/fs/cgroup"+path+"/cpu.stat", "", "throttled_usec"); us > 0 {
				return time.Duration(us) * time.Microsecond
			}
		case controllers == "cpu" || strings.HasPrefix(controllers, "cpu,") || strings.HasSuffix(controllers, ",cpu"):
			return time.Duration(counter("/sys/fs/cgroup/"+controllers+path+"/cpu.stat", "", "throttled_time"))
		}
	}
	return 0
}

// counter reads one value from a file of counters: either a line of names and a line of values
// that start with the same prefix, or lines of a name and a value.
func counter(file, prefix, name string) uint64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		switch {
		case prefix == "" && len(f) == 2 && f[0] == name:
			return uint64(number(f[1]))
		case prefix == "" || len(f) == 0 || f[0] != prefix:
		case names == nil:
			names = f
		default:
			for i := range min(len(f), len(names)) {
				if names[i] == name {
					return uint64(number(f[i]))
				}
			}
		}
	}
	return 0
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
