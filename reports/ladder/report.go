// Package ladder says what each step of a ladder of deployments brings, from a run: the ratio of each
// rung's throughput to that of the rung below, with its interval, the servers' own evidence for why, and
// whether what a step brings depends on the steps before it.
package ladder

import (
	"fmt"

	"bench/reports/compare"
	"bench/results"
	"bench/stats"
)

// Schema is the version of report.json.
const Schema = "bench.ladder/1"

// Report is a judged run of a ladder. Its JSON form is report.json.
type Report struct {
	compare.Head
	Ladder   string `json:"ladder"`
	Summary  string `json:"summary"`
	Scenario string `json:"scenario"`
	Rungs    []Rung `json:"rungs"` // those that were measured, the lowest first
	// Total is the step from the lowest rung to the highest, measured directly; nil if one is missing.
	Total *Step `json:"total,omitempty"`
	// Product is that of all steps: it differs from the total as far as their estimates are not means.
	Product      float64               `json:"product_of_steps"`
	Interactions []Interaction         `json:"interactions"`
	Skipped      []results.SkippedRung `json:"skipped"`

	manifest results.Manifest
	compared *compare.Report
}

// Rung is one rung that was measured.
type Rung struct {
	Name       string       `json:"name"`
	Adds       string       `json:"adds"`     // to the rung below
	Topology   string       `json:"topology"` // with every parameter
	Throughput compare.Rate `json:"throughput"`
	// Level is the lowest rung's throughput, multiplied by all steps up to here: where the waterfall is drawn.
	Level    float64  `json:"level"`
	Step     *Step    `json:"step,omitempty"` // from the rung below; nil for the lowest
	Evidence Evidence `json:"evidence"`
}

// Step is what adding one thing does to the throughput.
type Step struct {
	From string `json:"from"` // the rung below that was measured
	To   string `json:"to"`
	compare.Ratio
	Effect Effect `json:"effect"`
	// CPU and P99 are the ratios of the CPU time per request and of the p99 at the common rate; nil: not known.
	CPU *stats.Interval `json:"cpu_per_request,omitempty"`
	P99 *stats.Interval `json:"p99_at_common_rate,omitempty"`
}

// Effect is what a step is shown to do.
type Effect string

// The effects. A step whose interval includes 1 has none that could be measured, whatever its estimate.
const (
	Gain Effect = "gain"
	Loss Effect = "loss"
	None Effect = "none"
	// Negligible is an effect that is shown, and shown to be too small to matter.
	Negligible Effect = "negligible"
	Unknown    Effect = "unknown" // a single block has no interval, or the generator was the limit on both sides
)

// Interaction is a step taken from two bases: on the ladder, and from elsewhere.
type Interaction struct {
	Step      string `json:"step"` // the rung whose addition it is
	OnLadder  Step   `json:"on_ladder"`
	Elsewhere Step   `json:"elsewhere"`
	// Ratio is that of the step on the ladder to the step elsewhere: above 1, it brings more after the steps
	// in between.
	Ratio  stats.Interval `json:"ratio"`
	Effect Effect         `json:"effect"`
}

// Build judges a run. It is a pure function of the run.
func Build(run *results.Run) (*Report, error) {
	m := run.Manifest
	spec, err := results.Decode[results.LadderSpec](m, results.KindLadder)
	if err != nil {
		return nil, err
	}
	if len(spec.Rungs) < 2 {
		return nil, fmt.Errorf("building the report: the ladder has %d rungs, and a step needs two", len(spec.Rungs))
	}
	compared, err := compare.Build(run)
	if err != nil {
		return nil, err
	}
	r := &Report{
		Head: compared.Head, Ladder: spec.Ladder, Summary: spec.Summary, Scenario: m.Scenarios[0].Name,
		Rungs: []Rung{}, Interactions: []Interaction{}, Skipped: append([]results.SkippedRung{}, spec.Skipped...),
		manifest: m, compared: compared,
	}
	r.Schema, r.Answer = Schema, nil
	for _, rung := range spec.Rungs {
		r.add(rung)
	}
	r.sum()
	for _, d := range spec.Detours {
		r.interact(d)
	}
	r.answer()
	return r, nil
}

// closed is the load whose throughput the steps compare.
const closed = "closed"

// add appends a rung if it was measured, with the step to it.
func (r *Report) add(record results.LadderRung) {
	t := r.compared.Topology(record.Name)
	if t == nil {
		return // skipped before anything was booted
	}
	l := t.Load(r.Scenario, closed)
	if t.Excluded != "" || l == nil || !l.Rate.Measured() {
		r.skip(record.Name, t.Excluded)
		return
	}
	rung := Rung{
		Name: record.Name, Adds: record.Adds, Topology: t.Ref, Throughput: l.Rate, Level: l.Rate.Value,
		Evidence: r.evidence(*t, *l),
	}
	if n := len(r.Rungs); n > 0 {
		rung.Step = r.step(r.Rungs[n-1].Name, rung.Name)
	}
	r.Rungs = append(r.Rungs, rung)
}

