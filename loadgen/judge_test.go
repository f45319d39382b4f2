package loadgen

import (
	"strings"
	"testing"
	"time"

	"bench/results"
)

// measurement is a clean one of 1000 requests in 2 s, with a service time of 1 ms.
func measurement() Measurement {
	h := results.NewHistogram()
	for range 1000 {
		_ = h.RecordValue(1000)
	}
	var m Measurement
	m.Counts.Add(results.OK, 1000)
	m.Intervals = []results.Interval{{Counts: m.Counts, Length: 2 * time.Second, Hists: map[results.Series]*results.Packed{
		{Kind: results.Response, Target: "a"}: results.Pack(h), {Kind: results.Service, Target: "a"}: results.Pack(h),
	}}}
	health := []results.Health{{Length: 2, CPU: 0.1, RunQueue: 0.01}}
	m.Generator = results.Generator{Threads: 1, CPUSeconds: 0.1, Health: health}
	return m
}

// readLate lets a sample of the responses have been read late.
func readLate(m *Measurement, us int64) {
	h := results.NewHistogram()
	_ = h.RecordValues(us, 100)
	m.Intervals[0].Hists[results.Series{Kind: results.Wakeup}] = results.Pack(h)
}

func TestJudge(t *testing.T) {
	refuse := func(m *Measurement, start time.Duration, n uint64) {
		var c results.Counts
		c.Add(results.ConnectError, n)
		m.Intervals = append(m.Intervals, results.Interval{Start: start, Length: time.Second, Counts: c})
		m.Counts = m.Counts.Plus(c)
	}
	for _, row := range []struct {
		says   string
		change func(*Measurement)
		grade  results.Grade
		codes  string
	}{
		{"a clean run", func(*Measurement) {}, results.Valid, ""},
		{"a stop of 200 ms with a free core", func(m *Measurement) {
			m.Generator.Health[0].Stalled, m.Generator.Health[0].LongestGap = 0.18, 0.18
		}, results.Degraded, "generator-stopped"},
		{"stops for most of the time", func(m *Measurement) {
			m.Generator.Health[0].Stalled, m.Generator.Health[0].LongestGap = 1.2, 0.6
		}, results.Invalid, "generator-stopped"},
		{"a quota that throttles a little",
			func(m *Measurement) { m.Generator.Health[0].Throttled = 0.1 }, results.Degraded, "generator-throttled"},
		{"a quota that throttles a lot",
			func(m *Measurement) { m.Generator.Health[0].Throttled = 1.5 }, results.Invalid, "generator-throttled"},
		{"a wait for the core, a third of a service time", func(m *Measurement) {
			m.Generator.Health[0].RunQueue = 0.35
			readLate(m, 350)
		}, results.Degraded, "generator-cpu"},
		{"a wait for the core most of the time", func(m *Measurement) {
			m.Generator.Health[0].RunQueue = 0.9
			readLate(m, 900)
		}, results.Invalid, "generator-cpu"},
		{"longer waits than service times, but responses are read at once: they lie between the requests",
			func(m *Measurement) {
				m.Generator.Health[0].RunQueue = 1.8
				readLate(m, 20)
			}, results.Valid, ""},
		{"waits of which neither request nor response tells",
			func(m *Measurement) { m.Generator.Health[0].RunQueue = 1.8 }, results.Valid, ""},
		{"a core saturated in a closed loop",
			func(m *Measurement) { m.Generator.Health[0].CPU = 1.98 }, results.Valid, "generator-saturated"},
		{"a core saturated by polling",
			func(m *Measurement) { m.Generator.Health[0].CPU, m.Spun = 1.98, 1800*time.Millisecond }, results.Valid, ""},
		{"targets that do not add up",
			func(m *Measurement) { m.Targets = []TargetOutcome{{Name: "a"}} }, results.Invalid, "counts"},
		{"no port left", func(m *Measurement) { m.Limited = 3 }, results.Invalid, "generator-limits"},
		{"a server that went away",
			func(m *Measurement) { refuse(m, 5*time.Second, 500) }, results.Invalid, "wrong-answers server-gone"},
		{"a server that failed at the very end", func(m *Measurement) {
			m.Intervals[0].Length = 9500 * time.Millisecond
			refuse(m, 9500*time.Millisecond, 2)
		}, results.Valid, "wrong-answers"},
		{"a server that hangs: its timeouts end last", func(m *Measurement) {
			var c results.Counts
			c.Add(results.Timeout, 5)
			m.Intervals = append(m.Intervals, results.Interval{Start: 9 * time.Second, Length: time.Second, Counts: c})
			m.Counts = m.Counts.Plus(c)
		}, results.Invalid, "wrong-answers server-gone"},
		{"as many requests under way as their times say",
			func(m *Measurement) { m.UnderWay = 1005 * time.Millisecond }, results.Valid, ""},
		{"the two sides of Little's law differ",
			func(m *Measurement) { m.UnderWay = 1100 * time.Millisecond }, results.Invalid, "littles-law"},
		{"counts that do not add up", func(m *Measurement) { m.Counts.OK-- }, results.Invalid, "counts"},
	} {
		m := measurement()
		row.change(&m)
		if m.Targets == nil {
			m.Targets = []TargetOutcome{{Name: "a", Counts: m.Counts}}
		}
		grade, _, diagnostics := judge(Plan{Mode: Closed, Duration: 10 * time.Second}, m, false)
		var codes []string
		for _, c := range diagnostics {
			codes = append(codes, c.Code)
			if c.Message == "" || c.Code != "wrong-answers" && c.Hint == "" {
				t.Errorf("%s: diagnostic %+v lacks a text", row.says, c)
			}
		}
		if grade != row.grade || strings.Join(codes, " ") != row.codes {
			t.Errorf("%s: %s because of %v; want %s because of %s", row.says, grade, diagnostics, row.grade, row.codes)
		}
	}
}

// Twenty right responses within half a second, on a machine on which the engine's thread waited longer than
// the responses took: the wait that is named is no longer than the service time, and neither is 0.
func TestNamesNoServiceTimeOfZero(t *testing.T) {
	for _, us := range []int64{-1, 1, 400, 1800} { // how late the sample was read; none
		m := measurement()
		m.Generator.Health[0].RunQueue = 1.8156
		m.Targets = []TargetOutcome{{Name: "a", Counts: m.Counts}}
		if us >= 0 {
			readLate(&m, us)
		}
		_, _, diagnostics := judge(Plan{Mode: Closed, Duration: 2 * time.Second}, m, false)
		for _, d := range diagnostics {
			if strings.Contains(d.Message, " 0s") || !strings.Contains(d.Message, "service time of 1ms") {
				t.Errorf("read %d µs late: %s", us, d.Message)
			}
		}
	}
}
