package loadgen_test

import (
	"net/http"
	"net/http/httptest"
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
