// Package tune finds the best setting of a topology for an app under an objective: it races the
// settings of some parameters, and measures the last few against each other and against the server's
// own rule of thumb.
package tune

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"bench/experiments"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
	"bench/targets"
)

// Spec is a tuning run as requested.
type Spec struct {
	App         string        `json:"app,omitempty"` // folder with a bench.yaml; see experiments.LoadProject
	Topology    string        `json:"topology"`
	Params      []string      `json:"params"`             // NAME=LOW..HIGH or NAME=V,V,V
	Scenario    string        `json:"scenario,omitempty"` // "": the mix of bench.yaml, else page
	Profile     string        `json:"profile"`
	SLO         string        `json:"slo"`
	Connections int           `json:"connections"` // 0: twice as many as the largest setting works on at once
	Slice       time.Duration `json:"slice_ns"`    // of a closed loop in the first round
	Finals      int           `json:"finals"`      // blocks of the last round
	Exhaustive  bool          `json:"exhaustive,omitempty"`
	Seed        uint64        `json:"seed"`
}

// Plan is what a tuning run will do, decided before anything starts.
type Plan struct {
	Project targets.Project

	spec       Spec
	base       servers.Topology
	scenario   scenarios.Scenario
	objectives []results.Objective
	arms       []scenarios.Arm // the settings, then the baseline if it is not one of them
	settings   int
	baseline   int // among the arms
	rule       bool
}

// Bounds of a request.
const (
	mostFinalists = 4
	mostSettings  = 400
	mostFinals    = 50
)

// Plan decides what to do, or reports what is wrong with the spec.
func (s Spec) Plan() (p Plan, err error) {
	p.spec = s
	switch {
	case len(s.Params) == 0:
		return p, experiments.Misusef("--param is missing: want what to tune, such as --param workers=1..8")
	case s.Finals < 2 || s.Finals > mostFinals:
		return p, experiments.Misusef("--finals %d: want 2 to %d blocks", s.Finals, mostFinals)
	case s.Slice < 200*time.Millisecond || s.Slice > time.Minute:
		return p, experiments.Misusef("--slice %v: want 200ms to 1m", s.Slice)
	case s.Connections < 0 || s.Connections > 10_000:
		return p, experiments.Misusef("--connections %d: want 0 (chosen by bench) to 10000", s.Connections)
	}
	if p.objectives, err = results.ParseObjectives(s.SLO); err != nil {
		return p, err
	}
	if p.Project, err = experiments.LoadProject(s.App); err != nil {
		return p, err
	}
	if p.scenario, err = experiments.OneScenario(s.Scenario, p.Project); err != nil {
		return p, err
	}
	if p.base, err = experiments.OneTopology(s.Topology, s.Profile); err != nil {
		return p, err
	}
	if !p.base.Boots() {
		return p, experiments.Misusef("--topology %s: only a topology that bench boots has settings to tune", p.base)
	}
	p.scenario = experiments.OneHost(p.scenario, p.Project, p.base)
	return p, p.addArms()
}

// addArms makes an arm of every setting, and of the baseline.
func (p *Plan) addArms() error {
	definition, err := servers.Define(p.base)
	if err != nil {
		return experiments.Misuse(err)
	}
	settings := []servers.Topology{p.base}
	var tuned []string
	for _, text := range p.spec.Params {
		name, values, err := parseParam(definition, text)
		if err != nil {
			return err
		}
		if slices.Contains(tuned, name) {
			return experiments.Misusef("--param %s is given twice", name)
		}
		tuned = append(tuned, name)
		var more []servers.Topology
		for _, t := range settings {
			for _, v := range values {
				more = append(more, t.With(name, v))
			}
		}
		if settings = more; len(settings) > mostSettings {
			return experiments.Misusef("--param: these are more than %d settings: name fewer values", mostSettings)
		}
	}
	if len(settings) < 2 {
		return experiments.Misusef("--param: want at least two settings to choose between")
	}
	p.settings = len(settings)
	standard, err := p.standard(definition, tuned)
	if err != nil {
		return err
	}
	if p.baseline = slices.Index(settings, standard); p.baseline < 0 {
		settings, p.baseline = append(settings, standard), len(settings)
	}
	for i, t := range settings {
		name := settingName(t, tuned)
		if i == p.settings {
			name += "-baseline"
		}
		p.arms = append(p.arms, scenarios.Arm{Name: name, Topology: t})
	}
	return nil
}

