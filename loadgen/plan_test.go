package loadgen

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"bench/loadgen/pacing"
	"bench/results"
	"bench/targets"
)

func testMix(names ...string) targets.Mix {
	var m targets.Mix
	for _, name := range names {
		m.Targets = append(m.Targets, targets.Target{Name: name, Method: "GET", Path: "/" + name, Weight: 1})
	}
	return m
}

func testPlan() Plan {
	return Plan{
		URL: "http://127.0.0.1:1", Mix: testMix("a", "b"), Mode: Open,
		Pacer: pacing.Constant{PerSecond: 100}, Duration: time.Second,
		Conns: Conns{Max: 4}, Timeout: time.Second, Drain: time.Second, Seed: 5,
	}
}

func TestPlanSurvivesJSON(t *testing.T) {
	pacers := []pacing.Pacer{pacing.Replay{Times: []time.Duration{0, time.Second, 1500 * time.Millisecond}, Speed: 2}}
	for _, kind := range pacing.Kinds() {
		pacer, err := pacing.Parse(kind.Example)
		if err != nil {
			t.Fatal(err)
		}
		pacers = append(pacers, pacer)
	}
	for _, pacer := range pacers {
		p := testPlan()
		p.Pacer = pacer
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var back Plan
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		again, _ := json.Marshal(back)
		if string(again) != string(data) || back.Intended() != p.Intended() || back.Pacer.Due(50) != p.Pacer.Due(50) {
			t.Errorf("%s: reads back as %s", data, again)
		}
	}
}

func TestPlanValidate(t *testing.T) {
	for _, row := range []struct {
		says   string
		change func(*Plan)
		want   string
	}{
		{"a good plan", func(*Plan) {}, ""},
		{"a URL without a scheme", func(p *Plan) { p.URL = "localhost:80" }, "want http://"},
		{"an open loop without a pacer", func(p *Plan) { p.Pacer = nil }, "needs a pacer"},
		{"a closed loop with a pacer", func(p *Plan) { p.Mode = Closed }, "has no pacer"},
		{"no duration", func(p *Plan) { p.Duration = 0 }, "every load is bounded"},
		{"no end", func(p *Plan) { p.Duration = 1000 * time.Hour }, "every load is bounded"},
		{"no timeout", func(p *Plan) { p.Timeout = 0 }, "timeout"},
		{"no connections", func(p *Plan) { p.Conns.Max = 0 }, "connections"},
		{"a part of its parts", func(p *Plan) { p.Part = Part{3, 4} }, ""},
		{"a part beyond the last", func(p *Plan) { p.Part = Part{4, 4} }, "part 4 of 4"},
		{"a part of none", func(p *Plan) { p.Part = Part{0, -1} }, "part 0 of -1"},
		{"more parts than connections", func(p *Plan) { p.Part = Part{0, 5} }, "one for each part"},
		{"no targets", func(p *Plan) { p.Mix = targets.Mix{} }, "no targets"},
	} {
		p := testPlan()
		row.change(&p)
		err := p.Validate()
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: Validate = %v; want %q", row.says, err, row.want)
		}
	}
}

func TestGuardCheck(t *testing.T) {
	g := Guard{Hosts: []string{"Shop.Example"}}
	for _, row := range []struct {
		url  string
		pass bool
	}{
		{"http://127.0.0.1:8000", true}, {"http://127.9.9.9", true}, {"http://[::1]:1/x", true},
		{"http://localhost:1", true}, {"http://LOCALHOST.:1", true}, {"http://[::ffff:127.0.0.1]", true},
		{"http://shop.example:1", true}, {"http://shop.example.:1", true}, {"http://10.0.0.1", false},
		{"http://192.168.1.1", false}, {"http://169.254.169.254", false}, {"http://0.0.0.0:1", false},
		{"http://2130706433", false}, {"http://0x7f.1", false}, {"http://0177.0.0.1", false},
		{"http://127.1", false}, {"http://[::]:1", false}, {"http://[::ffff:10.0.0.1]", false},
		{"http://example.com", false}, {"http://localhost.example.com", false},
		{"http://127.0.0.1@example.com/", false}, {"http://example.com#@127.0.0.1", false},
		{"http://shop.example.evil", false}, {"http://", false},
	} {
		err := g.Check(row.url)
		if (err == nil) != row.pass || err != nil && !errors.Is(err, ErrRefused) {
			t.Errorf("Check(%q) = %v; want it to pass: %v", row.url, err, row.pass)
		}
	}
}

