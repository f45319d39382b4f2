package loadgen_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"bench/loadgen"
	"bench/loadgen/native"
	"bench/loadgen/pacing"
	"bench/loadgen/vegeta"
	"bench/results"
	"bench/targets"

	"golang.org/x/sys/unix"
)

// All engines do the same with the same plan, so the same tests run on each of them.
var engines = []loadgen.Engine{native.Engine{}, native.Engine{Shards: 3, Timer: native.Hybrid}, vegeta.Engine{}}

func each(t *testing.T, test func(*testing.T, loadgen.Engine)) {
	for i, e := range engines {
		t.Run(fmt.Sprintf("%v %d", e, i), func(t *testing.T) { test(t, e) })
	}
}

// together is each at the same time: for tests whose loads mostly wait.
func together(t *testing.T, test func(*testing.T, loadgen.Engine)) {
	each(t, func(t *testing.T, e loadgen.Engine) {
		t.Parallel()
		test(t, e)
	})
}

func plan(url string, change func(*loadgen.Plan)) loadgen.Plan {
	p := loadgen.Plan{
		URL: url, Mode: loadgen.Closed, Duration: 200 * time.Millisecond, Timeout: time.Second,
		Conns: loadgen.Conns{Max: 4},
		Mix:   targets.Mix{Targets: []targets.Target{{Name: "a", Method: "GET", Path: "/"}}},
	}
	if change != nil {
		change(&p)
	}
	return p
}

func measure(t *testing.T, e loadgen.Engine, p loadgen.Plan) loadgen.Measurement {
	t.Helper()
	m, err := loadgen.Local{Engine: e}.Measure(t.Context(), p, loadgen.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	checkTargets(t, m)
	return m
}

// checkTargets compares the counts of the targets with those of the whole, and the status codes
// with the outcomes: a bad body may come with a complete response, or without.
func checkTargets(t *testing.T, m loadgen.Measurement) {
	t.Helper()
	if err := m.Counts.Check(); err != nil {
		t.Error(err)
	}
	var sum results.Counts
	for _, target := range m.Targets {
		c := target.Counts
		if err := c.Check(); err != nil {
			t.Errorf("%s: %v", target.Name, err)
		}
		var responses uint64
		for _, n := range target.Statuses {
			responses += n
		}
		if least := c.OK + c.HTTPError; responses < least || responses > least+c.BadBody {
			t.Errorf("%s: %v are %d responses; want those of %+v", target.Name, target.Statuses, responses, c)
		}
		sum = sum.Plus(c)
	}
	if sum != m.Counts {
		t.Errorf("the targets' counts are %+v together; want %+v", sum, m.Counts)
	}
}

// raw serves each connection with a function, for responses that net/http would not send.
func raw(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { defer c.Close(); serve(c) })
		}
	}()
	t.Cleanup(func() { _ = l.Close(); conns.Wait() })
	return "http://" + l.Addr().String()
}

func readRequest(c net.Conn) bool {
	_, err := http.ReadRequest(bufio.NewReader(c))
	return err == nil
}

func TestEveryEndHasItsClass(t *testing.T) { together(t, everyEndHasItsClass) }

// silentPort is an address on which nobody listens, and that nobody else gets meanwhile.
func silentPort(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", bound.(*unix.SockaddrInet4).Port)
}

