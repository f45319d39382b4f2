package loadgen

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"bench/loadgen/pacing"
	"bench/results"
	"bench/targets"
)

// arrival is a request, or a session, as a server would see it.
type arrival struct {
	what string
	due  time.Duration
}

// wholes are plans of each mode: an open loop with every kind of pacer, a closed one, and sessions.
func wholes(t *testing.T) map[string]Plan {
	t.Helper()
	mix := testMix("a", "b", "c").WithSeed(4)
	base := Plan{
		URL: "http://127.0.0.1:1", Mix: mix, Mode: Open, Duration: 2 * time.Second, Conns: Conns{Max: 37},
		Timeout: time.Second, Seed: 9, Slow: []SlowClients{{Kind: SlowIdle, Clients: 19, Every: time.Second}},
	}
	all := map[string]Plan{}
	var replay pacing.Replay
	for i := range 300 {
		replay.Times = append(replay.Times, time.Duration(i*i)*20*time.Microsecond)
	}
	replay.Speed = 1.5
	base.Pacer = replay
	all["replay"] = base
	for _, kind := range pacing.Kinds() {
		pacer, err := pacing.Parse(kind.Example)
		if err != nil {
			t.Fatal(err)
		}
		base.Pacer = pacer
		all[kind.Name()] = base
	}
	visits := base
	visits.Pacer = pacing.Poisson{Of: pacing.Constant{PerSecond: 40}, Seed: 2}
	visits.Mix.Sessions = []targets.Session{
		{Name: "one", Weight: 1, Steps: []targets.Step{{Target: 0}, {Target: 1}}},
		{Name: "two", Weight: 2, Steps: []targets.Step{{Target: 2}}},
	}
	all["sessions"] = visits
	closed := base
	closed.Mode, closed.Pacer = Closed, nil
	all["closed"] = closed
	return all
}

// requests are those of a plan's part, by number, read as a sender reads them. A closed loop has
// no last request: the part's share of the first thousand is taken.
func requests(p Plan) map[uint64]arrival {
	arrivals, due := uint64(1000), func(uint64) time.Duration { return 0 }
	if p.Mode == Open {
		arrivals, due = p.Arrivals(), pacing.NewSchedule(p.Pacer).Due
	}
	all := map[uint64]arrival{}
	for n := p.Part.Nth(0); n < arrivals; n = p.Part.After(n) {
		a := arrival{p.Mix.At(n).Name, due(n)}
		if len(p.Mix.Sessions) > 0 {
			a.what = p.Mix.Sessions[p.Mix.SessionIndex(n)].Name
		}
		all[n] = a
	}
	return all
}

// Any number of senders, each with any number of threads, send the whole plan and nothing else.
func TestPartsMakeUpTheWhole(t *testing.T) {
	for name, whole := range wholes(t) {
		want := requests(whole)
		for parts := 1; parts <= 16; parts++ {
			for threads := 1; threads <= 2; threads++ {
				if problem := unlike(whole, want, parts, threads); problem != "" {
					t.Errorf("%s in %d parts of %d threads: %s", name, parts, threads, problem)
				}
			}
		}
	}
}

// unlike says how the parts of a plan, together, differ from the whole.
func unlike(whole Plan, want map[uint64]arrival, parts, threads int) string {
	got := map[uint64]arrival{}
	var connections, clients int
	var intended uint64
	for _, part := range whole.Split(parts) {
		if err := part.Validate(); err != nil {
			return err.Error()
		}
		for _, thread := range part.Split(threads) {
			for n, a := range requests(thread) {
				if _, twice := got[n]; twice {
					return fmt.Sprintf("request %d is sent twice", n)
				}
				got[n] = a
			}
			if thread.Connections() < 1 {
				return thread.String() + ": no connection"
			}
			connections += thread.Connections()
		}
		for _, s := range part.Slow {
			clients += int(part.Part.Share(uint64(s.Clients)))
		}
		if whole.Mode == Open {
			intended += part.Intended()
		}
	}
	switch {
	case !maps.Equal(got, want):
		return fmt.Sprintf("%d requests, or some at other times; want %d", len(got), len(want))
	case connections != whole.Conns.Max || clients != whole.Slow[0].Clients:
		return fmt.Sprintf("%d connections, %d slow clients", connections, clients)
	case whole.Mode == Open && intended != uint64(len(want)):
		return fmt.Sprintf("%d intended; want %d", intended, len(want))
	}
	return ""
}

// The requests that a part's shards dropped add up, wherever each of them stopped.
func TestDroppedRequestsOfPartsAddUp(t *testing.T) {
	p := testPlan()
	for _, part := range p.Split(3) {
		rec := NewRecorder(part)
		var sent uint64
		for w := range 2 {
			mine := part.Part.Part(w, 2)
			shard := rec.Shard(mine)
			stop := mine.Nth(uint64(3 + w))
			for n := mine.Nth(0); n < stop; n = mine.After(n) {
				shard.Record(Sample{Target: p.Mix.Index(n)})
				sent++
			}
			shard.Drop(stop, p.Duration)
		}
		if c := rec.Close().Counts; c.OK != sent || c.Dropped != part.Intended()-sent || c.Check() != nil || sent != 7 {
			t.Errorf("%v: counts %+v; want %d of %d sent", part.Part, c, sent, part.Intended())
		}
	}
}

// What happened in a load's moments is the same whether one sends it or several do.
func TestMomentsOfPartsAddUp(t *testing.T) {
	p := testPlan()
	p.Incidents = []time.Duration{200 * time.Millisecond}
	record := func(parts []Plan) []results.Moment {
		var outcomes []Outcome
		for _, part := range parts {
			rec := NewRecorder(part)
			shard := rec.Shard(part.Part)
			for n := part.Part.Nth(0); n < p.Arrivals()-10; n = part.Part.After(n) { // the last ones are dropped
				due := p.Pacer.Due(n)
				q := Sample{Target: p.Mix.Index(n), Due: due, Sent: due, End: due + time.Duration(1+n%37)*time.Millisecond}
				if n%9 == 0 {
					q.Class = results.Reset
				}
				shard.Record(q)
			}
			first := part.Part.Nth(0)
			for first < p.Arrivals()-10 {
				first = part.Part.After(first)
			}
			shard.Drop(first, p.Duration)
			outcomes = append(outcomes, rec.Close())
		}
		return Combine(outcomes...).Moments
	}
	whole, parts := record(p.Split(1)), record(p.Split(3))
	var due, lost uint64
	for _, m := range whole {
		due, lost = due+m.Due, lost+m.Lost
	}
	if due != p.Arrivals() || lost != 10+10 {
		t.Errorf("%d due and %d lost; want %d and 20", due, lost, p.Arrivals())
	}
	if !slices.Equal(whole, parts) {
		t.Errorf("of three parts:\n%v\nof one:\n%v", parts, whole)
	}
}

// A part survives being sent to another machine.
func TestAPartSurvivesJSON(t *testing.T) {
	p := testPlan()
	p.Part = Part{2, 3}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back Plan
	if err := json.Unmarshal(data, &back); err != nil || back.Part != p.Part || back.Intended() != 33 {
		t.Errorf("%s: reads back as %v with %d requests, %v", data, back.Part, back.Intended(), err)
	}
}
