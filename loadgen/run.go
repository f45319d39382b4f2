package loadgen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
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
	// Fault is what to say first of an invalid measurement: the heaviest of what was found.
	Fault string
	// Hopeless is why the load was ended early; empty unless it was.
	Hopeless string
	// Start is the instant at which the engine's clock started.
	Start time.Time `json:"-"`
	// Workers are the load generators that sent the load together; none where it was this process alone.
	Workers []results.Worker
}

// Live is the progress of a run.
type Live struct {
	Elapsed time.Duration
	Counts  results.Counts // of the completed seconds
	Rate    float64        // of successful responses in the last of them, per second
	P50     time.Duration  // of the response times in it
	P99     time.Duration
}

// Watch follows a run while it is under way. Each function may be nil.
type Watch struct {
	// Barrier is called when the connections are open, and returns the instant at which the load is to
	// start: others may send their parts of it from the same instant. One that has passed means now.
	Barrier func() time.Time
	Start   func()     // called right before the engine's clock starts
	Second  func(Live) // called every second after that, from another goroutine
	// Delta gets what was recorded since its last call, every second and once at the end. Together its
	// intervals make up those of the measurement.
	Delta func([]results.Interval)
}

// Engine sends plans from this process.
type Engine interface {
	// Run connects only where the guard allows. It calls the recorder's Start once, which returns the
	// instant at which its clock starts, and returns when every intended request has ended in a class and been
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
	beginSlow, endSlow, err := startSlow(ctx, p, l.Guard)
	if err != nil {
		return Measurement{}, fmt.Errorf("starting the slow clients: %w", err)
	}
	defer collectEarly()()
	var m Measurement
	rec := NewRecorder(p)
	before, started := cpuUsed(), time.Now()
	health := new(monitor)
	rec.onStart = func(lead time.Duration) time.Time {
		var at time.Time
		if watch.Barrier != nil {
			at = watch.Barrier()
			sleepUntil(ctx, at.Add(-lead-barrierLead))
		}
		if watch.Start != nil {
			watch.Start()
		}
		health.start(rec.Threads())
		before, started = cpuUsed(), time.Now()
		if soonest := started.Add(lead); at.Before(soonest) {
			at = soonest
		}
		sleepUntil(ctx, at.Add(-lead))
		m.Start = at
		beginSlow()
		return at
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	unfollow := rec.follow(endIfHopeless(p, watch.Second, end), watch.Delta)
	err = l.Engine.Run(ctx, p, l.Guard, rec)
	unfollow()
	m.Generator = l.generator(cpuUsed()-before, rec, health)
	m.Elapsed, m.Slow = time.Since(started), endSlow()
	m.Outcome = rec.Close()
	if watch.Delta != nil {
		watch.Delta(rec.takeDelta())
	}
	m.Generator.Spun, m.Generator.UnderWay = m.Spun.Seconds(), m.UnderWay.Seconds()
	if err != nil {
		return m, fmt.Errorf("running the load: %w", err)
	}
	if errors.As(context.Cause(ctx), new(hopeless)) {
		m.Hopeless = context.Cause(ctx).Error()
	}
	if p.Mode == Closed && p.Requests > 0 { // it ended when these had ended
		p.Duration = min(p.Duration, m.Elapsed)
	}
	m.Grade, m.Fault, m.Diagnostics = judge(p, m, ctx.Err() != nil)
	return m, nil
}

// generator is what this process has spent on a load, and how it fared.
func (l Local) generator(cpu time.Duration, rec *Recorder, health *monitor) results.Generator {
	g := results.Generator{
		Engine: l.Engine.String(), CPUSeconds: cpu.Seconds(), MaxRSS: PeakMemory(),
		Threads: len(rec.Threads()), Health: health.stop(),
	}
	if timed, ok := l.Engine.(interface{ Mode() string }); ok {
		g.Timer = timed.Mode()
	}
	return g
}

// barrierLead is the time before a common start that is left for what is done right before it.
const barrierLead = 20 * time.Millisecond

func sleepUntil(ctx context.Context, at time.Time) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(at)):
	}
}

// hopeless is why a load was ended before its time.
type hopeless struct{ error }

// hopelessAfter is how long a server may refuse every connection before a load is abandoned: one that
// is being restarted has some time to come back.
const hopelessAfter = 3 * time.Second

// endIfHopeless returns what to do every second of a load that cares about errors: what is wanted
// anyway, and an end to a load that cannot get a connection.
func endIfHopeless(p Plan, second func(Live), end context.CancelCauseFunc) func(Live) {
	if p.MaxErrors == 0 {
		return second
	}
	return func(l Live) {
		if second != nil {
			second(l)
		}
		if l.Elapsed >= hopelessAfter && l.Counts.ConnectError > 0 && l.Counts.ConnectError == l.Counts.Sent {
			end(hopeless{fmt.Errorf("no connection could be made in %v, so the load was ended early",
				l.Elapsed.Round(time.Second))})
		}
	}
}

// cpuUsed is the CPU time of all threads of this process.
func cpuUsed() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// PeakMemory is the most memory that this process has had resident. The kernel's account of a process's
// resources begins with its parent's, so that of its address space comes first, where there is one.
func PeakMemory() int64 {
	if text, err := os.ReadFile("/proc/self/status"); err == nil {
		if _, after, found := bytes.Cut(text, []byte("VmHWM:")); found {
			var kib int64
			if _, err := fmt.Sscan(string(after[:min(64, len(after))]), &kib); err == nil {
				return kib << 10
			}
		}
	}
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(u.Maxrss) // bytes there
	}
	return int64(u.Maxrss) << 10 // KiB
}