// standard is what the settings are compared to: the server's own rule of thumb for what is not fixed, or
// else the defaults.
func (p *Plan) standard(d servers.Definition, tuned []string) (servers.Topology, error) {
	host := servers.ThisHost()
	defaults, err := d.Defaults(host)
	if err != nil {
		return p.base, experiments.Misuse(err)
	}
	t := p.base
	for _, name := range tuned {
		t = t.With(name, defaults[name])
	}
	for name, value := range d.Rule(host) {
		if p.base.Param(name) == "" {
			t, p.rule = t.With(name, value), true
		}
	}
	return t, nil
}

// settingName names a setting by the parameters that are tuned.
func settingName(t servers.Topology, tuned []string) string {
	name := t.Short()
	for _, param := range tuned {
		name += "-" + param + "=" + t.Param(param)
	}
	return name
}

// parseParam reads NAME=LOW..HIGH or NAME=V,V,V.
func parseParam(d servers.Definition, text string) (name string, values []string, err error) {
	name, list, found := strings.Cut(text, "=")
	if !found || list == "" {
		return "", nil, experiments.Misusef("--param %q: want NAME=LOW..HIGH or NAME=V,V,V, such as workers=1..8", text)
	}
	if !d.Has(name) {
		var known []string
		for _, p := range d.Params {
			known = append(known, p.Name)
		}
		return "", nil, experiments.Misusef("--param %s: %s has no such parameter; it has %s", name, d.Topology.Name,
			strings.Join(known, ", "))
	}
	if low, high, is := strings.Cut(list, ".."); is {
		from, errLow := strconv.Atoi(low)
		to, errHigh := strconv.Atoi(high)
		if errLow != nil || errHigh != nil || from > to || to-from >= mostSettings {
			return "", nil, experiments.Misusef("--param %q: want two whole numbers, the lower first, such as 1..8", text)
		}
		for v := from; v <= to; v++ {
			values = append(values, strconv.Itoa(v))
		}
		return name, values, nil
	}
	for value := range strings.SplitSeq(list, ",") {
		if value = strings.TrimSpace(value); value == "" || slices.Contains(values, value) {
			return "", nil, experiments.Misusef("--param %q: a value is empty or given twice", text)
		}
		values = append(values, value)
	}
	return name, values, nil
}

// Topologies are those of the settings, and of the baseline.
func (p Plan) Topologies() (all []servers.Topology) {
	for _, arm := range p.arms {
		all = append(all, arm.Topology)
	}
	return all
}

// Lines describe the plan, a sentence a line.
func (p Plan) Lines() []string {
	of := "the server's own rule of thumb"
	if !p.rule {
		of = "the default"
	}
	lines := []string{
		fmt.Sprintf("%s: %d settings of %s, under %s", p.base.Name, p.settings,
			strings.Join(p.spec.Params, " and "), p.spec.SLO),
		fmt.Sprintf("race: each round boots every setting that is left and keeps a quarter, down to %d", p.finalists()),
		fmt.Sprintf("final: %d blocks of those and of the baseline, %s (%s)", p.spec.Finals, p.arms[p.baseline].Name, of),
	}
	if p.spec.Exhaustive {
		lines[1] = "exhaustive: no race, every setting is a finalist"
	}
	return lines
}

// perBoot is roughly what a boot takes, beside the load.
const perBoot = 2500 * time.Millisecond

// Estimate is roughly how long it will take.
func (p Plan) Estimate() (sum time.Duration) {
	r := newRace(p.settings, p.finalists())
	for round := 1; !r.over(); round++ {
		sum += time.Duration(len(r.alive)) * (perBoot + p.slice(round))
		r.add(nil)
	}
	boots := min(p.finalists()+1, len(p.arms)) // and the baseline
	return sum + time.Duration(p.spec.Finals*boots)*(perBoot+finalSlice*p.spec.Slice)
}

// finalists is how many settings the last round compares: of few settings fewer, since it measures each several
// times.
func (p Plan) finalists() int {
	if p.spec.Exhaustive {
		return p.settings
	}
	const settingsEach = 8
	return min(mostFinalists, max(2, (p.settings+settingsEach-1)/settingsEach))
}

// slice is the length of a closed loop in a round: fewer settings are looked at more closely.
func (p Plan) slice(round int) time.Duration {
	return min(finalSlice, time.Duration(round)) * p.spec.Slice
}

const finalSlice = 2
