package loadgen

import (
	"context"
	"fmt"
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
}

// Measure runs a plan on an engine and judges the generator's part in what came out. It
// calls onStart, unless that is nil, right before the engine's clock starts.
func Measure(ctx context.Context, e Engine, p Plan, onStart func()) (Measurement, error) {
	rec := NewRecorder(p)
	before, started := cpuUsed(), time.Now()
	rec.onStart = func() {
		if onStart != nil {
			onStart()
		}
		before, started = cpuUsed(), time.Now()
	}
	err := e.Run(ctx, p, rec)
	m := Measurement{Outcome: rec.Close(), Elapsed: time.Since(started)}
	m.Generator = results.Generator{Engine: e.String(), CPUSeconds: (cpuUsed() - before).Seconds(), MaxRSS: maxRSS()}
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
	return u.Maxrss << 10 // KiB on Linux
}

// lateLimit is the lateness at p99 above which a run is degraded, unless it is small
// against what is measured: below a tenth of the response time's p99.
const lateLimit = 5 * time.Millisecond

// judge says how far the generator itself may have spoilt the measurement.
func judge(p Plan, m Measurement, interrupted bool) (results.Grade, []results.Cause) {
	grade := results.Valid
	var causes []results.Cause
	add := func(g results.Grade, code, message, remedy string) {
		grade = grade.Worse(g)
		causes = append(causes, results.Cause{Code: code, Message: message, Remedy: remedy})
	}
	if err := m.Counts.Check(); err != nil {
		add(results.Invalid, "counts", err.Error(), "This is a defect of bench; please report it.")
	}
	if p.Mode == Open {
		if intended := p.Intended(); m.Counts.Intended != intended {
			add(results.Invalid, "counts", fmt.Sprintf("the plan has %d requests, %d are accounted for", intended, m.Counts.Intended), "This is a defect of bench; please report it.")
		}
	}
	if m.Counts.Sent == 0 {
		add(results.Invalid, "nothing-sent", "no request was sent", "Use a longer duration or a higher rate.")
	} else if m.Counts.OK == 0 {
		add(results.Invalid, "no-right-answer", "no request got a right answer", "Look at the server's log and at the counts of each class.")
	}
	if m.Limited > 0 {
		add(results.Invalid, "generator-limits", fmt.Sprintf("%d connections could not be made because this machine had no file or port left for them", m.Limited),
			"Raise the limit of open files (ulimit -n 20000), use fewer connections, or keep them alive.")
	}
	if wrong := m.Counts.HTTPError + m.Counts.BadBody + m.Counts.ConnectError + m.Counts.Reset + m.Counts.Timeout; wrong > 0 {
		g := results.Valid
		if wrong*100 > m.Counts.Sent {
			g = results.Degraded
		}
		add(g, "wrong-answers", fmt.Sprintf("%d of %d requests got no right answer (%d http_error, %d bad_body, %d connect_error, %d reset, %d timeout)",
			wrong, m.Counts.Sent, m.Counts.HTTPError, m.Counts.BadBody, m.Counts.ConnectError, m.Counts.Reset, m.Counts.Timeout), "Look at the server's log.")
	}
	if n := m.Counts.InFlight; n > 0 && !interrupted {
		add(results.Valid, "in-flight", fmt.Sprintf("%d requests had no answer %v after the end of the load and were given up; they count with the time they were waited for, a lower bound", n, p.DrainTime()), "")
	}
	if m.Clamped > 0 {
		add(results.Degraded, "clamped", fmt.Sprintf("%d times lay outside the histograms' range and count at its end", m.Clamped), "")
	}
	if p.Mode == Open && !interrupted {
		judgeLateness(p, m, add)
	}
	return grade, causes
}

func judgeLateness(p Plan, m Measurement, add func(results.Grade, string, string, string)) {
	if m.Waited*100 > m.Counts.Sent || m.Counts.Unsent > 0 {
		// Lateness is then the server's doing: say so, and judge no further.
		add(results.Valid, "connections-busy", fmt.Sprintf(
			"all %d connections were busy when %d requests fell due, and %d were never sent: the server is slower than the load; the response times hold the wait of those that were sent",
			p.Conns.Max, m.Waited, m.Counts.Unsent), "")
		return
	}
	late := time.Duration(results.Total(m.Intervals, results.Lateness).ValueAtPercentile(99)) * time.Microsecond
	response := time.Duration(results.Total(m.Intervals, results.Response).ValueAtPercentile(99)) * time.Microsecond
	if late > lateLimit && late > response/10 {
		add(results.Degraded, "generator-late", fmt.Sprintf(
			"the generator sent 1 %% of the requests more than %v late, against a response time of %v at p99", late, response),
			"Give the generator a core of its own, or lower the rate.")
	}
}
