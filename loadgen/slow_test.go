package loadgen_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"bench/loadgen"
	"bench/loadgen/native"
	"bench/loadgen/pacing"
)

func TestSlowClientsAreCountedSeparately(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("hello"))
	}))
	defer server.Close()
	slow, err := loadgen.ParseSlow([]string{"headers:3", "body:2", "read:2", "idle:4"}, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	m := measure(t, native.Engine{}, plan(server.URL, func(p *loadgen.Plan) {
		p.Mode, p.Pacer, p.Duration, p.Slow = loadgen.Open, pacing.Constant{PerSecond: 100}, 500*time.Millisecond, slow
	}))
	if m.Counts.OK != 50 || m.Counts.Intended != 50 {
		t.Errorf("counts = %+v; want only the 50 requests of the load", m.Counts)
	}
	if len(m.Slow) != 4 {
		t.Fatalf("slow clients = %+v; want four populations", m.Slow)
	}
	for i, s := range m.Slow {
		if s.Clients != slow[i].Clients || s.Opened < uint64(s.Clients) || s.Refused != 0 {
			t.Errorf("slow clients %+v; want each of them connected", s)
		}
	}
	if headers, idle := m.Slow[0], m.Slow[3]; headers.Answered < 3 || idle.Answered != 0 || idle.Held != 4 {
		t.Errorf("slow clients %+v and %+v; want the header clients answered, and the idle ones held", headers, idle)
	}
}

// Clients that come later do so when the load has begun, and go when their time is over.
func TestSlowClientsComeAndGo(t *testing.T) {
	var open atomic.Int64
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	var came, went atomic.Int64 // milliseconds since the load began
	var began atomic.Pointer[time.Time]
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		since := func() int64 {
			if at := began.Load(); at != nil {
				return time.Since(*at).Milliseconds()
			}
			return 0
		}
		switch state {
		case http.StateNew:
			if open.Add(1) == 21 {
				came.Store(since())
			}
		case http.StateClosed:
			if open.Add(-1) == 1 && came.Load() > 0 && went.Load() == 0 {
				went.Store(since())
			}
		}
	}
	server.Start()
	defer server.Close()
	p := plan(server.URL, func(p *loadgen.Plan) {
		p.Duration, p.Conns.Max = 500*time.Millisecond, 1
		p.Slow = []loadgen.SlowClients{{
			Kind: loadgen.SlowIdle, Clients: 20, Every: 10 * time.Millisecond, From: 100 * time.Millisecond,
			For: 200 * time.Millisecond,
		}}
	})
	m, err := loadgen.Local{Engine: native.Engine{}}.Measure(t.Context(), p, loadgen.Watch{Start: func() {
		now := time.Now()
		began.Store(&now)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if s := m.Slow[0]; s.Opened != 20 || s.Refused != 0 || s.Held != 0 || s.Closed != 0 {
		t.Errorf("slow clients %+v; want 20 that came, and none that was left", s)
	}
	if came.Load() < 100 || went.Load() < came.Load()+150 {
		t.Errorf("they were there from %d to %d ms; want from 100 to 300 ms", came.Load(), went.Load())
	}
}

func TestBadSlowClients(t *testing.T) {
	for _, text := range []string{"", "headers", "headers:0", "headers:x", "sideways:3", "idle:1000000"} {
		if _, err := loadgen.ParseSlow([]string{text}, time.Second); err == nil {
			t.Errorf("ParseSlow(%q) succeeded", text)
		}
	}
	if _, err := loadgen.ParseSlow([]string{"idle:1"}, 0); err == nil {
		t.Error("a byte every 0 s was accepted")
	}
}
