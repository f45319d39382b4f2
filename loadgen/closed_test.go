package loadgen_test

import (
	"math"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"bench/internal/proof"
	"bench/loadgen"
	"bench/loadgen/native"
	"bench/results"
)

// turns is a server that works on a number of requests at once, each in slices of a time: with one slice
// first come, first served; with several, waiting for a turn before each, nearly processor sharing.
type turns struct {
	free   chan struct{} // nil: no limit
	slices int
	each   time.Duration
	served atomic.Int64
	worked atomic.Int64 // nanoseconds
}

func (s *turns) ServeHTTP(http.ResponseWriter, *http.Request) {
	for range s.slices {
		if s.free != nil {
			s.free <- struct{}{}
		}
		began := time.Now()
		time.Sleep(s.each)
		s.worked.Add(int64(time.Since(began)))
		if s.free != nil {
			<-s.free
		}
	}
	s.served.Add(1)
}

// service is the mean time of work per response since the given state of the counters, in seconds.
func (s *turns) service(served, worked int64) float64 {
	return float64(s.worked.Load()-worked) / float64(s.served.Load()-served) / 1e9
}

// Short closed loops on real servers of three disciplines give the throughput that the server itself
// counts in the middle of a long one. Both are multiplied by the service time that the server measured
// meanwhile, which a busy machine changes from second to second.
func TestThroughputOfRealServers(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 20 s")
	}
	const connections, long = 16, 3 * time.Second
	repeats := proof.Size(3, 8)
	for _, row := range []struct {
		says   string
		server *turns
		limit  string
		full   int
		about  float64
	}{
		{"two workers, first come, first served",
			&turns{free: make(chan struct{}, 2), slices: 1, each: 10 * time.Millisecond}, results.LimitWorkers, 2, 190},
		{"a thread per connection that share one processor",
			&turns{free: make(chan struct{}, 1), slices: 5, each: 2 * time.Millisecond}, results.LimitCPU, 1, 90},
		{"threads that sleep", &turns{slices: 1, each: 20 * time.Millisecond}, results.LimitConnections, 0, 780},
	} {
		t.Run(row.says, func(t *testing.T) {
			server := httptest.NewServer(row.server)
			defer server.Close()
			run := func(d time.Duration) float64 {
				p := plan(server.URL, func(p *loadgen.Plan) {
					p.Mode, p.Pacer, p.Duration, p.Conns, p.Timeout = loadgen.Closed, nil, d,
						loadgen.Conns{Max: connections}, 10*time.Second
				})
				m := measure(t, native.Engine{}, p)
				m.Loop.Limit, m.Loop.Full = row.limit, row.full
				return m.Throughput(p)
			}
			counted := make(chan float64)
			go func() {
				time.Sleep(long / 5)
				before, worked, at := row.server.served.Load(), row.server.worked.Load(), time.Now()
				time.Sleep(long * 3 / 5)
				rate := float64(row.server.served.Load()-before) / time.Since(at).Seconds()
				counted <- rate * row.server.service(before, worked)
			}()
			run(long)
			truth := <-counted
			var mean float64
			for range repeats {
				before, worked := row.server.served.Load(), row.server.worked.Load()
				rate := run(time.Duration(10 * connections / row.about * float64(time.Second)))
				mean += rate * row.server.service(before, worked) / float64(repeats)
			}
			t.Logf("%.3f requests at a time, and %.3f by the server's own counts: %+.1f %%", mean, truth, 100*(mean/truth-1))
			if math.Abs(mean/truth-1) > 0.05 {
				t.Errorf("%.3f; want the server's %.3f", mean, truth)
			}
		})
	}
}
