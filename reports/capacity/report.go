// Package capacity says how many workers and machines a load needs, from a run of searches:
// what was measured, a model that follows from it, and how wrong that model is.
package capacity

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"bench/reports/capacity/model"
	"bench/results"
)

// Schema of the report as JSON.
const Schema = "bench.capacity/1"

// Range is an interval of rates. Low 0: no rate meets the SLO. High 0: no end was found.
type Range struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

func (r Range) middle() float64 {
	if r.High == 0 {
		return r.Low
	}
	return math.Sqrt(r.Low * r.High)
}

// Report is the answer with its grounds. It is computed from a run alone.
type Report struct {
	Schema   string `json:"schema"`
	SLO      string `json:"slo"`
	Topology string `json:"topology"`
	Scenario string `json:"scenario"`
	// MaxRate is that of the size that serves most.
	MaxRate Range `json:"max_rate"`
	// Undecided tells that the time was over before any load of that size was seen to meet the
	// SLO: its MaxRate is then not known, and not zero.
	Undecided      bool            `json:"undecided,omitempty"`
	Binding        string          `json:"binding"`
	Next           string          `json:"next_binding"`
	Target         float64         `json:"target,omitempty"`
	Recommendation *Recommendation `json:"recommendation,omitempty"`
	Sweep          string          `json:"sweep,omitempty"`
	Sizes          []Size          `json:"sizes"`
	Model          *Model          `json:"model,omitempty"`
	Validation     []Validated     `json:"validation"`
	Checks         []results.Check `json:"checks,omitempty"`
	Prediction     string          `json:"prediction_sha256,omitempty"`
	// PaceLow and PaceHigh are between which eight of ten trials' paces lay, against the median.
	PaceLow  float64         `json:"pace_low,omitempty"`
	PaceHigh float64         `json:"pace_high,omitempty"`
	Grade    results.Grade   `json:"grade"`
	Partial  bool            `json:"partial,omitempty"`
	Elapsed  float64         `json:"elapsed_s"`
	Host     results.Host    `json:"host"`
	Seed     uint64          `json:"seed"`
	Warnings []results.Cause `json:"warnings"`
}

// Size is what was measured of one size, and what the model says of it.
type Size struct {
	results.Size
	// MaxRate is what the search found; Assisted, when the luck of the arrivals and the pace of
	// the machine have been taken out of it: it is then that at the run's median pace, and Pace
	// is how fast the machine was against that when this size was searched.
	MaxRate  Range   `json:"max_rate"`
	Assisted bool    `json:"assisted"`
	Searched Range   `json:"searched"`
	Pace     float64 `json:"pace,omitempty"`
	// Waits is Erlang's C: the share of requests that would have to wait for a slot at the
	// greatest rate, if cores were no limit and service times exponential. Near 1, the slots are
	// what is used up; near 0, they are not.
	Waits       float64            `json:"erlang_c,omitempty"`
	Model       *Prediction        `json:"model,omitempty"`
	Trials      []Trial            `json:"trials"`
	CPU         map[string]float64 `json:"cpu_ms"`      // of a request by tier, near the greatest rate
	Utilization map[string]float64 `json:"utilization"` // of the machine's cores by tier, there
	Busy        float64            `json:"machine_busy"`
	// PerMillion is the price of a million requests at the greatest rate.
	PerMillion float64 `json:"cost_per_million,omitempty"`
}

// undecided reports whether nothing is known of the size's greatest rate: the time was over.
func (s Size) undecided() bool { return s.MaxRate.Low == 0 && s.Goals[0].Undecided }

// Trial is one of a search.
type Trial struct {
	Rate   float64       `json:"rate"`
	P50    float64       `json:"p50_ms"`
	P99    float64       `json:"p99_ms"`
	Boot   int           `json:"boot"`
	Length float64       `json:"length_s"`
	Grade  results.Grade `json:"grade"`
}

// Build judges a run.
func Build(run *results.Run) (*Report, error) {
	return build(run, model.Full)
}

