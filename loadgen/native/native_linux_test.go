package native_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bench/loadgen"
	"bench/loadgen/native"
	"bench/loadgen/pacing"
	"bench/results"
	"bench/targets"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startNull(t *testing.T, n *native.Null) string {
	t.Helper()
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n.URL()
}

func plan(url string) loadgen.Plan {
	return loadgen.Plan{
		URL: url, Mode: loadgen.Closed, Duration: 200 * time.Millisecond, Timeout: time.Second, Conns: loadgen.Conns{Max: 8},
		Mix: targets.Mix{Targets: []targets.Target{{Name: "a", Method: "GET", Path: "/"}}},
	}
}

func run(t *testing.T, e native.Engine, p loadgen.Plan) loadgen.Measurement {
	t.Helper()
	m, err := loadgen.Local{Engine: e}.Measure(t.Context(), p, loadgen.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Counts.Check(); err != nil {
		t.Error(err)
	}
	return m
}

// The hot path allocates nothing: what remains is a run's fixed cost and the hand-over per second.
func TestNoAllocationPerRequest(t *testing.T) {
	url := startNull(t, new(native.Null))
	for _, row := range []struct {
		says   string
		change func(*loadgen.Plan)
	}{
		{"closed loop", func(*loadgen.Plan) {}},
		{"open loop, Poisson arrivals", func(p *loadgen.Plan) {
			p.Mode = loadgen.Open
			p.Pacer = pacing.Poisson{Of: pacing.Constant{PerSecond: 20_000}, Seed: 1}
		}},
		{"with every check", func(p *loadgen.Plan) {
			length := int64(13)
			p.Mix.Targets[0].Expect = targets.Expect{Length: &length, Contains: "world",
				SHA256: "315f5bdb76d078c43b8ac0064e4a0164612b1fce77c869345bfc94c75894edd3"}
		}},
	} {
		allocations := func(d time.Duration) (mallocs, requests uint64) {
			p := plan(url)
			p.Duration = d
			row.change(&p)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			m := run(t, native.Engine{Shards: 1}, p)
			runtime.ReadMemStats(&after)
			// On a busy machine some are not sent in time, which is not a failure of this test.
			if m.Counts.OK != m.Counts.Sent {
				t.Errorf("%s: counts %+v; want every request that was sent ok", row.says, m.Counts)
			}
			return after.Mallocs - before.Mallocs, m.Counts.OK
		}
		short, few := allocations(100 * time.Millisecond)
		long, many := allocations(2 * time.Second)
		perRequest := (float64(long) - float64(short)) / float64(max(1, many-few))
		if many < 2*few || perRequest > 0.05 {
			t.Errorf("%s: %d allocations for %d requests, %d for %d: %.3f per request; want 0",
				row.says, short, few, long, many, perRequest)
		}
	}
}

func TestConnectionsAreAsThePlanSays(t *testing.T) {
	var mu sync.Mutex
	from := map[string]int{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateNew {
			mu.Lock()
			from[c.RemoteAddr().(*net.TCPAddr).IP.String()]++
			mu.Unlock()
		}
	}
	server.Start()
	defer server.Close()
	seen := func() string {
		mu.Lock()
		defer mu.Unlock()
		text := fmt.Sprint(from)
		clear(from)
		return text
	}

	p := plan(server.URL)
	p.Mode, p.Pacer = loadgen.Open, pacing.Constant{PerSecond: 100}
	p.Conns.Fixed = true
	if m := run(t, native.Engine{}, p); m.Opened != 8 || m.Counts.OK != 20 {
		t.Errorf("fixed: %d connections, counts %+v; want 8 and 20 ok", m.Opened, m.Counts)
	}
	if got := seen(); got != "map[127.0.0.1:8]" {
		t.Errorf("fixed: the server saw %s", got)
	}

	p.Conns = loadgen.Conns{Max: 1, Requests: 5}
	if m := run(t, native.Engine{}, p); m.Opened != 4 || m.Counts.OK != 20 {
		t.Errorf("5 requests on each: %d connections, counts %+v; want 4 and 20 ok", m.Opened, m.Counts)
	}
	seen()

	two := []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")}
	p.Conns = loadgen.Conns{Max: 4, Fixed: true, Sources: two}
	run(t, native.Engine{}, p)
	if got := seen(); got != "map[127.0.0.2:2 127.0.0.3:2]" {
		t.Errorf("two sources: the server saw %s", got)
	}
}

// The same plan sends the same requests at the same times on any number of shards.
func TestShardsShareOnePlan(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.URL.Path]++
		mu.Unlock()
	}))
	defer server.Close()
	p := plan(server.URL)
	p.Mode, p.Pacer, p.Conns.Max = loadgen.Open, pacing.Constant{PerSecond: 1000}, 16
	p.Mix = targets.Mix{Seed: 9, Targets: []targets.Target{
		{Name: "a", Method: "GET", Path: "/a", Weight: 1}, {Name: "b", Method: "GET", Path: "/b", Weight: 2}}}
	want := map[string]int{}
	for n := range p.Intended() {
		want[p.Mix.At(n).Path]++
	}
	for _, shards := range []int{1, 2, 5} {
		m := run(t, native.Engine{Shards: shards}, p)
		mu.Lock() // raw sockets give the race detector no happens-before order
		if m.Counts.OK != 200 || fmt.Sprint(seen) != fmt.Sprint(want) {
			t.Errorf("%d shards: counts %+v, the server saw %v; want %v", shards, m.Counts, seen, want)
		}
		clear(seen)
		mu.Unlock()
	}
}