func everyEndHasItsClass(t *testing.T, e loadgen.Engine) {
	respond := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			if readRequest(c) {
				_, _ = c.Write([]byte(text))
			}
		}
	}
	nobody := "http://" + silentPort(t)
	for _, row := range []struct {
		says   string
		url    string
		expect targets.Expect
		want   results.Class
	}{
		{"a successful response", raw(t, respond("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")),
			targets.Expect{Contains: "ok"}, results.OK},
		{"a body that ends with the connection",
			raw(t, respond("HTTP/1.1 200 OK\r\n\r\nok")), targets.Expect{Contains: "ok"}, results.OK},
		{"a redirect is a response",
			raw(t, respond("HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n"+
				"Connection: close\r\n\r\n")),
			targets.Expect{}, results.OK},
		{"another status", raw(t, respond("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")),
			targets.Expect{}, results.HTTPError},
		{"another body", raw(t, respond("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")),
			targets.Expect{Contains: "ok"}, results.BadBody},
		{"a truncated body",
			raw(t, respond("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")), targets.Expect{}, results.Reset},
		{"no response but a close", raw(t, respond("")), targets.Expect{}, results.Reset},
		{"garbage instead of HTTP", raw(t, respond("SSH-2.0-x\r\n\r\n")), targets.Expect{}, results.BadBody},
		{"a malformed chunk",
			raw(t, respond("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")), targets.Expect{}, results.BadBody},
		{"silence",
			raw(t, func(c net.Conn) { readRequest(c); _, _ = c.Read(make([]byte, 1)) }), targets.Expect{}, results.Timeout},
		{"a byte now and then", raw(t, func(c net.Conn) {
			for readRequest(c); ; time.Sleep(10 * time.Millisecond) {
				if _, err := c.Write([]byte("H")); err != nil {
					return
				}
			}
		}), targets.Expect{}, results.Timeout},
		{"nobody listens", nobody, targets.Expect{}, results.ConnectError},
		{"case 04-upgrade-hangs", raw(t, func(c net.Conn) {
			for readRequest(c) {
				_, _ = c.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"))
			}
			_, _ = c.Read(make([]byte, 1))
		}), targets.Expect{}, results.HTTPError},
		{"case 07-folded-header", raw(t, respond("HTTP/1.1 200 OK\r\nX-A: one\r\n two\r\nContent-Length: 2\r\n"+
			"Connection: close\r\n\r\nok")), targets.Expect{}, results.OK},
		{"case 08-bad-body-without-reason",
			raw(t, respond("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n")), targets.Expect{}, results.BadBody},
		{"a name with a blank", raw(t, respond("HTTP/1.1 200 OK\r\nX Y: a\r\nContent-Length: 0\r\n\r\n")),
			targets.Expect{}, results.BadBody},
		{"a zero byte in a value", raw(t, respond("HTTP/1.1 200 OK\r\nX: a\x00\r\nContent-Length: 0\r\n\r\n")),
			targets.Expect{}, results.BadBody},
		{"another version", raw(t, respond("HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n")),
			targets.Expect{}, results.BadBody},
		{"a header of 1 MiB", raw(t, respond("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("y", 1<<20)+"\r\n\r\n")),
			targets.Expect{}, results.BadBody},
		{"twenty interim responses", raw(t, respond(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20)+
			"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")), targets.Expect{}, results.OK},
		{"one of several statuses",
			raw(t, respond("HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n")),
			targets.Expect{Status: targets.Statuses{200, 304}}, results.OK},
	} {
		load := plan(row.url, func(p *loadgen.Plan) {
			p.Mode, p.Pacer, p.Duration = loadgen.Open, pacing.Constant{PerSecond: 200}, 50*time.Millisecond
			p.Timeout, p.Conns.Max = 10*time.Second, 10
			if row.want == results.Timeout {
				p.Timeout = 100 * time.Millisecond
			}
			p.Mix.Targets[0].Expect = row.expect
		})
		m := measure(t, e, load)
		for try := 0; m.Counts.Dropped > 0 && try < 3; try++ {
			m = measure(t, e, load) // the generator got no core in time: nothing is known of how requests end
		}
		var want results.Counts
		want.Add(row.want, 10)
		got := m.Counts
		got.StaleRetry = 0
		if got != want {
			t.Errorf("%s: counts = %+v; want 10 of %v", row.says, m.Counts, row.want)
		}
		if row.want > results.HTTPError && (len(m.Reasons) != 1 || m.Reasons[0].Count != 10 || m.Reasons[0].Text == "") {
			t.Errorf("%s: reasons %+v; want one of 10 requests", row.says, m.Reasons)
		}
		if m.Elapsed > load.Duration+load.Timeout+time.Second {
			t.Errorf("%s: it took %v; want it to end within a second of the time-out", row.says, m.Elapsed)
		}
	}
}