func build(run *results.Run, precision model.Precision) (*Report, error) {
	c, err := results.Decode[results.Capacity](run.Manifest, results.KindCapacity)
	if err != nil {
		return nil, err
	}
	if len(run.Manifest.Topologies) == 0 || len(run.Manifest.Scenarios) == 0 {
		return nil, errors.New("the manifest names no topology or no scenario")
	}
	r := &Report{
		Schema: Schema, SLO: c.SLO, Target: c.Target, Sweep: c.Sweep, Topology: run.Manifest.Topologies[0].Ref, Scenario: run.Manifest.Scenarios[0].Name,
		Grade: results.Valid, Partial: run.Manifest.Status == results.Partial, Elapsed: run.Manifest.Elapsed, Host: run.Manifest.Host, Seed: run.Manifest.Seed,
		Checks: c.Checks, Prediction: c.Prediction, Warnings: slices.Clone(run.Manifest.Warnings), Validation: []Validated{}, Sizes: []Size{},
	}
	if r.Warnings == nil {
		r.Warnings = []results.Cause{}
	}
	for _, size := range c.Sizes {
		if len(size.Goals) > 0 {
			r.Sizes = append(r.Sizes, measured(run, size))
		}
	}
	if len(r.Sizes) == 0 {
		return r, nil
	}
	slices.SortStableFunc(r.Sizes, func(a, b Size) int { return cmp.Compare(a.Value, b.Value) })
	fitted, err := Fit(run, c, precision)
	if err != nil {
		r.warn("no-model", "there is no model: "+err.Error(), "Measured rates stand without it.")
		r.Recommendation = r.needOfMeasured()
	} else {
		r.Model = fitted
		r.fit(run, c)
	}
	for i := range r.Sizes {
		perHour := c.Price
		if r.fleet() {
			perHour *= float64(r.Sizes[i].Queues)
		}
		r.Sizes[i].price(perHour)
	}
	r.best()
	r.judge(run)
	return r, nil
}

// seen are the sizes that a model may be fitted to.
func seen(sizes []results.Size) (fitted []results.Size) {
	for _, s := range sizes {
		if !s.Unseen && len(s.Goals) > 0 {
			fitted = append(fitted, s)
		}
	}
	return fitted
}

func (r *Report) warn(code, message, remedy string) {
	r.Warnings = append(r.Warnings, results.Cause{Code: code, Message: message, Remedy: remedy})
}

func measured(run *results.Run, size results.Size) Size {
	s := Size{Size: size, MaxRate: Range{size.Goals[0].Low, size.Goals[0].High}, Searched: Range{size.Goals[0].Low, size.Goals[0].High}, Trials: []Trial{}}
	var nearest *results.Cell
	apart := math.Inf(1)
	limit := max(s.MaxRate.middle(), s.MaxRate.High/2, 1)
	for _, c := range run.Cells {
		if c.Topology != size.Topology || !strings.HasPrefix(c.Load, results.TrialLoad) {
			continue
		}
		h := results.Total(c.Counted(), results.Response)
		s.Trials = append(s.Trials, Trial{
			Rate: c.Rate, P50: float64(h.ValueAtPercentile(50)) / 1e3, P99: float64(h.ValueAtPercentile(99)) / 1e3,
			Boot: c.Block, Length: c.Duration, Grade: c.Grade,
		})
		if d := math.Abs(math.Log(c.Rate / limit)); d < apart && c.Grade != results.Invalid {
			nearest, apart = c, d
		}
	}
	slices.SortStableFunc(s.Trials, func(a, b Trial) int { return cmp.Compare(a.Rate, b.Rate) })
	if nearest != nil {
		if k, ok := costOf(nearest, run.Manifest.Host.Cores); ok {
			s.CPU, s.Utilization, s.Busy = map[string]float64{}, map[string]float64{}, k.busy
			perSecond := float64(nearest.Counts.Sent) / nearest.Elapsed / float64(run.Manifest.Host.Cores)
			for tier, v := range k.cpu {
				s.CPU[tier], s.Utilization[tier] = v*1e3, v*perSecond
			}
			s.CPU[generatorTier], s.Utilization[generatorTier] = k.generator*1e3, k.generator*perSecond
		}
	}
	return s
}

// price is what a million requests cost at the rate that a size is sure to serve.
func (s *Size) price(perHour float64) {
	if perHour > 0 && s.MaxRate.Low > 0 {
		s.PerMillion = perHour / (s.MaxRate.Low * 3600) * 1e6
	}
}

// generatorTier names the load generator among the tiers.
const generatorTier = "generator"