// Misbehaving servers: each request ends in its class, in time, and in bounded memory.
func TestEvilServers(t *testing.T) {
	for _, row := range []struct {
		says  string
		serve func(net.Conn)
		want  results.Class
	}{
		{"a body without end", func(c net.Conn) {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
			for junk := make([]byte, 64<<10); ; {
				if _, err := c.Write(junk); err != nil {
					return
				}
			}
		}, results.Timeout},
		{"a length without a body", func(c net.Conn) {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 999999999999999999\r\n\r\n"))
			_, _ = c.Read(make([]byte, 1))
		}, results.Timeout},
		{"a length beyond 64 bits", func(c net.Conn) {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"))
		}, results.BadBody},
		{"a header of 1 MiB", func(c net.Conn) {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 1<<20) + "\r\n\r\n"))
		}, results.BadBody},
		{"interim responses without end", func(c net.Conn) {
			for {
				if _, err := c.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
					return
				}
			}
		}, results.BadBody},
		{"a redirect to itself", func(c net.Conn) {
			_, _ = c.Write([]byte("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"))
		}, results.OK},
		{"more than its length", func(c net.Conn) {
			_, _ = c.Write([]byte(strings.Repeat("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 2)))
		}, results.OK},
		{"a reset within the body", func(c net.Conn) {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"))
			_ = c.(*net.TCPConn).SetLinger(0)
		}, results.Reset},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var conns sync.WaitGroup
		conns.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				conns.Go(func() {
					defer c.Close()
					if n, _ := c.Read(make([]byte, 4096)); n > 0 {
						row.serve(c)
					}
				})
			}
		})
		p := plan("http://" + l.Addr().String())
		p.Mode, p.Pacer = loadgen.Open, pacing.Constant{PerSecond: 50}
		p.Duration, p.Timeout = 100*time.Millisecond, 5*time.Second
		if row.want == results.Timeout {
			p.Timeout = 300 * time.Millisecond
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m := run(t, native.Engine{}, p)
		runtime.ReadMemStats(&after)
		_ = l.Close()
		conns.Wait()
		var want results.Counts
		want.Add(row.want, 5)
		if m.Counts != want {
			t.Errorf("%s: counts %+v; want 5 of %v", row.says, m.Counts, row.want)
		}
		if strays := row.says == "more than its length"; (m.Strays > 0) != strays {
			t.Errorf("%s: bytes of no response came %d times", row.says, m.Strays)
		}
		if m.Elapsed > p.Duration+p.Timeout+time.Second {
			t.Errorf("%s: it took %v; want it to end within a second of the timeout", row.says, m.Elapsed)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
			t.Errorf("%s: %d MiB were allocated", row.says, grown>>20)
		}
	}
}

func TestTooFewFilesOrPortsAreRefusedBeforeTheStart(t *testing.T) {
	p := plan("http://127.0.0.1:9")
	p.Conns.Max = 1 << 20
	rec := loadgen.NewRecorder(p)
	defer rec.Close()
	err := native.Engine{}.Run(t.Context(), p, loadgen.Guard{}, rec)
	if !errors.Is(err, loadgen.ErrTooFew) {
		t.Errorf("Run = %v; want it refused", err)
	}
}