// The k-th request sent is the plan's k-th: the same mix and seed give the same requests, the
// same number of times.
func TestMixIsReplayed(t *testing.T) { each(t, mixIsReplayed) }

func mixIsReplayed(t *testing.T, e loadgen.Engine) {
	var mu sync.Mutex
	seen := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("X-A")]++
		mu.Unlock()
	}))
	defer server.Close()
	mix := targets.Mix{Seed: 4, Targets: []targets.Target{
		{Name: "a", Method: "GET", Path: "/a?x=1", Weight: 1},
		{Name: "b", Method: "POST", Path: "/b", Weight: 3, Body: []byte("hi"), Header: http.Header{"X-A": {"1"}}},
	}}
	p := plan(server.URL, func(p *loadgen.Plan) {
		p.Mode, p.Pacer, p.Mix = loadgen.Open, pacing.Constant{PerSecond: 500}, mix
	})
	m := measure(t, e, p)
	want := map[string]int{}
	for n := range uint64(100) {
		target := mix.At(n)
		want[target.Method+" "+target.Path+" "+target.Header.Get("X-A")]++
	}
	if fmt.Sprint(seen) != fmt.Sprint(want) || m.Counts.OK != 100 {
		t.Errorf("the server saw %v; want %v", seen, want)
	}
	byTarget := results.TotalByTarget(m.Intervals, results.Response)
	if byTarget["a"].TotalCount() != int64(want["GET /a?x=1 "]) {
		t.Errorf("recorded %d of a; want %d", byTarget["a"].TotalCount(), want["GET /a?x=1 "])
	}
}

// Senders with a part each send together what one sender of the whole would.
func TestPartsAreReplayed(t *testing.T) { each(t, partsAreReplayed) }

func partsAreReplayed(t *testing.T, e loadgen.Engine) {
	var mu sync.Mutex
	seen := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.URL.Path]++
		mu.Unlock()
	}))
	defer server.Close()
	whole := plan(server.URL, func(p *loadgen.Plan) {
		p.Mode, p.Pacer, p.Conns.Max = loadgen.Open, pacing.Constant{PerSecond: 500}, 7
		p.Mix = targets.Mix{Seed: 4, Targets: []targets.Target{
			{Name: "a", Method: "GET", Path: "/a", Weight: 1}, {Name: "b", Method: "GET", Path: "/b", Weight: 3},
		}}
	})
	want := map[string]int{}
	for n := range whole.Arrivals() {
		want[whole.Mix.At(n).Path]++
	}
	for _, part := range whole.Split(3) {
		if m := measure(t, e, part); m.Counts.OK != part.Intended() || m.Opened > uint64(part.Connections()) {
			t.Errorf("%v: %d ok of %d, on %d connections of %d",
				part.Part, m.Counts.OK, part.Intended(), m.Opened, part.Connections())
		}
	}
	mu.Lock() // raw sockets give the race detector no happens-before order
	defer mu.Unlock()
	if fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("the server saw %v; want %v", seen, want)
	}
}

// A server that stalls for a while delays every request that falls due meanwhile. The
// response time shows it for all of them, the service time only for the few that were being
// served: coordinated omission, and its correction. One connection at 100/s for 1 s and a
// pause of 500 ms: the k-th of 50 requests waits 500 ms − k × 10 ms.
func TestPauseIsFeltByEveryRequestThatFellDue(t *testing.T) {
	each(t, pauseIsFeltByEveryRequestThatFellDue)
}

