package claims

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"bench/internal/strict"
	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
	"bench/targets"
)

// loadFile is a step of the kind load as YAML.
type loadFile struct {
	Scenario    string          `yaml:"scenario"` // a built-in one, or a file
	Mix         []targets.Entry `yaml:"mix"`      // instead of a scenario
	Rate        string          `yaml:"rate"`     // an open loop; none: a closed one
	Connections int             `yaml:"connections"`
	New         bool            `yaml:"new_connections"` // for every request
	Duration    string          `yaml:"duration"`        // in the shortest preset
	LeadIn      string          `yaml:"lead_in"`         // the start of an open loop's duration, which does not count
	Timeout     string          `yaml:"timeout"`
	Timeline    []strict.Entry  `yaml:"timeline"` // of an open loop: what happens meanwhile
}

// load is a load on an arm: a cell.
type load struct {
	scenarios.Load
	builtin, page bool // its scenario comes with bench, and is the one of that name
}

// on is part of sender.
func (l load) on(own scenarios.Scenario) (Doer, bool) {
	if !l.builtin {
		return l, true // whoever wrote the requests knows whom they are for
	}
	l.Scenario.Name, l.Scenario.Summary, l.Scenario.Mix = own.Name, own.Summary, own.Mix
	return l, l.page
}

// Bounds of a load.
const (
	leastLoad, mostLoad = 200 * time.Millisecond, 5 * time.Minute
	mostConnections     = 10_000
	closedConnections   = 16
)

func readLoad(r *reader, key string, s stepFile) (Doer, error) {
	f := s.Load
	if f == nil {
		return nil, nil
	}
	scenario, err := r.scenario(key, s.Name, f)
	if err != nil {
		return nil, err
	}
	d, err := r.duration(key+".duration", f.Duration, leastLoad, mostLoad)
	if err != nil {
		return nil, err
	}
	if f.Connections < 0 || f.Connections > mostConnections {
		return nil, r.errorf(key+".connections", "%d: want 1 to %d", f.Connections, mostConnections)
	}
	l := load{builtin: slices.Contains(scenarios.Names(), f.Scenario), page: f.Scenario == "page"}
	var leadIn time.Duration
	if f.LeadIn != "" {
		if leadIn, err = r.duration(key+".lead_in", f.LeadIn, 0, d-leastLoad); err != nil {
			return nil, err
		}
	}
	one := scenarios.Load{Name: s.Name, Scenario: scenario, Mode: loadgen.Closed, New: f.New, Duration: d}
	if f.Rate != "" {
		perSecond, err := results.PerSecond.Parse(f.Rate)
		if err != nil || perSecond == 0 {
			return nil, r.errorf(key+".rate", "%q: want a rate such as 20/s", f.Rate)
		}
		one = scenarios.Users(s.Name, scenario, perSecond)
		one.New, one.Duration, one.LeadIn = f.New, d, leadIn
		if f.Connections > 0 {
			one.Scenario.MaxConnections = f.Connections
		}
		return r.timeline(key+".timeline", f, l.of(one), perSecond)
	}
	if f.LeadIn != "" {
		return nil, r.errorf(key+".lead_in", "a closed loop has none: want a rate")
	}
	if f.Timeline != nil {
		return nil, r.errorf(key+".timeline", "a closed loop has none: want a rate, so that what is not answered is known")
	}
	one.Scenario.Connections = closedConnections
	if f.Connections > 0 {
		one.Scenario.Connections = f.Connections
	}
	one.Drain = one.Scenario.Timeout
	return l.of(one), nil
}

// timeline adds what happens during a load. Its requests are due at regular times, so that a gap between
// responses is the servers'.
func (r *reader) timeline(key string, f *loadFile, l load, perSecond float64) (Doer, error) {
	if f.Timeline == nil {
		return l, nil
	}
	var err error
	if l.Timeline, err = scenarios.ParseTimeline(f.Timeline); err != nil {
		return nil, r.errorf(key, "%v", err)
	}
	l.Pacer, l.Drain = pacing.Constant{PerSecond: perSecond}, l.Scenario.Timeout
	return l, nil
}

func (l load) of(one scenarios.Load) load {
	l.Load = one
	return l
}

// scenario is what a load requests.
func (r *reader) scenario(key, step string, f *loadFile) (s scenarios.Scenario, err error) {
	switch {
	case f.Scenario != "" && f.Mix != nil:
		return s, r.errorf(key, "it has a scenario and a mix: want one of them")
	case f.Scenario != "":
		if s, err = scenarios.Named(f.Scenario); err != nil {
			return s, r.errorf(key+".scenario", "%v", err)
		}
	case f.Mix != nil:
		s = scenarios.Scenario{Name: step, Summary: "requests of the claim", Connections: 1, Timeout: 10 * time.Second}
		if s.Mix, err = targets.MixOf(f.Mix, r.files); err != nil {
			return s, r.errorf(key+".mix", "%v", err)
		}
	default:
		return s, r.errorf(key, "it has no scenario: want one of %s, or a mix", strings.Join(scenarios.Names(), ", "))
	}
	if f.Timeout != "" {
		s.Timeout, err = r.duration(key+".timeout", f.Timeout, time.Millisecond, time.Minute)
	}
	return s, err
}

// About is part of Doer.
func (l load) About() string {
	connections := "keep-alive connections"
	if l.New {
		connections = "connections, a new one for each request"
	}
	if l.Mode == loadgen.Open {
		text := fmt.Sprintf("%s, open loop, %g requests per second", l.Scenario.Name, l.Rate())
		if l.New {
			text += ", a new connection for each"
		}
		for _, i := range l.Timeline {
			text += "; " + i.String()
		}
		return text
	}
	return fmt.Sprintf("%s, closed loop on %d %s", l.Scenario.Name, l.Scenario.Connections, connections)
}

// CheckTimeline reports an incident that cannot be done to a cluster of this blueprint.
func (l load) CheckTimeline(b servers.Blueprint) error { return l.Timeline.Check(b, l.Duration) }

// Alone reports whether something is done to the servers meanwhile.
func (l load) Alone() bool { return len(l.Timeline) > 0 }

// Lasts is part of Doer.
func (l load) Lasts(stretch float64) time.Duration {
	const between = 50 * time.Millisecond // two cells
	return l.length(stretch) + between
}

// length is how long the load itself lasts. One with a timeline is never shorter than its file says: how many requests
// an incident costs depends on it.
func (l load) length(stretch float64) time.Duration {
	if l.Alone() {
		stretch = max(stretch, 1)
	}
	return l.LeadIn + stretched(l.Duration-l.LeadIn, stretch)
}

// Scenarios is part of Doer.
func (l load) Scenarios() []scenarios.Scenario { return []scenarios.Scenario{l.Scenario} }

// Do is part of Doer.
func (l load) Do(ctx context.Context, v *scenarios.Visited, on Occasion) (Seen, error) {
	one := l.Load
	one.Duration = l.length(on.Stretch)
	if on.Host != "" {
		one.Scenario.Mix = one.Scenario.Mix.WithHost(on.Host)
	}
	if one.Timeline.Clients() > 0 {
		return crowd(ctx, v, one, on.Seed)
	}
	_, err := v.Load(ctx, one, on.Seed)
	return Seen{}, err
}

// requests is about how many the load sends in the shortest preset; 0: as many as the server answers.
func (l load) requests() float64 {
	if l.Mode != loadgen.Open {
		return 0
	}
	return l.Rate() * l.length(ShortestStretch).Seconds()
}