func TestUnsupportedPlansAreRefused(t *testing.T) {
	rec := loadgen.NewRecorder(plan(""))
	defer rec.Close()
	err := native.Engine{}.Run(t.Context(), plan("https://127.0.0.1:9"), loadgen.Guard{}, rec)
	if err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("https: Run = %v; want it refused", err)
	}
}

func TestCalibration(t *testing.T) {
	c, err := native.Engine{}.Calibrate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c.Ceiling < 1000 || c.CPUPerRequest <= 0 || c.Floor <= 0 || c.Margin(c.Ceiling/2) != 2 {
		t.Errorf("calibration %+v", c)
	}
}

// The queueing server is a queue: with one worker and a constant service time, requests that
// arrive together leave one service time apart.
func TestNullServerIsAQueue(t *testing.T) {
	const service = 5 * time.Millisecond
	url := startNull(t, &native.Null{Service: func(uint64) time.Duration { return service }})
	p := plan(url)
	p.Conns.Max, p.Duration = 4, 300*time.Millisecond
	m := run(t, native.Engine{}, p)
	mean := time.Duration(results.Total(m.Intervals, results.Service).Mean()) * time.Microsecond
	// Little's law: four requests in the system, one leaves every 5 ms. Never faster.
	if mean < 4*service-2*time.Millisecond || m.Counts.OK > 64 {
		t.Errorf("mean service time %v, %d responses; want 20 ms and at most 60 and the last 4", mean, m.Counts.OK)
	}
}

// Both sides of Little's law, from a server with known service times.
func TestRequestsUnderWayAreTheSumOfTheirTimes(t *testing.T) {
	times := func(i uint64) time.Duration { return time.Duration(2+i%5) * time.Millisecond }
	url := startNull(t, &native.Null{Workers: 2, Service: times})
	for _, row := range []struct {
		says   string
		change func(*loadgen.Plan)
	}{
		{"closed loop", func(*loadgen.Plan) {}},
		{"open loop", func(p *loadgen.Plan) { p.Mode, p.Pacer = loadgen.Open, pacing.Constant{PerSecond: 300} }},
		{"a connection for each request", func(p *loadgen.Plan) { p.Conns.New = true }},
	} {
		p := plan(url)
		row.change(&p)
		m := run(t, native.Engine{Shards: 1}, p)
		service := results.Total(m.Intervals, results.Service)
		sum := time.Duration(service.Mean()*float64(service.TotalCount())) * time.Microsecond
		if off := float64(m.UnderWay-sum) / float64(sum); off < -0.02 || off > 0.02 || m.Counts.OK == 0 {
			t.Errorf("%s: %v under way, the times of %d requests add up to %v", row.says, m.UnderWay, m.Counts.OK, sum)
		}
	}
}

// Threads that wait for responses keep their processors from Go's scheduler. With more of them than there are
// cores, the rest of the program runs and memory is collected all the same, and afterwards there are as many
// processors as before.
func TestWaitingThreadsStopNobodyElse(t *testing.T) {
	was := runtime.GOMAXPROCS(0)
	connections, asked := 4*runtime.NumCPU(), make(chan struct{})
	var requests atomic.Int64
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if requests.Add(1) == int64(10*connections) { // two loads have opened theirs by one request each, and are under way
			close(asked)
		}
		time.Sleep(50 * time.Millisecond)
	}))
	defer slow.Close()
	p := plan(slow.URL)
	p.Duration, p.Conns.Max = time.Minute, connections
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var loads sync.WaitGroup
	var early atomic.Bool
	for range 2 { // loads that overlap: neither may take away what the other has
		loads.Go(func() {
			m, err := loadgen.Local{Engine: native.Engine{Shards: 2 * runtime.NumCPU()}}.Measure(ctx, p, loadgen.Watch{})
			if ctx.Err() == nil {
				early.Store(true)
			}
			if err != nil || m.Counts.OK == 0 {
				t.Errorf("counts %+v, %v: want responses of a server in the same program", m.Counts, err)
			}
		})
	}
	<-asked
	for range 20 {
		runtime.GC()
	}
	end()
	loads.Wait()
	if early.Load() {
		t.Error("memory was not collected before a load of a minute ended")
	}
	if now := runtime.GOMAXPROCS(0); now != was {
		t.Errorf("%d processors after the load, %d before", now, was)
	}
}
