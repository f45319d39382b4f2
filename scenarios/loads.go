package scenarios

import (
	"fmt"
	"net/netip"
	"time"

	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/results"
)

// Load is the load of a cell: which requests, and how hard.
type Load struct {
	Name     string
	Scenario Scenario
	Mode     loadgen.Mode
	// Pacer says when the requests of an open loop are due. It is a description: whatever is random
	// in it, each cell draws from a seed of its own.
	Pacer    pacing.Pacer
	New      bool // a connection for each request
	Duration time.Duration
	// LeadIn is the start of Duration that is sent and recorded, but does not count: the servers are
	// still on their way from idle to the state under load.
	LeadIn time.Duration
	Drain  time.Duration // how long to wait for late responses, if longer than usual
	// Timeline is what is done to the servers, and added to the load, while it runs.
	Timeline Timeline
	// Sources are the local addresses that connections come from; none: the kernel chooses.
	Sources []netip.Addr
}

// Rate is the rate at which an open loop's requests are due, where it begins; 0 in a closed loop.
func (l Load) Rate() float64 {
	if l.Pacer == nil {
		return 0
	}
	return l.Pacer.Rate(0)
}

// users are independent arrivals at a constant rate.
func users(perSecond float64) pacing.Poisson {
	return pacing.Poisson{Of: pacing.Constant{PerSecond: perSecond}}
}

// drainTime is how long to wait for responses after a cell.
const drainTime = time.Second

// Loads are the loads that every arm gets in every block, in order: from harmless to overload,
// because an overload would affect the load after it.
func (e Experiment) Loads() []Load {
	if e.speeds == nil {
		return e.loads(-1)
	}
	loads := e.loads(0)
	for arm := range e.Arms {
		for i, load := range e.loads(arm) {
			loads[i].Duration = max(loads[i].Duration, load.Duration)
		}
	}
	return loads
}

// loads are the loads of one arm. Its closed loops are as long as its own speed makes necessary.
func (e Experiment) loads(arm int) (loads []Load) {
	closed := func(name string, scenario int, new bool, d time.Duration) {
		load := Load{Name: name, Scenario: e.Scenarios[scenario], Mode: loadgen.Closed, New: new, Duration: d}
		if e.speeds != nil {
			load = load.forRate(e.speeds[arm][scenario].on(load.Scenario.Connections))
		}
		loads = append(loads, load)
	}
	closed("closed", 0, false, e.Preset.Closed)
	if !e.withoutClosed && !e.Preset.KeepAlive {
		closed("closed-new", 0, true, e.Preset.Side)
	}
	for i := range e.Scenarios[1:] {
		closed("closed", i+1, false, e.Preset.Side)
	}
	for i, rate := range e.LoadSteps {
		enough := time.Duration(fewestResponses / rate * float64(time.Second))
		if e.fewer {
			enough /= 2
		}
		loads = append(loads, Load{
			Name: fmt.Sprintf("rate-%g", rate), Scenario: e.Scenarios[0], Mode: loadgen.Open, Pacer: users(rate),
			Duration: max(e.Preset.Step, min(enough, mostStretched*e.Preset.Step).Round(100*time.Millisecond)),
		})
		fresh := loads[len(loads)-1]
		// Where nothing queues, this tells delays of TCP from those of the app.
		if i == 0 && !e.withoutNew && !e.Preset.KeepAlive && rate*fresh.Duration.Seconds() <= mostNew {
			fresh.Name, fresh.New = fresh.Name+results.NewSuffix, true
			loads = append(loads, fresh)
		}
	}
	for _, s := range e.Scenarios {
		if load, has := e.timeline(s); has {
			loads = append(loads, load)
		}
	}
	return loads
}

// timeline is the load in which a scenario's timeline happens: the last one of a boot, since afterwards
// the servers may not be what they were. Its requests are due at regular times, so that a gap between
// responses is the servers'.
func (e Experiment) timeline(s Scenario) (Load, bool) {
	rate := s.Rate
	if rate == 0 && len(e.LoadSteps) > 0 {
		rate = e.LoadSteps[0]
	}
	if len(s.Timeline) == 0 || rate == 0 {
		return Load{}, false // or the rate is not known yet
	}
	return Load{
		Name: TimelineLoad, Scenario: s, Mode: loadgen.Open, Pacer: pacing.Constant{PerSecond: rate},
		Duration: s.lengthOfTimeline(), Drain: s.Timeout, Timeline: s.Timeline,
	}, true
}

// TimelineLoad is the name of a load during which a timeline happens.
const TimelineLoad = "timeline"

// mostNew is the number of connections that a load step may open, one for each request: each keeps one of the
// client's ports for a minute.
const mostNew = 5000
