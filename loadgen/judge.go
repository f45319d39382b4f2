package loadgen

import (
	"fmt"
	"math"
	"runtime"
	"time"

	"bench/results"
)

// lateLimit is the lateness at p99 above which a run is degraded, unless it is small compared
// with what is measured: below a tenth of the response time's p99.
const lateLimit = 5 * time.Millisecond

// ourDefect is what to do about a measurement that contradicts itself.
const ourDefect = "This is a defect of bench; please report it."

// judgement collects what is found about a measurement.
type judgement struct {
	grade       results.Grade
	fault       string // of the diagnostics that make it invalid, the one to name first
	weight      int    // of that
	diagnostics []results.Diagnostic
}

// How much a fault explains: the requests' own failures explain more than the generator's troubles,
// which they may have caused, and those more than counts.
const (
	explainsLittle = iota
	explainsSome
	explainsMost
)

func (j *judgement) add(g results.Grade, code, message, hint string) {
	weight := explainsSome
	switch code {
	case "counts", results.NoSuccess:
		weight = explainsLittle
	case "wrong-answers":
		weight = explainsMost
	}
	if g == results.Invalid && (j.fault == "" || weight >= j.weight) {
		j.fault, j.weight = message, weight
	}
	j.grade = j.grade.Worse(g)
	j.diagnostics = append(j.diagnostics, results.Diagnostic{
		Code: code, Message: message, Hint: hint, Severity: results.SeverityOf(g),
	})
}

// judge says how much the generator itself may have distorted the measurement, and what of an invalid
// one to name first.
func judge(p Plan, m Measurement, interrupted bool) (results.Grade, string, []results.Diagnostic) {
	j := &judgement{grade: results.Valid}
	judgeCounts(p, m, interrupted, j.add)
	judgeFailures(p, m, j.add)
	judgeConnections(p, m, interrupted, j.add)
	judgeLittle(m, j.add)
	starved := judgeHealth(m, j.add)
	if busy := generatorBusy(m); busy > saturated {
		starved = true
		judgeSaturated(p, m, busy, j.add)
	}
	if p.Mode == Open && !interrupted && !starved {
		judgeLateness(p, m, j.add)
	}
	return j.grade, j.fault, j.diagnostics
}

// judgeCounts checks that every request is accounted for, once.
func judgeCounts(p Plan, m Measurement, interrupted bool, add addFunc) {
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
	// The number of requests of sessions is known only once they have run.
	if p.Mode == Open && len(p.Mix.Sessions) == 0 && !interrupted {
		if intended := p.Intended(); m.Counts.Intended != intended {
			add(results.Invalid, "counts", fmt.Sprintf(
				"the plan has %d requests, %d are accounted for", intended, m.Counts.Intended), ourDefect)
		}
	}
}

// addFunc adds one finding of a judgement.
type addFunc func(g results.Grade, code, message, hint string)

// judgeConnections says what the connections showed about the server.
func judgeConnections(p Plan, m Measurement, interrupted bool, add addFunc) {
	c := m.Counts
	if c.StaleRetry*100 > c.Sent && len(p.Incidents) == 0 {
		add(results.Degraded, results.StaleRetries, fmt.Sprintf(
			"%d of %d requests were sent again because their kept connection turned out to be closed; "+
				"a client that does not do so sees as many errors", c.StaleRetry, c.Sent),
			"Have the server announce that it closes a connection (Connection: close), or keep it open for longer.")
	}
	if m.Strays > 0 {
		g := results.Valid
		if m.Strays*100 > c.Sent {
			g = results.Degraded
		}
		add(g, "stray-bytes", fmt.Sprintf(
			"the server sent bytes that belong to no response %d times: after one, or before a request", m.Strays),
			"Check the lengths that the server announces: such a connection cannot be used again.")
	}
	if n := c.InFlight; n > 0 && !interrupted {
		add(results.Valid, "in-flight", fmt.Sprintf(
			"%d requests had no response %v after the end of the load and were abandoned; "+
				"they count with the time they were waited for, a lower bound", n, p.DrainTime()), "")
	}
	if m.Clamped > 0 {
		add(results.Degraded, "clamped", fmt.Sprintf(
			"%d times were outside the histograms' range and count as its limit", m.Clamped), "")
	}
	if m.Hopeless != "" {
		add(results.Invalid, "ended-early", m.Hopeless, "")
	}
	if gone := serverGone(p, m); gone != "" && !interrupted {
		g := results.Invalid
		if len(p.Incidents) > 0 {
			g = results.Valid // it was to be seen whether it recovers
		}
		add(g, results.ServerGone, gone,
			"Check the server's log: it stopped responding and did not recover.")
	}
}

func judgeSaturated(p Plan, m Measurement, busy float64, add addFunc) {
	grade, effect := results.Valid, "its throughput is a lower bound"
	if p.Mode == Open {
		grade, effect = results.Degraded, "its own queueing is in the response times"
		if m.Counts.Dropped > 0 || m.Waited*100 > m.Counts.Sent {
			grade = results.Invalid
		}
	}
	add(grade, "generator-saturated", fmt.Sprintf(
		"the generator used %.0f %% of the CPU time available to it: %s", busy*100, effect),
		"Use the native engine, more threads (-t), or a lower rate.")
}

