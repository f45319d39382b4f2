package loadgen

import (
	"fmt"
	"math"
	"runtime"
	"time"

	"bench/results"
)

// lateLimit is the lateness at p99 above which a run is degraded, unless it is small
// against what is measured: below a tenth of the response time's p99.
const lateLimit = 5 * time.Millisecond

// ourDefect is what to do about a measurement that contradicts itself.
const ourDefect = "This is a defect of bench; please report it."

// judge says how far the generator itself may have spoilt the measurement.
func judge(p Plan, m Measurement, interrupted bool) (results.Grade, []results.Diagnostic) {
	grade := results.Valid
	var causes []results.Diagnostic
	add := func(g results.Grade, code, message, remedy string) {
		grade = grade.Worse(g)
		causes = append(causes, results.Diagnostic{Code: code, Message: message, Hint: remedy})
	}
	if err := m.Counts.Check(); err != nil {
		add(results.Invalid, "counts", err.Error(), ourDefect)
	}
	var ofTargets results.Counts
	for _, t := range m.Targets {
		ofTargets = ofTargets.Plus(t.Counts)
	}
	if ofTargets != m.Counts {
		add(results.Invalid, "counts", fmt.Sprintf(
			"the counts of the targets add up to %+v, those of the seconds to %+v", ofTargets, m.Counts), ourDefect)
	}
	// How many requests sessions have shows only when they are run.
	if p.Mode == Open && len(p.Mix.Sessions) == 0 {
		if intended := p.Intended(); m.Counts.Intended != intended {
			add(results.Invalid, "counts", fmt.Sprintf(
				"the plan has %d requests, %d are accounted for", intended, m.Counts.Intended), ourDefect)
		}
	}
	if m.Counts.Sent == 0 {
		add(results.Invalid, "nothing-sent", "no request was sent", "Use a longer duration or a higher rate.")
	} else if m.Counts.OK == 0 {
		add(results.Invalid, results.NoSuccess, "no request got a right answer",
			"Look at the server's log and at the counts of each class.")
	}
	if m.Limited > 0 {
		add(results.Invalid, "generator-limits", fmt.Sprintf(
			"%d connections could not be made because this machine had no file or port left for them", m.Limited),
			"Raise the limit of open files (ulimit -n 20000), use fewer connections, or keep them alive.")
	}
	c := m.Counts
	if wrong := c.HTTPError + c.BadBody + c.ConnectError + c.Reset + c.Timeout; wrong > 0 {
		g := results.Valid
		if wrong*100 > c.Sent {
			g = results.Degraded
		}
		add(g, "wrong-answers", fmt.Sprintf(
			"%d of %d requests got no right answer (%d http_error, %d bad_body, %d connect_error, %d reset, %d timeout)",
			wrong, c.Sent, c.HTTPError, c.BadBody, c.ConnectError, c.Reset, c.Timeout), "Look at the server's log.")
	}
	if n := c.InFlight; n > 0 && !interrupted {
		add(results.Valid, "in-flight", fmt.Sprintf(
			"%d requests had no answer %v after the end of the load and were given up; "+
				"they count with the time they were waited for, a lower bound", n, p.DrainTime()), "")
	}
	if m.Clamped > 0 {
		add(results.Degraded, "clamped", fmt.Sprintf(
			"%d times lay outside the histograms' range and count at its end", m.Clamped), "")
	}
	if gone := serverGone(p, m); gone != "" && !interrupted {
		add(results.Invalid, results.ServerGone, gone,
			"Look at the server's log: it stopped answering and did not come back.")
	}
	judgeLittle(m, add)
	starved := judgeHealth(m, add)
	if busy := generatorBusy(m); busy > saturated {
		starved = true
		grade, effect := results.Valid, "what it reached is a lower bound"
		if p.Mode == Open {
			grade, effect = results.Degraded, "its own queueing is in the response times"
			if m.Counts.Dropped > 0 || m.Waited*100 > m.Counts.Sent {
				grade = results.Invalid
			}
		}
		add(grade, "generator-saturated", fmt.Sprintf(
			"the generator used %.0f %% of the CPU time that it can use: %s", busy*100, effect),
			"Use the native engine, more threads (-t), or a lower rate.")
	}
	if p.Mode == Open && !interrupted && !starved {
		judgeLateness(p, m, add)
	}
	return grade, causes
}

// littleLimit is how far the two sides of Little's law may lie apart.
const littleLimit = 0.02

// judgeLittle checks the instrument: the requests under way, summed over time, are the sum of
// the times that each was under way (Little, "A Proof for the Queuing Formula L = λW", 1961).
// The one is counted by the engine's connections, the other by the histograms. Wrong answers
// have no service time, so a load with many of them is not checked.
func judgeLittle(m Measurement, add func(results.Grade, string, string, string)) {
	service := results.Total(m.Intervals, results.Service)
	if m.UnderWay == 0 || service.TotalCount() != int64(m.Counts.Sent) || m.Clamped > 0 {
		return
	}
	// The histograms round to microseconds.
	sum := service.Mean() * float64(service.TotalCount()) * float64(time.Microsecond)
	off := math.Abs(sum - float64(m.UnderWay))
	if off > littleLimit*float64(m.UnderWay)+float64(m.Counts.Sent)*float64(time.Microsecond) {
		add(results.Invalid, "littles-law", fmt.Sprintf("the requests' service times add up to %v, "+
			"but %v were spent with requests under way: the two sides of Little's law differ",
			time.Duration(sum).Round(time.Millisecond), m.UnderWay.Round(time.Millisecond)), ourDefect)
	}
}