// fit lays the model beside what was measured.
func (r *Report) fit(run *results.Run, c *results.Capacity) {
	var points []model.USLPoint
	for i := range r.Sizes {
		s := &r.Sizes[i]
		r.assist(run, s)
		p := r.Model.Predict(s.Size, s.Unseen)
		s.Model = &p
		if s.Unseen {
			r.Validation = append(r.Validation, validate(run, c, r.Model, *s)...)
		}
		slots := s.Queues * s.Workers * max(1, s.Threads)
		if r.fleet() {
			slots = s.Queues // what scales is the number of machines
		}
		if s.MaxRate.Low > 0 && s.MaxRate.High > 0 && !s.Unseen {
			points = append(points, model.USLPoint{N: float64(slots), Low: s.MaxRate.Low, High: s.MaxRate.High})
		}
	}
	if u, ok := model.FitUSL(points, r.Seed); ok {
		r.Model.USL = &u
	}
	if r.Target > 0 {
		r.Recommendation = r.Need(c, r.Target)
	}
}

// assist narrows what was measured by taking out the luck of the arrivals and the machine's
// pace. Where the two have no rate in common, both count: the interval then reaches over both.
func (r *Report) assist(run *results.Run, s *Size) {
	v, ok := r.Model.assisted(run, s.Size)
	if !ok {
		return
	}
	system := r.Model.system(s.Size).Scaled(v.Value)
	e := v.Around(r.Model.queueing.Capacity(system))
	if !r.fleet() && s.Threads > 0 { // without slots, or where how long a slot is held is a matter of the quota
		s.Waits = model.ErlangC(e.Estimate*r.Model.Service/1e3/v.Value, s.Queues*s.Workers*s.Threads)
	}
	// What the search saw was at the pace that the machine then had.
	then := r.Model.queueing.Capacity(system.AtCPUSpeed(v.pace)) / e.Estimate
	s.Pace = v.pace
	if e.Low*then > s.MaxRate.High || e.High*then < s.MaxRate.Low {
		r.warn("model-disagrees", fmt.Sprintf("%s: the search found %s, the model with the same arrivals %s, which is %.4g at the machine's pace during the search", s.Topology, s.MaxRate, estimateText(e), e.Estimate*then), "The interval reaches over both.")
		s.MaxRate = Range{min(e.Low, s.MaxRate.Low/then), max(e.High, s.MaxRate.High/then)}
		return
	}
	s.MaxRate, s.Assisted = Range{e.Low, e.High}, true
}

// best is the size that serves most, and what binds it.
func (r *Report) best() {
	top := 0
	for i, s := range r.Sizes {
		if s.MaxRate.middle() > r.Sizes[top].MaxRate.middle() {
			top = i
		}
	}
	s := r.Sizes[top]
	r.MaxRate = s.MaxRate
	r.Undecided = r.MaxRate.Low == 0 && slices.ContainsFunc(r.Sizes, Size.undecided)
	r.Topology = cmp.Or(s.Topology, r.Topology)
	if s.Model != nil && len(s.Model.Limits) > 0 {
		r.Binding = s.Model.Limits[0].Resource
		if len(s.Model.Limits) > 1 {
			r.Next = s.Model.Limits[1].Resource
		}
	}
}

// Headline is the answer in one line.
func (r *Report) Headline() string {
	if len(r.Sizes) == 0 {
		return "nothing was measured"
	}
	rate := func(x Range) string {
		switch {
		case x.Low == 0:
			return "no rate"
		case x.High == 0:
			return fmt.Sprintf("at least %.4g requests per second", x.Low)
		}
		return fmt.Sprintf("%.4g to %.4g requests per second", x.Low, x.High)
	}
	line := fmt.Sprintf("%s serves %s at %s", r.Topology, rate(r.MaxRate), r.SLO)
	if r.Undecided {
		line = fmt.Sprintf("%s: in the time given it was not decided which rate meets %s", r.Topology, r.SLO)
	} else if r.MaxRate.Low == 0 {
		line = fmt.Sprintf("%s meets %s at no rate", r.Topology, r.SLO)
	} else if r.Binding != "" {
		line += "; its limit: " + r.Binding
	}
	if r.Recommendation != nil {
		line = r.Recommendation.sentence(r) + " " + line
	}
	if r.Partial {
		line = "PARTIAL: " + line
	}
	return line + "."
}