// An address outside this machine is refused when it is dialled.
func TestGuardChecksWhenAnAddressIsDialled(t *testing.T) {
	noNames := func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no name service in this test")
	}
	resolver := &net.Resolver{PreferGo: true, Dial: noNames}
	dial := Guard{}.Dialer(net.Dialer{Timeout: time.Second, Resolver: resolver})
	for _, address := range []string{"10.255.255.1:80", "[2001:db8::1]:80", "0.0.0.0:80"} {
		if conn, err := dial(t.Context(), "tcp", address); !errors.Is(err, ErrRefused) {
			t.Errorf("dial %s = %v, %v; want it refused before a packet is sent", address, conn, err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatalf("dial a loopback address: %v", err)
	}
	_ = conn.Close()
}

func TestRecordAllocatesNothing(t *testing.T) {
	r := NewRecorder(testPlan())
	s := r.Shard(Part{})
	var at time.Duration
	allocs := testing.AllocsPerRun(20_000, func() {
		at += 100 * time.Microsecond // two seconds in all: sets are handed over on the way
		s.Record(Sample{Target: 1, Due: at, Sent: at, End: at + time.Millisecond,
			FirstByte: at + 500*time.Microsecond, App: 300 * time.Microsecond, Status: 404})
	})
	if allocs >= 1 {
		t.Errorf("Record allocates %v times a request; want 0", allocs)
	}
	if out := r.Close(); out.Counts.OK != 20_001 || len(out.Intervals) != 3 {
		t.Errorf("%d recorded in %d intervals; want 20001 in 3", out.Counts.OK, len(out.Intervals))
	}
}

func TestRecorderKeepsKindsApart(t *testing.T) {
	r := NewRecorder(testPlan())
	one, two := r.Shard(Part{}), r.Shard(Part{})
	ms := time.Millisecond
	one.Record(Sample{Target: 0, Due: 0, Sent: 2 * ms, End: 10 * ms, App: 3 * ms, Class: results.OK})
	one.Record(Sample{Target: 1, Due: 0, Sent: 0, End: 5 * ms, App: ms, Class: results.HTTPError})
	two.Record(Sample{Target: 0, Due: 1500 * ms, Sent: 1500 * ms, End: 2500 * ms, Class: results.Timeout})
	two.Drop(97, testPlan().Duration) // of the 100 of the plan
	two.Opened(ms)
	two.Waited()
	out := r.Close()
	if out.Counts.Intended != 6 || out.Counts.OK != 1 || out.Counts.HTTPError != 1 || out.Counts.Timeout != 1 ||
		out.Counts.Dropped != 3 {
		t.Errorf("counts = %+v", out.Counts)
	}
	if err := out.Counts.Check(); err != nil {
		t.Error(err)
	}
	for _, row := range []struct {
		kind  results.Kind
		count int64
		max   int64
	}{
		{results.Response, 2, 1_000_000}, {results.Service, 2, 1_000_000}, {results.Lateness, 3, 2000},
		{results.Failure, 1, 5000}, {results.Connect, 1, 1000}, {results.TTFB, 0, 0},
		{results.App, 1, 3000}, {results.Wait, 1, 5000},
	} {
		h := results.Total(out.Intervals, row.kind)
		if h.TotalCount() != row.count || row.count > 0 && h.Max()*1000/1001 > row.max {
			t.Errorf("%s: %d values up to %d; want %d up to %d", row.kind, h.TotalCount(), h.Max(), row.count, row.max)
		}
	}
	if out.Within.OK != 1 || out.Within.Timeout != 0 {
		t.Errorf("within the duration: %+v; want what ended in the first second", out.Within)
	}
	if out.Opened != 1 || out.Waited != 1 || len(out.Intervals) != 2 {
		t.Errorf("opened %d, waited %d, %d intervals; want 1, 1, 2", out.Opened, out.Waited, len(out.Intervals))
	}
}

func BenchmarkRecord(b *testing.B) {
	p := testPlan()
	p.Duration = time.Hour // nearly everything ends within it
	r := NewRecorder(p)
	s := r.Shard(Part{})
	var at time.Duration
	for b.Loop() {
		at += time.Microsecond
		s.Record(Sample{Due: at, Sent: at, End: at + time.Millisecond, Status: 200})
	}
	r.Close()
}

// What a plan says about whom it may load counts for nothing: the dialling process decides.
func TestAPlanBringsNoPermission(t *testing.T) {
	p := testPlan()
	p.URL = "http://10.255.255.1:80"
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	asking := strings.Replace(string(data), "{", `{"guard":{"allowed_hosts":["10.255.255.1"]},`, 1)
	var read Plan
	if err := json.Unmarshal([]byte(asking), &read); err != nil {
		t.Fatal(err)
	}
	read.Slow = []SlowClients{{Kind: SlowIdle, Clients: 1, Every: time.Second}} // the first to dial
	if _, err := (Local{}).Measure(t.Context(), read, Watch{}); !errors.Is(err, ErrRefused) {
		t.Errorf("Measure = %v; want the target refused", err)
	}
}
