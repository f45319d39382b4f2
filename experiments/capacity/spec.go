// Package capacity finds how many workers, and how many machines, a load needs: it searches the
// maximum throughput that meets an SLO, for one configuration of a topology or several, and measures
// the cost of a request; the report's model does the rest. On request it predicts configurations
// before it measures them.
package capacity

import (
	"strconv"
	"strings"
	"time"

	"bench/experiments"
	"bench/loadgen/pacing"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
	"bench/targets"
)

// Spec is a search as requested.
type Spec struct {
	App      string `json:"app,omitempty"` // folder with a bench.yaml; see experiments.LoadProject
	Topology string `json:"topology"`
	Scenario string `json:"scenario,omitempty"` // "": the mix of bench.yaml, else page
	Profile  string `json:"profile"`
	SLO      string `json:"slo"`
	Target   string `json:"target,omitempty"` // requests per second to plan for: N or N/s
	// Sweep gives the configurations: PARAMETER=V,V,V. Machines gives numbers of machines, N,N,N,
	// that run side by side on this host or, where there is a placement, on hosts of a fleet. At most one of the two
	// may be set.
	Sweep     string            `json:"sweep,omitempty"`
	Machines  string            `json:"machines,omitempty"`
	Placement servers.Placement `json:"placement,omitempty"`
	// Validate gives the values to predict and then to measure: V,V, or Auto.
	Validate string        `json:"validate,omitempty"`
	Price    float64       `json:"price,omitempty"` // per machine-hour
	Headroom string        `json:"headroom"`        // Auto, none, or a share such as 30%
	Budget   time.Duration `json:"budget_ns"`       // of the trials of one configuration
	Longest  time.Duration `json:"longest_ns"`      // the same, where service times vary much; 0: no longer
	Soak     string        `json:"soak"`            // length of the confirmation: Auto, or a duration; 0: none
	Width    float64       `json:"width"`           // target width of the interval, relative
	Seed     uint64        `json:"seed"`
}

// Auto lets bench choose which configurations it predicts, how much headroom a plan has, or how long a soak is.
const Auto = "auto"

// Plan is what a search will do, decided before anything starts.
type Plan struct {
	Project     targets.Project
	Diagnostics []results.Diagnostic // where it falls short of the request

	search         scenarios.Capacity
	record         results.CapacitySpec
	profile        string
	soak           time.Duration
	configurations []scenarios.Configuration
}

// Plan decides what to do, or reports what is wrong with the spec.
func (s Spec) Plan() (p Plan, err error) {
	switch {
	case s.Machines != "" && s.Placement != "":
		s, err = machineHosts(s)
	case s.Machines != "":
		s, p.Diagnostics, err = machineNodes(s)
	}
	if err != nil {
		return p, err
	}
	if err := s.inBounds(); err != nil {
		return p, err
	}
	p.profile = s.Profile
	p.record = results.CapacitySpec{SLO: s.SLO, Price: s.Price}
	if p.search.Objectives, err = results.ParseObjectives(s.SLO); err != nil {
		return p, err
	}
	if p.record.Headroom, err = parseHeadroom(s.Headroom); err != nil {
		return p, err
	}
	if s.Target != "" {
		if p.record.Target, err = pacing.ParseRate(s.Target); err != nil {
			return p, experiments.Misusef("--target: %w", err)
		}
	}
	if p.Project, err = experiments.LoadProject(s.App); err != nil {
		return p, err
	}
	if p.search.Scenario, err = experiments.OneScenario(s.Scenario, p.Project); err != nil {
		return p, err
	}
	p.search.Width, p.search.Budget, p.search.Boots, p.search.Seed = s.Width, s.Budget, boots, s.Seed
	p.search.Longest = s.Longest
	if p.soak, err = parseSoak(s.Soak); err != nil {
		return p, err
	}
	p.search.Warmup = warmup
	p.waitForLimits()
	if err := distinctTargets(p.search.Scenario); err != nil {
		return p, err
	}
	if err := p.addConfigurations(s); err != nil {
		return p, err
	}
	p.search.Scenario = experiments.OneHost(p.search.Scenario, p.Project, p.Topologies()...)
	return p, nil
}

// How a configuration is searched.
const (
	boots  = 3 // number in which the lower bound has to hold
	warmup = time.Second
)

// inBounds checks the numbers.
func (s Spec) inBounds() error {
	switch {
	case !(s.Price >= 0 && s.Price < 1e9):
		return experiments.Misusef("--price %g: want the price of a machine per hour", s.Price)
	case !(s.Width >= 0.01 && s.Width <= 0.5):
		return experiments.Misusef("--width %g: want 0.01 to 0.5", s.Width)
	case s.Budget < 10*time.Second || s.Budget > time.Hour:
		return experiments.Misusef("--budget %v: want 10s to 1h for the trials of one configuration", s.Budget)
	case s.Longest < 0 || s.Longest > 6*time.Hour:
		return experiments.Misusef("--longest %v: want 0 to 6h", s.Longest)
	}
	return nil
}

// waitForLimits makes the timeout long enough that a request that times out has missed every limit.
func (p *Plan) waitForLimits() {
	for _, objective := range p.search.Objectives {
		if limit := time.Duration(objective.Limit) * time.Microsecond; objective.Metric != "errors" {
			p.search.Scenario.Timeout = max(p.search.Scenario.Timeout, 2*limit)
		}
	}
}

// distinctTargets refuses a mix whose targets would share file names in a run directory.
func distinctTargets(s scenarios.Scenario) error {
	seen := map[string]string{}
	for _, t := range s.Mix.Targets {
		name := results.FileName(t.Name)
		if other, known := seen[name]; known && other != t.Name {
			return experiments.Misusef("the targets %q and %q would share the file name %s: rename one", other, t.Name, name)
		}
		seen[name] = t.Name
	}
	return nil
}

func parseHeadroom(text string) (float64, error) {
	switch text {
	case "auto":
		return results.Automatic, nil
	case "none":
		return 0, nil
	}
	digits, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(digits, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v <= 10) {
		return 0, experiments.Misusef("--headroom %q: want auto, none, or a share such as 30%%", text)
	}
	return v, nil
}