// littleLimit is how far the two sides of Little's law may differ.
const littleLimit = 0.02

// judgeLittle checks the instrument: the requests under way, summed over time, are the sum of
// the times that each was under way (Little, "A Proof for the Queuing Formula L = λW", 1961).
// The engine's connections count the one, the histograms the other. Failed requests have no
// service time, so a load that has any is not checked.
func judgeLittle(m Measurement, add addFunc) {
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

// serverGone reports a server that responded and then, for the rest of the load, did not. A
// request without a response ends only with its timeout, so it is the last response that
// shows when the server went away.
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

// For what share of a run the generator may have been kept from running, and when its wait for
// a core matters compared with what it measured.
const (
	stallDegrades = 100 * time.Millisecond // one stall; what falls due in it waits for it
	lostInvalid   = 0.10
	throttleLimit = 0.01
	waitDegrades  = 0.2 // of the mean times, which include the wait
	waitInvalid   = 0.5
	waitAtLeast   = 50 * time.Microsecond // per request: normal on any busy machine
	waitShare     = 0.01                  // of the time
)

// judgeHealth says whether the generator's own machine kept it from running. It reports
// whether that explains lateness, which then needs no other diagnostic.
func judgeHealth(m Measurement, add addFunc) (starved bool) {
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
			"Give its control group a larger CPU quota, or none.")
		return true
	}
	w := waitOf(m, h)
	if w.perRequest > waitAtLeast && h.RunQueue > waitShare*h.Length && w.share() > waitDegrades {
		grade := results.Degraded
		if w.share() > waitInvalid {
			grade = results.Invalid
		}
		add(grade, "generator-cpu", fmt.Sprintf("the generator waited %.2f s for a core, %v per request, compared with a "+
			"mean service time of %v; on average it sent requests and read responses %v late: other programs used its core",
			h.RunQueue, w.perRequest, w.service, w.late),
			"Give the generator a core of its own (--pin, or stop other programs).")
		return true
	}
	longest := time.Duration(h.LongestGap * float64(time.Second))
	if longest >= stallDegrades && h.RunQueue < h.Stalled/2 {
		add(worse(h.Stalled/h.Length), "generator-stopped", fmt.Sprintf(
			"the generator stalled for %.2f s, up to %v at a time, and nothing else used its core",
			h.Stalled, longest.Round(time.Millisecond)),
			"It was stopped, or the virtual machine paused: repeat the run.")
		return true
	}
	return false
}

// saturated is the share of a core, or of all cores it may use, above which the generator
// itself is the limit.
const saturated = 0.9

// generatorBusy is the share of the time that the engine's threads worked, without polling;
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

// wait is what the generator waited for a core, and what of it the measured times may include: means
// over the requests.
type wait struct {
	perRequest time.Duration
	late       time.Duration // requests sent, and responses read, after they could have been
	service    time.Duration
	response   time.Duration
}

// share is the share of the measured times that may be such waits. The kernel counts all waits, also
// those between two requests, which delay none: so they matter only as far as requests are seen to have
// been sent late, or responses to have been read late.
func (w wait) share() float64 {
	of := func(part, whole time.Duration) float64 { return min(1, float64(part)/float64(max(1, whole))) }
	return min(of(w.perRequest, w.service), of(w.late, w.response))
}

func waitOf(m Measurement, h results.Health) (w wait) {
	if m.Counts.OK == 0 || m.Generator.Threads == 0 {
		return wait{} // in a pool of threads, most wait for each other; and no mean is made of no values
	}
	mean := func(kind results.Kind) time.Duration {
		return time.Duration(results.Total(m.Intervals, kind).Mean()) * time.Microsecond
	}
	w.perRequest = time.Duration(h.RunQueue/float64(m.Counts.Sent)*1e6) * time.Microsecond
	w.late = mean(results.Lateness) + mean(results.Wakeup)
	w.service, w.response = mean(results.Service), mean(results.Response)
	return w
}

func judgeLateness(p Plan, m Measurement, add addFunc) {
	if m.Waited*100 > m.Counts.Sent || m.Counts.Dropped > 0 {
		// Lateness is then the server's fault: say so, and judge no further.
		add(results.Valid, "connections-busy", fmt.Sprintf(
			"all %d connections were busy when %d requests fell due, and %d were never sent: "+
				"the server is slower than the load; response times include the wait of those that were sent",
			p.Connections(), m.Waited, m.Counts.Dropped), "")
		return
	}
	late := time.Duration(results.Percentile(results.Total(m.Intervals, results.Lateness), 99)) * time.Microsecond
	responses := results.Total(m.Intervals, results.Response)
	if responses.TotalCount() == 0 {
		return // nothing that being late could have changed
	}
	response := time.Duration(results.Percentile(responses, 99)) * time.Microsecond
	if late > lateLimit && late > response/10 {
		add(results.Degraded, "generator-late", fmt.Sprintf(
			"the generator sent 1 %% of the requests more than %v late, with a response time of %v at p99", late, response),
			"Give the generator a core of its own, or lower the rate.")
	}
}
