//go:build proof

package fleet

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bench/fleet/link"
	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/results"

	"github.com/nats-io/nats.go"
)

// crowdVariable makes the test's own program a crowd of workers: SOCKET N.
const crowdVariable = "BENCH_TEST_CROWD"

func init() {
	if said := os.Getenv(crowdVariable); said != "" {
		os.Exit(beCrowd(strings.Fields(said)))
	}
}

// beCrowd is many workers in one process, so that what the hub's process uses is the hub's alone. They say what
// workers say, and measure nothing: a thousand recorders would take more of the machine than the hub does.
func beCrowd(args []string) int {
	n, err := strconv.Atoi(args[1])
	var said part
	if err == nil {
		said, err = rehearse()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var failed atomic.Int64
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if err := said.perform(args[0]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				failed.Add(1)
			}
		})
	}
	all.Wait()
	return int(min(1, failed.Load()))
}

// What each worker of a crowd sends.
const (
	crowdRate   = 200 // requests per second
	crowdLength = 10 * time.Second
)

// part is what every worker of a crowd says of its part: the deltas of one that was really recorded.
type part struct {
	deltas [][]byte
	done   done
}

// rehearse records the part of one worker.
func rehearse() (s part, err error) {
	p := crowdPlan(1)
	m, err := loadgen.Local{Engine: script{}}.Measure(context.Background(), p, loadgen.Watch{})
	if err != nil {
		return s, err
	}
	digests := map[int]string{}
	for i, interval := range m.Intervals {
		data, err := encode(delta{Job: 1, Number: i, Intervals: []results.Interval{interval}})
		if err != nil {
			return s, err
		}
		s.deltas = append(s.deltas, data)
		digests[i] = digest(data)
	}
	m.Intervals = nil
	s.done = done{Job: 1, Measurement: m, Deltas: len(s.deltas), Digest: digestOf(digests)}
	return s, nil
}

func crowdPlan(n int) loadgen.Plan {
	p := testPlan(1, crowdLength)
	p.Pacer, p.Conns.Max = pacing.Constant{PerSecond: float64(crowdRate * n)}, n
	return p
}

// perform is one worker from its invitation to its end.
func (s part) perform(socket string) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	lines := bufio.NewReader(conn)
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return err
	}
	i, err := decode[Invitation](line)
	if err != nil {
		return err
	}
	if _, err := conn.Write([]byte(present)); err != nil {
		return err
	}
	near, far := net.Pipe()
	defer near.Close()
	go func() { link.Relay(far, lines, conn); _ = far.Close() }()
	over := make(chan struct{})
	nc, err := connectOver(near, i.Worker, i.Password, nats.CustomInboxPrefix(inbox(i.Worker)),
		nats.ClosedHandler(func(*nats.Conn) { close(over) }))
	if err != nil {
		return err
	}
	defer nc.Close()
	w := &session{Worker: Worker{Clock: Monotonic}, invitation: i, conn: nc}
	_, err = nc.Subscribe(subject(i.Run, i.Worker, "do", "*"), func(msg *nats.Msg) {
		what := msg.Subject[strings.LastIndexByte(msg.Subject, '.')+1:]
		data, err := encode(s.answer(w, what, msg.Data))
		if err == nil {
			_ = msg.Respond(data)
		}
	})
	if err == nil {
		err = w.tell("join", hello{"test", "same", "crowd", 1})
	}
	<-over
	return err
}

// answer does what a worker is asked to do.
func (s part) answer(w *session, what string, data []byte) any {
	switch what {
	case "clock":
		reading, _ := w.readClock(nil)
		return reading
	case "plan":
		j, _ := decode[job](data)
		plan, _ := encode(j.Plan)
		go func() { _ = w.tell("ready", delta{Job: j.Number}) }()
		return accepted{digest(plan)}
	case "go":
		order, _ := decode[startAt](data)
		go s.send(w, order.At)
	}
	return answer{}
}

