package loadgen

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"bench/results"

	"golang.org/x/sys/unix"
)

// Measurement is one run of a plan: what was recorded, what it cost and how far it can be
// trusted.
type Measurement struct {
	Outcome
	Generator results.Generator
	Elapsed   time.Duration
	Grade     results.Grade
	Causes    []results.Cause
	Slow      []results.Slow
}

// Live is how far a run has got.
type Live struct {
	Elapsed time.Duration
	Counts  results.Counts // of the seconds that are complete
	P50     time.Duration  // of the response times in the last one of them
	P99     time.Duration
}

// Watch tells of a run while it is under way. Both functions may be nil.
type Watch struct {
	Start  func()     // called right before the engine's clock starts
	Second func(Live) // called every second after that, from another goroutine
}

// Measure runs a plan on an engine and judges the generator's part in what came out.
func Measure(ctx context.Context, e Engine, p Plan, watch Watch) (Measurement, error) {
	if err := p.Validate(); err != nil {
		return Measurement{}, err
	}
	stopSlow, err := startSlow(ctx, p)
	if err != nil {
		return Measurement{}, fmt.Errorf("starting the slow clients: %w", err)
	}
	rec := NewRecorder(p)
	before, started := cpuUsed(), time.Now()
	health := new(monitor)
	rec.onStart = func() {
		if watch.Start != nil {
			watch.Start()
		}
		health.start(rec.Threads())
		before, started = cpuUsed(), time.Now()
	}
	stopTelling := rec.tell(watch.Second)
	err = e.Run(ctx, p, rec)
	stopTelling()
	cpu := cpuUsed() - before
	m := Measurement{Elapsed: time.Since(started), Slow: stopSlow()}
	m.Generator = results.Generator{Engine: e.String(), CPUSeconds: cpu.Seconds(), MaxRSS: maxRSS(), Threads: len(rec.Threads()), Health: health.stop()}
	if paced, ok := e.(interface{ Mode() string }); ok {
		m.Generator.Pacing = paced.Mode()
	}
	m.Outcome = rec.Close()
	m.Generator.Spun, m.Generator.UnderWay = m.Spun.Seconds(), m.UnderWay.Seconds()
	if err != nil {
		return m, fmt.Errorf("running the load: %w", err)
	}
	m.Grade, m.Causes = judge(p, m, ctx.Err() != nil)
	return m, nil
}

// cpuUsed is the CPU time of this process, all threads.
func cpuUsed() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func maxRSS() int64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(u.Maxrss) // bytes there
	}
	return int64(u.Maxrss) << 10 // KiB
}
