// Package load keeps a load of bench load as a run: its record, its report, and what the command printed.
package load

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"bench/experiments"
	"bench/loadgen"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
)

// Load is a load that has been measured.
type Load struct {
	Plan        loadgen.Plan
	Measurement loadgen.Measurement
	Started     time.Time
	Calibration *results.Calibration
	Objectives  []string
	Result      any           // what bench load --json prints
	Host        *results.Host // that it was measured on; nil: this one
	Timeline    scenarios.Timeline
}

// Impact is what a timeline did to a load; nil if it had none, or nobody recorded its moments.
func Impact(p loadgen.Plan, m loadgen.Measurement, t scenarios.Timeline) *results.Impact {
	return Load{Plan: p, Measurement: m, Timeline: t}.cell().Impact()
}

// Keep writes a load into a run directory and reports on it. A cancelled context marks the run PARTIAL.
func Keep(ctx context.Context, env experiments.Env, l Load) (experiments.Result, error) {
	env.Engine = bare{env.Engine} // what the engine could have sent is known
	return experiments.Conduct(ctx, env, experiments.Task{
		Manifest: l.manifest(), Request: l.request(env.Guard), Findings: l.Result, Started: l.Started,
		Measure: func(_ context.Context, run *experiments.Run) error { return run.Out.Seal(l.cell(), nil) },
	})
}

// mostStored is how long the plan of a load may be to be kept with its run.
const mostStored = 64 << 10

// request is the plan, so that the load can be sent again; nil for one that is long, that went to a Unix socket or
// was sent by another tool, or whose header fields and bodies may hold secrets that nobody would recognise.
func (l Load) request(guard loadgen.Guard) any {
	p := l.Plan
	if guard.Socket != "" || p.Mode == results.UnknownLoop || len(l.Timeline) > 0 {
		return nil
	}
	if len(p.Mix.Sessions) > 0 || p.Mix.Feed != nil {
		return nil
	}
	for _, t := range p.Mix.Targets {
		if len(t.Header)+len(t.Body) > 0 {
			return nil
		}
	}
	if data, err := json.Marshal(p); err != nil || len(data) > mostStored {
		return nil
	}
	return p
}

// Follow emits that a load begins, and returns what to do every second of it.
func Follow(p loadgen.Plan, emit func(experiments.Event)) func(loadgen.Live) {
	arm := Load{Plan: p}.host()
	loop := scenarios.CellStarted{Arm: arm, Scenario: string(p.Mode), Load: "loop", Remaining: p.Duration}
	if p.Pacer != nil {
		loop.Load += ", " + p.Pacer.String()
	}
	emit(experiments.RunStarted{Run: results.KindLoad, Plan: []string{"one load on " + p.URL}})
	emit(loop)
	return scenarios.Seconds(arm, p, emit)
}

// bare is an engine without its further abilities.
type bare struct{ loadgen.Engine }

// scenario is the name that a load's requests have in its run.
const scenario = "load"

func (l Load) manifest() results.Manifest {
	m := results.Manifest{
		Kind: results.KindLoad, Seed: l.Plan.Seed, Blocks: 1, Generator: l.Calibration, Objectives: l.Objectives,
		Host: servers.ThisHost().Record(), Tools: map[string]string{}, Plan: []string{"one load on " + l.Plan.URL},
		Topologies: []results.TopologyRecord{{Name: l.host(), Ref: "url:" + l.Plan.URL, Concurrency: -1}},
	}
	if l.Host != nil {
		m.Host = *l.Host
	}
	record := results.ScenarioRecord{Name: scenario}
	for _, t := range l.Plan.Mix.Targets {
		record.Targets = append(record.Targets, results.TargetRecord{
			Name: t.Name, Method: t.Method, Path: t.Path, Weight: t.Weight,
		})
	}
	m.Scenarios = []results.ScenarioRecord{record}
	return m
}

// host names whom the load went to.
func (l Load) host() string {
	if u, err := url.Parse(l.Plan.URL); err == nil && u.Host != "" {
		return u.Host
	}
	return "url"
}

func (l Load) cell() *results.Cell {
	p, m := l.Plan, l.Measurement
	c := &results.Cell{
		Index: 1, Topology: l.host(), Scenario: scenario, Load: "closed", Mode: string(p.Mode), Connections: p.Conns.Max,
		Block: 1, Position: 1, Seed: p.Seed, Started: l.Started.UTC(), Duration: p.Duration.Seconds(),
		Elapsed: m.Elapsed.Seconds(), Counts: m.Counts, Successful: m.Within.OK, Thirds: m.Thirds[:], Loop: m.Loop,
		Opened: m.Opened, Clamped: m.Clamped, Generator: m.Generator, Grade: m.Grade, Diagnostics: m.Diagnostics,
		Intervals: m.Intervals, Incidents: l.Timeline.Happened(p.Duration), Moments: m.Moments,
	}
	if p.Mode == results.UnknownLoop {
		c.Load = "imported"
	}
	if p.Pacer != nil {
		c.Load, c.Pacer = "open", p.Pacer.String()
		c.Rate = float64(m.Counts.Intended) / p.Duration.Seconds()
	}
	return c
}