// send sends a delta a second, at a moment of each second that is this worker's own, and its last word.
func (s part) send(w *session, at time.Duration) {
	first := w.Clock.at(at).Add(time.Second + rand.N(time.Second))
	for i, data := range s.deltas {
		time.Sleep(time.Until(first.Add(time.Duration(i) * time.Second)))
		if w.tellData("delta", data) != nil {
			return
		}
	}
	last := s.done
	last.Start = at
	_ = w.tell("done", last)
}

// crowd is a place whose workers are all in one other process.
type crowd struct {
	n        int
	listener net.Listener
	cmd      *exec.Cmd
}

func newCrowd(t *testing.T, n int) *crowd {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{n: n, listener: l, cmd: exec.Command(os.Args[0])}
	c.cmd.Stderr = os.Stderr
	c.cmd.Env = append(os.Environ(), crowdVariable+"="+socket+" "+strconv.Itoa(n))
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = l.Close(), c.cmd.Process.Kill(); _ = c.cmd.Wait() })
	return c
}

func (c *crowd) Workers() (names []string) {
	for i := range c.n {
		names = append(names, fmt.Sprint("crowd-", i+1))
	}
	return names
}

func (c *crowd) Start(context.Context, int) (Stream, error) {
	conn, err := c.listener.Accept()
	return &socket{Conn: conn}, err
}

// socket is the stream to a worker of a crowd.
type socket struct {
	net.Conn
	end sync.Once
}

func (s *socket) End(time.Duration) error {
	s.end.Do(func() { _ = s.Conn.Close() })
	return nil
}

// usage is what this process has used.
type usage struct {
	at  time.Time
	cpu time.Duration
	rss int64 // now, not at most
}

func used() usage {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	text, _ := os.ReadFile("/proc/self/statm")
	pages := strings.Fields(string(text))
	rss, _ := strconv.ParseInt(pages[1], 10, 64)
	return usage{time.Now(), time.Duration(u.Utime.Nano() + u.Stime.Nano()), rss * int64(os.Getpagesize())}
}

// bytesOfDelta is the mean size of the deltas that a hub has kept.
func bytesOfDelta(dir string) int64 {
	var bytes, lines int64
	files, _ := filepath.Glob(filepath.Join(dir, "hub-*.jsonl"))
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			continue
		}
		scan := bufio.NewScanner(f)
		scan.Buffer(nil, mostBytes)
		for scan.Scan() {
			bytes, lines = bytes+int64(len(scan.Bytes())), lines+1
		}
		_ = f.Close()
	}
	return bytes / max(1, lines)
}

// What the hub costs with 10 to 1,000 workers that each send a delta a second: docs/MANY-MACHINES.md has the
// figures. Nobody may be lost, and everything has to be counted.
func TestCrowds(t *testing.T) {
	t.Log("workers  joined  clocks and plan  CPU of the hub  memory  delta   all there after the end  CPU in all")
	for _, n := range []int{10, 64, 250, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) { hold(t, n) })
	}
}

func hold(t *testing.T, n int) {
	dir := filepath.Join(t.TempDir(), "hub")
	began := used()
	f, err := Open(t.Context(), Config{Place: newCrowd(t, n), Version: "test", Binary: "same", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	joined := used()
	var start, first, last usage
	var most, size int64
	p := crowdPlan(n)
	m, err := f.Measure(t.Context(), p, loadgen.Watch{
		Start: func() { start = used() },
		Second: func(loadgen.Live) {
			last = used()
			if first.at.IsZero() && size > 0 {
				first = last
			}
			if most = max(most, last.rss); size == 0 { // once: the hub's time is measured
				size = bytesOfDelta(dir)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	end := used()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	share := 100 * (last.cpu - first.cpu).Seconds() / last.at.Sub(first.at).Seconds()
	t.Logf("%7d %6.1fs %15.1fs %12.1f %% %6d MiB %5d B %10.2fs %12.1fs", n, joined.at.Sub(began.at).Seconds(),
		start.at.Sub(joined.at).Seconds(), share, most>>20, size, (end.at.Sub(start.at) - crowdLength).Seconds(),
		(end.cpu - began.cpu).Seconds())
	if m.Counts.Intended != p.Arrivals() || m.Hopeless != "" {
		t.Errorf("%d of %d requests, %s", m.Counts.Intended, p.Arrivals(), m.Hopeless)
	}
}