func pauseIsFeltByEveryRequestThatFellDue(t *testing.T, e loadgen.Engine) {
	const pause = 500 * time.Millisecond
	var once sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		once.Do(func() { time.Sleep(pause) })
	}))
	defer server.Close()
	m := measure(t, e, plan(server.URL, func(p *loadgen.Plan) {
		p.Mode, p.Pacer, p.Duration, p.Conns.Max = loadgen.Open, pacing.Constant{PerSecond: 100}, time.Second, 1
	}))
	response, service := results.Total(m.Intervals, results.Response), results.Total(m.Intervals, results.Service)
	if m.Counts.OK != 100 {
		t.Fatalf("counts = %+v; want 100 ok", m.Counts)
	}
	// In theory half of the 100 requests wait for 250 ms on average, so a quarter of all wait
	// for more than 250 ms. The machine may add to that, but take nothing away.
	if p75 := time.Duration(results.Percentile(response, 75)) * time.Microsecond; p75 < 240*time.Millisecond {
		t.Errorf("response time p75 = %v; want at least 250 ms", p75)
	}
	if p95 := time.Duration(results.Percentile(response, 95)) * time.Microsecond; p95 < 440*time.Millisecond {
		t.Errorf("response time p95 = %v; want at least 450 ms", p95)
	}
	if p90 := time.Duration(results.Percentile(service, 90)) * time.Microsecond; p90 > 200*time.Millisecond {
		t.Errorf("service time p90 = %v; want it unaffected by the pause", p90)
	}
	if m.Waited == 0 {
		t.Error("no request counts as having waited for the only connection")
	}
}

func TestConnectionsAreKeptOrOpenedAsThePlanSays(t *testing.T) {
	each(t, connectionsAreKeptOrOpenedAsThePlanSays)
}

func connectionsAreKeptOrOpenedAsThePlanSays(t *testing.T, e loadgen.Engine) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	kept := measure(t, e, plan(server.URL, nil))
	if kept.Opened > 4 || kept.Counts.OK < 10 {
		t.Errorf("kept alive: %d connections for %d requests; want 4 at most", kept.Opened, kept.Counts.OK)
	}
	fresh := measure(t, e, plan(server.URL, func(p *loadgen.Plan) { p.Conns.New = true }))
	if fresh.Opened < fresh.Counts.OK {
		t.Errorf("a new one per request: %d connections for %d requests", fresh.Opened, fresh.Counts.OK)
	}
}

func TestOverloadDropsRequestsAndSaysSo(t *testing.T) {
	each(t, overloadDropsRequestsAndSaysSo)
}

func overloadDropsRequestsAndSaysSo(t *testing.T, e loadgen.Engine) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		time.Sleep(50 * time.Millisecond)
	}))
	defer server.Close()
	m := measure(t, e, plan(server.URL, func(p *loadgen.Plan) {
		p.Mode, p.Pacer, p.Conns.Max = loadgen.Open, pacing.Constant{PerSecond: 1000}, 2
	}))
	if m.Counts.Intended != 200 || m.Counts.Dropped < 150 || m.Grade != results.Valid || len(m.Diagnostics) != 1 ||
		m.Diagnostics[0].Code != "connections-busy" {
		t.Errorf("counts %+v, grade %s, diagnostics %v; want most of 200 dropped, VALID, because the connections were busy",
			m.Counts, m.Grade, m.Diagnostics)
	}
}

// Each target has its own responses and its own dropped requests.
func TestTargetsAreCountedSeparately(t *testing.T) { each(t, targetsAreCountedSeparately) }