// serverGone tells of a server that answered and then, for the rest of the load, did not. A
// request that is not answered ends only with its time-out, so it is the last answer that
// tells when the server went.
func serverGone(p Plan, m Measurement) string {
	var answered, unanswered uint64
	var last time.Duration
	for _, iv := range m.Intervals {
		c := iv.Counts
		if got := c.OK + c.HTTPError + c.BadBody; got > 0 {
			answered, unanswered, last = answered+got, 0, iv.Start+iv.Length
		}
		unanswered += c.ConnectError + c.Reset + c.Timeout + c.InFlight
	}
	if answered == 0 || unanswered == 0 || last > p.Duration-max(p.Duration/10, IntervalLength) {
		return ""
	}
	return fmt.Sprintf("the server answered %d requests, the last ones before %v, and then none: "+
		"%d were refused, cut off, timed out or never answered", answered, last, unanswered)
}

// How much of a run the generator may have been kept from running, as a share of the time,
// and when what it waited for a core matters against what it measured.
const (
	stallDegrades = 100 * time.Millisecond // one stall; what falls due in it waits for it
	lostInvalid   = 0.10
	throttleLimit = 0.01
	waitDegrades  = 0.25 // of the mean response time
	waitInvalid   = 1.0
	waitAtLeast   = 50 * time.Microsecond // per request: what any busy machine does
	waitShare     = 0.01                  // of the time
)

// judgeHealth says whether the generator's own machine kept it from running. It reports
// whether that explains a lateness, which then needs no other cause.
func judgeHealth(m Measurement, add func(results.Grade, string, string, string)) (starved bool) {
	h := results.TotalHealth(m.Generator.Health)
	if h.Length <= 0 {
		return false
	}
	worse := func(share float64) results.Grade {
		if share > lostInvalid {
			return results.Invalid
		}
		return results.Degraded
	}
	if share := h.Throttled / h.Length; share > throttleLimit {
		add(worse(share), "generator-throttled", fmt.Sprintf(
			"the generator's CPU quota kept it from running for %.2f of %.1f s", h.Throttled, h.Length),
			"Give its control group a greater CPU quota, or none.")
		return true
	}
	perRequest, response := waitPerRequest(m, h)
	if m.Generator.Threads == 0 {
		perRequest = 0 // of a pool of threads, most wait for each other
	}
	ratio := float64(perRequest) / float64(max(1, response))
	if perRequest > waitAtLeast && h.RunQueue > waitShare*h.Length && ratio > waitDegrades {
		grade := results.Degraded
		if ratio > waitInvalid {
			grade = results.Invalid
		}
		add(grade, "generator-cpu", fmt.Sprintf("the generator waited %.2f s for a core, %v per request, "+
			"against a mean service time of %v: others used its core", h.RunQueue, perRequest, response),
			"Give the generator a core of its own (--pin, or end what runs beside it).")
		return true
	}
	longest := time.Duration(h.LongestGap * float64(time.Second))
	if longest >= stallDegrades && h.RunQueue < h.Stalled/2 {
		add(worse(h.Stalled/h.Length), "generator-stopped", fmt.Sprintf(
			"the generator stood still for %.2f s, %v at a time, and nobody else had its core",
			h.Stalled, longest.Round(time.Millisecond)),
			"It was stopped, or the virtual machine paused: repeat the run.")
		return true
	}
	return false
}

// saturated is the share of a core, or of all that it may use, from which on the generator
// itself is the limit.
const saturated = 0.9

// generatorBusy is the share of the time that the engine's threads worked, polling left out;
// for an engine without threads of its own, the share of all cores it may use.
func generatorBusy(m Measurement) float64 {
	threads, worked := m.Generator.Threads, results.TotalHealth(m.Generator.Health).CPU
	if threads == 0 {
		threads, worked = runtime.NumCPU(), m.Generator.CPUSeconds
	}
	length := results.TotalHealth(m.Generator.Health).Length
	if length <= 0 {
		return 0
	}
	return (worked - m.Spun.Seconds()) / length / float64(threads)
}

// waitPerRequest is the time the generator waited for a core, per request, and the mean
// service time without it.
func waitPerRequest(m Measurement, h results.Health) (wait, service time.Duration) {
	if m.Counts.Sent == 0 {
		return 0, 0
	}
	wait = time.Duration(h.RunQueue / float64(m.Counts.Sent) * float64(time.Second))
	mean := time.Duration(results.Total(m.Intervals, results.Service).Mean() * float64(time.Microsecond))
	return wait, max(0, mean-wait)
}

func judgeLateness(p Plan, m Measurement, add func(results.Grade, string, string, string)) {
	if m.Waited*100 > m.Counts.Sent || m.Counts.Dropped > 0 {
		// Lateness is then the server's doing: say so, and judge no further.
		add(results.Valid, "connections-busy", fmt.Sprintf(
			"all %d connections were busy when %d requests fell due, and %d were never sent: "+
				"the server is slower than the load; the response times hold the wait of those that were sent",
			p.Connections(), m.Waited, m.Counts.Dropped), "")
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
