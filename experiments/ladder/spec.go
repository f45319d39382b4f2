// Package ladder measures the same app at each rung of a ladder of deployments, and reports what each
// step brings, with its interval and the servers' own evidence.
package ladder

import (
	"fmt"
	"slices"
	"time"

	"bench/experiments"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
	"bench/targets"
)

// Spec is a run of a ladder as requested.
type Spec struct {
	App         string        `json:"app,omitempty"` // folder with a bench.yaml; see experiments.LoadProject
	Ladder      string        `json:"ladder"`        // the name of an embedded one, or a .yaml file
	Scenario    string        `json:"scenario,omitempty"`
	Profile     string        `json:"profile"`
	Preset      string        `json:"preset"`           // quick, default or thorough
	Blocks      int           `json:"blocks,omitempty"` // repeats of each rung; 0: by preset
	Precision   float64       `json:"precision_percent,omitempty"`
	Budget      time.Duration `json:"budget_ns,omitempty"` // time limit; 0: as the preset says
	Seed        uint64        `json:"seed"`
	BootTimeout time.Duration `json:"boot_timeout_ns"`
}

// DefaultLadder is climbed if none is named.
const DefaultLadder = "classic"

// mostBlocks bounds the repeats.
const mostBlocks = 1000

// presets are how much a run may measure. A ladder has more arms than most comparisons, and each of them
// gets a closed loop and one rate that all of them sustain.
var presets = []scenarios.Preset{
	adapted(scenarios.Default, 10*time.Minute), adapted(scenarios.Quick, 4*time.Minute), adapted(scenarios.Thorough, 0),
}

func adapted(p scenarios.Preset, limit time.Duration) scenarios.Preset {
	p.Steps, p.FastStep, p.Apart, p.KeepAlive, p.Limit = []float64{commonShare}, 0, 0, true, limit
	return p
}

// commonShare is the rate at which response times are compared, as a share of what the slowest rung can
// serve at most.
const commonShare = 0.6

// Plan is what a run will do, decided before anything starts.
type Plan struct {
	Experiment scenarios.Experiment
	Project    targets.Project
	Ladder     scenarios.Ladder
	Skipped    []results.SkippedRung
}

// Plan decides what to do on this machine, or reports what is wrong with the spec.
func (s Spec) Plan() (p Plan, err error) {
	if p.Project, err = experiments.LoadProject(s.App); err != nil {
		return p, err
	}
	if p.Ladder, err = scenarios.LadderNamed(s.Ladder, servers.ThisHost().Cores); err != nil {
		return p, experiments.Misuse(err)
	}
	e := &p.Experiment
	e.Seed = s.Seed
	if e.Preset, err = s.preset(); err != nil {
		return p, err
	}
	for _, rung := range p.Ladder.Rungs {
		e.Arms = append(e.Arms, s.arm(rung.Name, rung.Topology))
	}
	for _, d := range p.Ladder.Detours {
		e.Arms = append(e.Arms, s.arm(d.Name, d.Topology))
	}
	scenario, err := s.scenario(p.Project)
	if err != nil {
		return p, err
	}
	e.Scenarios = []scenarios.Scenario{experiments.OneHost(scenario, p.Project, p.Topologies()...)}
	return p, experiments.CheckTimelines(p.Project.App, e.Arms, e.Scenarios)
}

func (s Spec) arm(name string, t servers.Topology) scenarios.Arm {
	if s.Profile != "" && t.Param("profile") == "" {
		t = t.With("profile", s.Profile)
	}
	return scenarios.Arm{Name: name, Topology: t}
}

func (s Spec) preset() (scenarios.Preset, error) {
	at := slices.IndexFunc(presets, func(p scenarios.Preset) bool { return p.Name == s.Preset })
	switch {
	case at < 0:
		return scenarios.Preset{}, experiments.Misusef("preset %q: want default, quick or thorough", s.Preset)
	case s.Blocks < 0 || s.Blocks > mostBlocks:
		return scenarios.Preset{}, experiments.Misusef("--blocks %d: want 1 to %d", s.Blocks, mostBlocks)
	case s.Precision < 0 || s.Precision > 100 || s.Budget < 0:
		return scenarios.Preset{}, experiments.Misusef("--precision %g --budget %v: want 0 to 100 %% and a positive time",
			s.Precision, s.Budget)
	}
	return presets[at].With(s.Blocks, s.Precision/100, s.Budget), nil
}

