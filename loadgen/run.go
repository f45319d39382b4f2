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
	Generator   results.Generator
	Elapsed     time.Duration
	Grade       results.Grade
	Diagnostics []results.Diagnostic
	Slow        []results.Slow
}

// Live is the progress of a run.
type Live struct {
	Elapsed time.Duration
	Counts  results.Counts // of the completed seconds
	P50     time.Duration  // of the response times in the last of them
	P99     time.Duration
}

// Watch follows a run while it is under way. Both functions may be nil.
type Watch struct {
	Start  func()     // called right before the engine's clock starts
	Second func(Live) // called every second after that, from another goroutine
}

// Engine sends plans from this process.
type Engine interface {
	// Run connects only where the guard allows. It calls the recorder's Start once, before its
	// clock starts, and returns when every intended request has ended in a class and been
	// recorded. It fails only for its own reasons: what the server does is in the record. If
	// ctx ends early, what was recorded until then is kept, and the rest counts as dropped.
	Run(ctx context.Context, p Plan, guard Guard, rec *Recorder) error
	String() string
}

// Measurer runs plans, here or elsewhere, and returns the measurements: all that an experiment
// needs to know about load.
type Measurer interface {
	Measure(ctx context.Context, p Plan, watch Watch) (Measurement, error)
}

// Local is the Measurer whose load comes from this process. Permission to send it belongs to the
// process: a plan, which may have come from elsewhere, cannot grant it.
type Local struct {
	Engine Engine
	Guard  Guard
}

// Measure runs a plan on the engine and judges the generator's influence on the result.
func (l Local) Measure(ctx context.Context, p Plan, watch Watch) (Measurement, error) {
	if err := p.Validate(); err != nil {
		return Measurement{}, err
	}
	stopSlow, err := startSlow(ctx, p, l.Guard)
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
	unfollow := rec.follow(watch.Second)
	err = l.Engine.Run(ctx, p, l.Guard, rec)
	unfollow()
	cpu := cpuUsed() - before
	m := Measurement{Elapsed: time.Since(started), Slow: stopSlow()}
	m.Generator = results.Generator{
		Engine: l.Engine.String(), CPUSeconds: cpu.Seconds(), MaxRSS: maxRSS(),
		Threads: len(rec.Threads()), Health: health.stop(),
	}
	if timed, ok := l.Engine.(interface{ Mode() string }); ok {
		m.Generator.Timer = timed.Mode()
	}
	m.Outcome = rec.Close()
	m.Generator.Spun, m.Generator.UnderWay = m.Spun.Seconds(), m.UnderWay.Seconds()
	if err != nil {
		return m, fmt.Errorf("running the load: %w", err)
	}
	m.Grade, m.Diagnostics = judge(p, m, ctx.Err() != nil)
	return m, nil
}

// cpuUsed is the CPU time of all threads of this process.
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
