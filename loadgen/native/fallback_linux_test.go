package native

import (
	"testing"
	"time"

	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/targets"
)

// Without epoll_pwait2, a timerfd wakes the shards up instead.
func TestOldKernelsUseATimer(t *testing.T) {
	was := hasPwait2
	hasPwait2 = func(*waiter) bool { return false }
	defer func() { hasPwait2 = was }()
	server := new(Null)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for _, timer := range []Timer{Sleep, Hybrid} {
		p := loadgen.Plan{
			URL: server.URL(), Mode: loadgen.Open, Pacer: pacing.Constant{PerSecond: 200}, Duration: 250 * time.Millisecond,
			Timeout: time.Second,
			Conns:   loadgen.Conns{Max: 4}, Mix: targets.Mix{Targets: []targets.Target{{Name: "a", Method: "GET", Path: "/"}}},
		}
		m, err := loadgen.Local{Engine: Engine{Timer: timer}}.Measure(t.Context(), p, loadgen.Watch{})
		if err != nil || m.Counts.OK != 50 || m.Elapsed < 200*time.Millisecond {
			t.Errorf("%s: counts %+v after %v, %v; want 50 ok, on time", timer, m.Counts, m.Elapsed, err)
		}
	}
}