func targetsAreCountedSeparately(t *testing.T, e loadgen.Engine) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(20 * time.Millisecond)
		if r.URL.Path == "/gone" {
			w.WriteHeader(http.StatusGone)
		}
	}))
	defer server.Close()
	p := plan(server.URL, func(p *loadgen.Plan) {
		p.Mode, p.Pacer, p.Conns.Max = loadgen.Open, pacing.Constant{PerSecond: 1000}, 2
		p.Mix = targets.Mix{Seed: 4, Targets: []targets.Target{
			{Name: "here", Method: "GET", Path: "/", Weight: 1}, {Name: "gone", Method: "GET", Path: "/gone", Weight: 3},
		}}
	})
	want := map[string]uint64{}
	for n := range p.Arrivals() {
		want[p.Mix.At(n).Name]++
	}
	m := measure(t, e, p)
	here, gone := m.Targets[0], m.Targets[1]
	if here.Counts.Intended != want["here"] || gone.Counts.Intended != want["gone"] ||
		here.Counts.Dropped+gone.Counts.Dropped < 150 {
		t.Errorf("counts %+v and %+v; want %v intended, most of them dropped", here.Counts, gone.Counts, want)
	}
	if here.Counts.OK != here.Statuses[200] || gone.Counts.HTTPError != gone.Statuses[410] ||
		gone.Statuses[410] == 0 || gone.Counts.OK > 0 {
		t.Errorf("statuses %v and %v of %+v and %+v; want 200 and 410",
			here.Statuses, gone.Statuses, here.Counts, gone.Counts)
	}
}

func TestInterruptionKeepsWhatWasRecorded(t *testing.T) {
	together(t, interruptionKeepsWhatWasRecorded)
}

func interruptionKeepsWhatWasRecorded(t *testing.T, e loadgen.Engine) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	m, err := loadgen.Local{Engine: e}.Measure(ctx, plan(server.URL, func(p *loadgen.Plan) {
		p.Mode, p.Pacer, p.Duration = loadgen.Open, pacing.Constant{PerSecond: 100}, time.Minute
	}), loadgen.Watch{})
	if err != nil || m.Elapsed > 5*time.Second {
		t.Fatalf("Measure = %v after %v", err, m.Elapsed)
	}
	if m.Counts.Intended > 500 || m.Counts.OK == 0 || m.Counts.Sent == 0 {
		t.Errorf("counts = %+v; want some ok, and nothing of what would have been due later", m.Counts)
	}
	checkTargets(t, m)
}

func TestRequestsThatOutliveTheDrainAreAbandoned(t *testing.T) {
	together(t, requestsThatOutliveTheDrainAreAbandoned)
}

func requestsThatOutliveTheDrainAreAbandoned(t *testing.T, e loadgen.Engine) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	m := measure(t, e, plan(server.URL, func(p *loadgen.Plan) { p.Timeout, p.Drain = time.Minute, 50*time.Millisecond }))
	if m.Counts.InFlight != 4 || m.Elapsed > 5*time.Second {
		t.Errorf("counts = %+v after %v; want 4 in flight", m.Counts, m.Elapsed)
	}
}

// A response that comes in the drain time of a closed loop is the last one on its connection.
func TestAClosedLoopSendsNothingAfterItsDuration(t *testing.T) {
	together(t, aClosedLoopSendsNothingAfterItsDuration)
}

func aClosedLoopSendsNothingAfterItsDuration(t *testing.T, e loadgen.Engine) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select { // longer than the load, and well within its drain time
		case <-time.After(300 * time.Millisecond):
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	m := measure(t, e, plan(server.URL, func(p *loadgen.Plan) { p.Timeout, p.Drain = time.Minute, 20*time.Second }))
	if m.Counts.OK != 4 || m.Counts.Sent != 4 {
		t.Errorf("counts = %+v; want one request on each of four connections", m.Counts)
	}
}

func TestRefusedTargetGetsNoPacket(t *testing.T) { each(t, refusedTargetGetsNoPacket) }

func refusedTargetGetsNoPacket(t *testing.T, e loadgen.Engine) {
	_, err := loadgen.Local{Engine: e}.Measure(t.Context(), plan("http://10.0.0.1:9", nil), loadgen.Watch{})
	if err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("Measure = %v; want the target refused", err)
	}
}
