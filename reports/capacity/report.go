// Package capacity says how many workers and machines a load requires. From a run of searches it
// reports what was measured, a model built on that, and how wrong the model is.
package capacity

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"bench/reports/capacity/model"
	"bench/results"
	"bench/stats"
)

// Schema of the report as JSON.
const Schema = "bench.capacity/2"

// Report is the result, with the evidence. It is computed from a run alone.
type Report struct {
	Schema   string `json:"schema"`
	SLO      string `json:"slo"`
	Topology string `json:"topology"`
	Scenario string `json:"scenario"`
	// Capacity is that of the configuration that serves most. Low 0: no rate meets the SLO. High 0: no
	// upper end was found.
	Capacity stats.Interval `json:"capacity"`
	// Undecided says that the time ran out before any rate was shown to meet the SLO: the capacity is then
	// unknown, and not zero.
	Undecided      bool                 `json:"undecided,omitempty"`
	Bottleneck     string               `json:"bottleneck"`
	NextBottleneck string               `json:"next_bottleneck"`
	Target         float64              `json:"target,omitempty"`
	Recommendation *Recommendation      `json:"recommendation,omitempty"`
	Sweep          string               `json:"sweep,omitempty"`
	Configurations []Configuration      `json:"configurations"`
	Model          *Model               `json:"model,omitempty"`
	Validation     []Validated          `json:"validation"`
	Checks         []results.Check      `json:"checks,omitempty"`
	Soaks          []results.Soak       `json:"soaks,omitempty"`
	Prediction     string               `json:"prediction_sha256,omitempty"`
	CPUSpeed       *CPUSpeed            `json:"cpu_speed,omitempty"`
	Grade          results.Grade        `json:"grade"`
	Partial        bool                 `json:"partial,omitempty"`
	Elapsed        float64              `json:"elapsed_s"`
	Host           results.Host         `json:"host"`
	Seed           uint64               `json:"seed"`
	Diagnostics    []results.Diagnostic `json:"diagnostics"`

	manifest results.Manifest
	trial    *results.Cell // see nearest
}

// CPUSpeed is the range of speeds at which the machine's cores ran in eight of ten trials, relative to the
// median.
type CPUSpeed struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Build judges a run.
func Build(run *results.Run) (*Report, error) {
	r, err := build(run, model.Full)
	if err != nil {
		return nil, err
	}
	r.Diagnostics = results.Weighed(r.Diagnostics)
	return r, nil
}

func build(run *results.Run, precision model.Precision) (*Report, error) {
	c, err := results.Decode[results.Capacity](run.Manifest, results.KindCapacity)
	if err != nil {
		return nil, err
	}
	if len(run.Manifest.Topologies) == 0 || len(run.Manifest.Scenarios) == 0 {
		return nil, errors.New("building the report: the manifest lacks topologies or scenarios")
	}
	r := begin(run.Manifest, c)
	for _, found := range c.Configurations {
		if len(found.Goals) > 0 {
			r.Configurations = append(r.Configurations, measured(run, found))
		}
	}
	if len(r.Configurations) == 0 {
		r.judgeTrials(run) // it may say why
		r.Grade = results.Invalid
		return r, nil
	}
	slices.SortStableFunc(r.Configurations, func(a, b Configuration) int { return cmp.Compare(a.Value, b.Value) })
	fitted, err := Fit(run, c, precision)
	if err != nil {
		r.diagnose(results.Warning, "no-model", "there is no model: "+err.Error(), "The measurements stand without it.")
		r.soak(c.Soaks)
		r.Recommendation = r.needOfMeasured()
	} else {
		r.Model = fitted
		r.fit(run, c)
	}
	for i := range r.Configurations {
		perHour := c.Price
		if r.fleet() {
			perHour *= float64(r.Configurations[i].Queues)
		}
		r.Configurations[i].price(perHour)
	}
	r.best()
	r.judge(run)
	r.trial = r.nearest(run.Cells)
	return r, nil
}

// begin is the report with what comes from the manifest.
func begin(m results.Manifest, c *results.Capacity) *Report {
	return &Report{
		Schema: Schema, SLO: c.SLO, Checks: c.Checks, Target: c.Target, Sweep: c.Sweep,
		Topology: m.Topologies[0].Ref, Scenario: m.Scenarios[0].Name, Grade: results.Valid,
		Partial: m.Status == results.Partial, Elapsed: m.Elapsed, Host: m.Host, Seed: m.Seed,
		Prediction: c.Prediction, Diagnostics: append([]results.Diagnostic{}, m.Diagnostics...),
		Validation: []Validated{}, Configurations: []Configuration{}, manifest: m,
	}
}