func (r *Report) skip(name, reason string) {
	if reason == "" {
		reason = "too few of its cells are valid"
	}
	r.Skipped = append(r.Skipped, results.SkippedRung{Name: name, Reason: reason})
}

// step is the ratio of two rungs; nil if there is nothing to compare.
func (r *Report) step(from, to string) *Step {
	ratio, has := r.compared.Between(to, from, "max_throughput", r.Scenario, closed)
	if !has {
		return nil
	}
	s := &Step{From: from, To: to, Ratio: ratio, Effect: effect(ratio)}
	if cpu, has := r.compared.Between(to, from, "cpu_ms_per_request", r.Scenario, closed); has {
		s.CPU = &cpu.Interval
	}
	if common := r.compared.CommonRate(); common != nil {
		if p99, has := r.compared.Between(to, from, "p99", r.Scenario, common.Load); has && p99.Known() && p99.Bound == "" {
			s.P99 = &p99.Interval
		}
	}
	return s
}

// matters is the ratio from which on a step is worth its name. Of several steps without any effect, one may well
// seem to have a tiny one: each interval has its confidence by itself.
const matters = 1.05

// effect is what a ratio is shown to be.
func effect(v compare.Ratio) Effect {
	switch {
	case !v.Known() || v.Bound == "unknown":
		return Unknown
	case v.Shown() != 0 && v.Bound == "" && v.Low > 1/matters && v.High < matters:
		return Negligible
	case v.Shown() > 0:
		return Gain
	case v.Shown() < 0:
		return Loss
	}
	return None
}

// sum multiplies the steps, and measures from the lowest rung to the highest.
func (r *Report) sum() {
	if len(r.Rungs) < 2 {
		return
	}
	r.Product = 1
	for i := range r.Rungs {
		rung := &r.Rungs[i]
		if i == 0 {
			continue
		}
		if rung.Step == nil { // nothing to compare: the waterfall starts again at what was measured
			rung.Level = rung.Throughput.Value
			r.Product *= rung.Level / r.Rungs[i-1].Level
			continue
		}
		rung.Level = r.Rungs[i-1].Level * rung.Step.Value
		r.Product *= rung.Step.Value
	}
	r.Total = r.step(r.Rungs[0].Name, r.Rungs[len(r.Rungs)-1].Name)
}

// interact compares a step on the ladder with the same step taken from elsewhere.
func (r *Report) interact(d results.LadderDetour) {
	at := r.at(d.Step)
	if at < 1 || r.Rungs[at].Step == nil || r.unmeasured(d.Name) || r.unmeasured(d.From) {
		return
	}
	elsewhere := r.step(d.From, d.Name)
	if elsewhere == nil {
		return
	}
	onLadder := *r.Rungs[at].Step
	i := Interaction{Step: d.Step, OnLadder: onLadder, Elsewhere: *elsewhere}
	i.Ratio = stats.Ratio(r.gains(elsewhere.From, elsewhere.To), r.gains(onLadder.From, onLadder.To))
	i.Effect = effect(compare.Ratio{Interval: i.Ratio, Bound: either(onLadder.Bound, elsewhere.Bound)})
	r.Interactions = append(r.Interactions, i)
}

// either is unknown if one of two ratios is only a bound: their quotient may then lie anywhere.
func either(a, b string) string {
	if a != "" || b != "" {
		return "unknown"
	}
	return ""
}

// gains are the ratios of two rungs, by block.
func (r *Report) gains(from, to string) map[int]float64 {
	below, above := r.compared.Throughputs(from, r.Scenario, closed), r.compared.Throughputs(to, r.Scenario, closed)
	gains := map[int]float64{}
	for block, rate := range above {
		if below[block] > 0 {
			gains[block] = rate / below[block]
		}
	}
	return gains
}

// at is the place of a rung; -1 if it was not measured.
func (r *Report) at(name string) int {
	for i, rung := range r.Rungs {
		if rung.Name == name {
			return i
		}
	}
	return -1
}

// unmeasured reports whether a rung or a detour lacks a throughput.
func (r *Report) unmeasured(name string) bool {
	t := r.compared.Topology(name)
	if t == nil || t.Excluded != "" {
		return true
	}
	l := t.Load(r.Scenario, closed)
	return l == nil || !l.Rate.Measured()
}
