package accuracy

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"
)

// wrk sends the mix as it is given, bytes that Lua would read otherwise included, and what it counts has been
// answered by the server.
func TestWrkThroughput(t *testing.T) {
	if _, err := exec.LookPath("wrk"); err != nil {
		t.Skip("wrk is not installed")
	}
	if testing.Short() {
		t.Skip("takes 15 s")
	}
	var slow, posts atomic.Int64
	turn := make(chan struct{}, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 64)
		n, _ := r.Body.Read(body)
		right := string(body[:n]) == "a\"\\\x00\n" && r.Header.Get("X-A") == "ä" && r.URL.RawQuery == "q=%22"
		if r.Method == "POST" && right {
			posts.Add(1)
		}
		turn <- struct{}{}
		time.Sleep(10 * time.Millisecond)
		<-turn
		slow.Add(1)
	}))
	defer server.Close()
	mix := []Request{{Method: "GET", Path: "/", Weight: 3},
		{Method: "POST", Path: "/?q=%22", Header: http.Header{"X-A": {"ä"}}, Body: []byte("a\"\\\x00\n"), Weight: 1}}
	got, err := WrkThroughput(t.Context(), server.URL, mix, 16, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if answered := float64(slow.Load()); got <= 0 || got*5 > answered {
		t.Errorf("%.1f/s for 5 s; the server has answered %.0f requests in all", got, answered)
	}
	if share := float64(posts.Load()) / float64(slow.Load()); share < 0.15 || share > 0.35 {
		t.Errorf("%.0f %% of the requests were the POST; want a quarter", 100*share)
	}
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = refused.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := WrkThroughput(ctx, "http://"+refused.Addr().String(), mix, 1, time.Second); err == nil {
		t.Error("a port without a server has a throughput")
	}
}

// The throughput is what the longer of two runs has more than the shorter, over the time that it took longer: what
// both lose at their ends does not count.
func TestWrkThroughputIsTheDifferenceOfTwoRuns(t *testing.T) {
	const rate, lost = 100.0, 64.0
	if got := gained([2]float64{4*rate - lost, 14*rate - lost}, [2]float64{4, 14}); got != rate {
		t.Errorf("%g/s, want %g", got, rate)
	}
}