// fittable are the configurations that a model may be fitted to.
func fittable(all []results.Configuration) (fitted []results.Configuration) {
	for _, c := range all {
		if !c.HeldOut && len(c.Goals) > 0 {
			fitted = append(fitted, c)
		}
	}
	return fitted
}

func (r *Report) diagnose(s results.Severity, code, message, hint string) {
	r.Diagnostics = append(r.Diagnostics, results.Diagnostic{Code: code, Message: message, Hint: hint, Severity: s})
}

// fit compares the model to what was measured.
func (r *Report) fit(run *results.Run, c *results.Capacity) {
	var points []model.USLPoint
	for i := range r.Configurations {
		r.assist(run, &r.Configurations[i])
	}
	r.soak(c.Soaks)
	for i := range r.Configurations {
		s := &r.Configurations[i]
		p := r.Model.Predict(s.found, s.HeldOut)
		s.Model = &p
		if s.HeldOut {
			r.Validation = append(r.Validation, validate(run, c, r.Model, *s)...)
		}
		concurrency := s.Queues * s.Workers * max(1, s.Threads)
		if r.fleet() {
			concurrency = s.Queues // what scales is the number of machines
		}
		if s.Capacity.Low > 0 && s.Capacity.High > 0 && !s.HeldOut {
			points = append(points, model.USLPoint{N: float64(concurrency), Low: s.Capacity.Low, High: s.Capacity.High})
		}
	}
	if u, ok := model.FitUSL(points, r.Seed); ok {
		r.Model.USL = &u
	}
	if r.Target > 0 {
		r.Recommendation = r.Need(c, r.Target)
	}
}

// assist narrows what was measured by correcting for the randomness of the arrivals and for the machine's
// CPU speed. If the corrected interval and that of the search do not overlap, the result spans both.
func (r *Report) assist(run *results.Run, s *Configuration) {
	v, ok := r.Model.assisted(run, s.found)
	if !ok {
		return
	}
	system := r.Model.system(s.found).Scaled(v.Value)
	e := v.Around(r.Model.queueing.Capacity(system))
	// Not with one thread per connection, nor where a quota decides how long a worker is occupied.
	if !r.fleet() && s.Threads > 0 {
		s.Waits = model.ErlangC(e.Value*r.Model.Service/1e3/v.Value, s.Queues*s.Workers*s.Threads)
	}
	// The search took place at the CPU speed of that time.
	then := r.Model.queueing.Capacity(system.AtCPUSpeed(v.cpuSpeed)) / e.Value
	s.CPUSpeed = v.cpuSpeed
	if e.Low*then > s.Capacity.High || e.High*then < s.Capacity.Low {
		r.diagnose(results.Warning, "model-disagrees", fmt.Sprintf(
			"%s: the search found %s req/s; the model, given the same arrivals, finds %s, or %.4g at the CPU speed during "+
				"the search", s.Topology, rateText(s.Capacity), rateText(e), e.Value*then), "The interval spans both.")
		s.Capacity = stats.Between(min(e.Low, s.Capacity.Low/then), max(e.High, s.Capacity.High/then), spansBoth)
		return
	}
	s.Capacity, s.Assisted = stats.Between(e.Low, e.High, e.Method), true
	s.Capacity.Confidence, s.Capacity.N = e.Confidence, e.N
}

// best fills in the configuration that serves most, and what limits it or, if there is one, the recommended machine.
func (r *Report) best() {
	top := 0
	for i, s := range r.Configurations {
		if s.Capacity.Value > r.Configurations[top].Capacity.Value {
			top = i
		}
	}
	s := r.Configurations[top]
	r.Capacity = s.Capacity
	r.Undecided = r.Capacity.Low == 0 && slices.ContainsFunc(r.Configurations, Configuration.undecided)
	r.Topology = cmp.Or(s.Topology, r.Topology)
	switch rec := r.Recommendation; {
	case rec != nil && rec.Bottleneck != "": // one answer, one bottleneck
		r.Bottleneck, r.NextBottleneck = rec.Bottleneck, rec.Next
	case s.Model != nil && len(s.Model.Limits) > 0:
		r.Bottleneck = s.Model.Limits[0].Resource
		if len(s.Model.Limits) > 1 {
			r.NextBottleneck = s.Model.Limits[1].Resource
		}
	}
}
