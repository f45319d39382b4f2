// Package compare boots topologies, drives each with the same load, and reports which is better, by
// how much and why.
package compare

import (
	"cmp"
	"slices"
	"time"

	"bench/experiments"
	"bench/scenarios"
	"bench/servers"
	"bench/targets"
)

// Spec is a comparison as requested.
type Spec struct {
	App         string        `json:"app,omitempty"` // folder with a bench.yaml; see experiments.LoadProject
	Topologies  string        `json:"topologies"`    // a list, or all
	Scenarios   []string      `json:"scenarios,omitempty"`
	Baseline    string        `json:"baseline,omitempty"` // "": the first topology
	Profile     string        `json:"profile"`
	Preset      string        `json:"preset"`           // quick, default or thorough
	Blocks      int           `json:"blocks,omitempty"` // repeats of each topology; 0: by preset
	Objectives  []string      `json:"objectives,omitempty"`
	Precision   float64       `json:"precision_percent,omitempty"` // of the headline ratios; 0: as the preset says
	Budget      time.Duration `json:"budget_ns,omitempty"`         // time limit; 0: as the preset says
	Apart       int           `json:"apart,omitempty"`             // boots with cores of their own; 0: as the preset says
	Seed        uint64        `json:"seed"`
	BootTimeout time.Duration `json:"boot_timeout_ns"`
}

// Scenarios are those of the bundled project that are compared if none is named.
var Scenarios = []string{"page", "static", "cpu", "io"}

// presets are how much a comparison may measure.
var presets = []scenarios.Preset{scenarios.Default, scenarios.Quick, scenarios.Thorough}

// Plan is what a comparison will do, decided before anything starts.
type Plan struct {
	Experiment scenarios.Experiment
	Project    targets.Project
	Objectives []string
}

// mostBlocks bounds the repeats.
const mostBlocks = 1000

// Plan decides what to do, or reports what is wrong with the spec.
func (s Spec) Plan() (p Plan, err error) {
	if p.Project, err = experiments.LoadProject(s.App); err != nil {
		return p, err
	}
	topologies, err := experiments.ParseTopologies(s.Topologies, s.Profile)
	if err != nil {
		return p, err
	}
	e := &p.Experiment
	e.Seed = s.Seed
	if e.Arms, err = scenarios.Arms(topologies); err != nil {
		return p, experiments.Misuse(err)
	}
	if e.Scenarios, err = s.scenarios(p.Project); err != nil {
		return p, err
	}
	for i, scenario := range e.Scenarios {
		e.Scenarios[i] = experiments.OneHost(scenario, p.Project, topologies...)
	}
	if err := experiments.CheckTimelines(p.Project.App, e.Arms, e.Scenarios); err != nil {
		return p, err
	}
	at := slices.IndexFunc(presets, func(e scenarios.Preset) bool { return e.Name == s.Preset })
	if at < 0 {
		return p, experiments.Misusef("preset %q: want default, quick or thorough", s.Preset)
	}
	if s.Blocks < 0 || s.Blocks > mostBlocks {
		return p, experiments.Misusef("--blocks %d: want 1 to %d", s.Blocks, mostBlocks)
	}
	if s.Apart < 0 || s.Apart > mostBlocks {
		return p, experiments.Misusef("--apart %d: want 0 to %d", s.Apart, mostBlocks)
	}
	if s.Precision < 0 || s.Precision > 100 || s.Budget < 0 {
		return p, experiments.Misusef("--precision %g --budget %v: want 0 to 100 %% and a positive time",
			s.Precision, s.Budget)
	}
	e.Preset = presets[at].For(len(e.Arms)).With(s.Blocks, s.Precision/100, s.Budget)
	e.Preset.Apart = cmp.Or(s.Apart, e.Preset.Apart)
	if err := e.MoveFirst(s.Baseline); err != nil {
		return p, experiments.Misuse(err)
	}
	p.Objectives, err = experiments.Objectives(s.Objectives, p.Project)
	return p, err
}

// mixConnections is the number of connections of the closed loop on an app's own mix.
const mixConnections = 64

// scenarios takes the app's own mix if it has one: the built-in scenarios request pages of the
// bundled project.
func (s Spec) scenarios(project targets.Project) (list []scenarios.Scenario, err error) {
	names := s.Scenarios
	if len(names) == 0 {
		if mix, has := experiments.ProjectScenario(project, mixConnections); has {
			mix.Summary = "the mix of " + project.App.Name + "'s bench.yaml"
			return []scenarios.Scenario{mix}, nil
		}
		if project.App.Dir != "" { // not the bundled one
			return nil, experiments.NoMix(project)
		}
		names = Scenarios
	}
	for _, name := range names {
		scenario, err := scenarios.Named(name)
		if err != nil {
			return nil, experiments.Misuse(err)
		}
		if slices.ContainsFunc(list, func(s scenarios.Scenario) bool { return s.Name == scenario.Name }) {
			return nil, experiments.Misusef("--scenario: %s is given twice", scenario.Name)
		}
		list = append(list, scenario)
	}
	return list, nil
}

// Topologies are those of the arms.
func (p Plan) Topologies() (all []servers.Topology) {
	for _, arm := range p.Experiment.Arms {
		all = append(all, arm.Topology)
	}
	return all
}

// URLs are the addresses of topologies that are already running: the engine has to support them.
func (p Plan) URLs() (urls []string) {
	for _, t := range p.Topologies() {
		if target := t.Target(); target != "" {
			urls = append(urls, target)
		}
	}
	return urls
}

// mixedProfile is the profile of a comparison whose topologies have different ones.
const mixedProfile = "mixed"

// unknownProfile is that of a comparison with servers that were already running.
const unknownProfile = "unknown"

// profile is the profile that all topologies have.
func (p Plan) profile() (shared string) {
	for _, t := range p.Topologies() {
		if !t.Boots() {
			return unknownProfile // nothing is known of how it was set up
		}
		profile := cmp.Or(t.Param("profile"), servers.Controlled)
		if shared != "" && shared != profile {
			return mixedProfile
		}
		shared = profile
	}
	return cmp.Or(shared, servers.Controlled)
}