// mixConnections is the number of connections of the closed loop on an app's own mix.
const mixConnections = 64

// scenario is the named one; without a name, the mix of bench.yaml, and for the bundled project page.
func (s Spec) scenario(project targets.Project) (scenarios.Scenario, error) {
	if s.Scenario == "" {
		if mix, has := experiments.ProjectScenario(project, mixConnections); has {
			return mix, nil
		}
		if project.App.Dir != "" { // not the bundled one
			return scenarios.Scenario{}, experiments.NoMix(project)
		}
		s.Scenario = "page"
	}
	scenario, err := scenarios.Named(s.Scenario)
	if err != nil {
		return scenario, experiments.Misuse(err)
	}
	return scenario, nil
}

// Topologies are those of all rungs and detours.
func (p Plan) Topologies() (all []servers.Topology) {
	for _, arm := range p.Experiment.Arms {
		all = append(all, arm.Topology)
	}
	return all
}

// Without leaves out the arms that cannot be booted; lacks has the reason of each, or nil.
func (p Plan) Without(lacks []error) (Plan, error) {
	arms := p.Experiment.Arms
	p.Experiment.Arms = nil
	for i, arm := range arms {
		if lacks[i] == nil {
			p.Experiment.Arms = append(p.Experiment.Arms, arm)
			continue
		}
		reason, hint := experiments.Lack(lacks[i])
		p.Skipped = append(p.Skipped, results.SkippedRung{Name: arm.Name, Reason: reason, Hint: hint})
	}
	if n := p.rungs(); n < 2 {
		return p, &experiments.Error{Verdict: experiments.NotBooted, Err: fmt.Errorf(
			"of the ladder %s, %d of %d rungs can be booted here, and a step needs two: %s: %s",
			p.Ladder.Name, n, len(p.Ladder.Rungs), p.Skipped[0].Name, p.Skipped[0].Reason)}
	}
	return p, nil
}

// rungs counts those that are left.
func (p Plan) rungs() (n int) {
	for _, rung := range p.Ladder.Rungs {
		if slices.ContainsFunc(p.Experiment.Arms, func(a scenarios.Arm) bool { return a.Name == rung.Name }) {
			n++
		}
	}
	return n
}

// Estimate is roughly how long it will take.
func (p Plan) Estimate() time.Duration { return p.Experiment.Estimate() }

// Lines describe the plan, a sentence a line.
func (p Plan) Lines() []string {
	lines := []string{fmt.Sprintf("ladder %s: %s", p.Ladder.Name, p.Ladder.Summary)}
	for i, rung := range p.Ladder.Rungs {
		lines = append(lines, fmt.Sprintf("rung %d, %s: %s (%s)", i+1, rung.Name, rung.Adds, rung.Topology))
	}
	for _, d := range p.Ladder.Detours {
		lines = append(lines, fmt.Sprintf("detour %s: the step to %s, from %s (%s)", d.Name, d.Step, d.From, d.Topology))
	}
	for _, s := range p.Skipped {
		lines = append(lines, fmt.Sprintf("skipped: %s: %s", s.Name, s.Reason))
	}
	return append(lines, p.Experiment.Describe()...)
}

// Record is the ladder for the manifest.
func (p Plan) Record() results.LadderSpec {
	record := results.LadderSpec{Ladder: p.Ladder.Name, Summary: p.Ladder.Summary, Skipped: p.Skipped}
	for _, rung := range p.Ladder.Rungs {
		record.Rungs = append(record.Rungs, results.LadderRung{
			Name: rung.Name, Adds: rung.Adds, Topology: rung.Topology.String(),
		})
	}
	for _, d := range p.Ladder.Detours {
		record.Detours = append(record.Detours, results.LadderDetour{
			Name: d.Name, From: d.From, Step: d.Step, Topology: d.Topology.String(),
		})
	}
	return record
}
