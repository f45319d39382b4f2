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
	MaxRate        Range           `json:"max_rate"`
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
func Build(run *results.Run, arrivals Arrivals) (*Report, error) {
	c := run.Manifest.Capacity
	if c == nil {
		return nil, errors.New("this run searched no capacity")
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
	model, err := Fit(run, seen(c.Sizes), arrivals)
	if err != nil {
		r.warn("no-model", "there is no model: "+err.Error(), "Measured rates stand without it.")
	} else {
		r.Model = model
		r.fit(run, arrivals)
	}
	for i := range r.Sizes {
		r.Sizes[i].price(c.Price)
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
	for _, c := range run.Cells {
		if c.Topology != size.Topology || !strings.HasPrefix(c.Load, results.TrialLoad) {
			continue
		}
		h := results.Total(counted(c), results.Response)
		s.Trials = append(s.Trials, Trial{
			Rate: c.Rate, P50: float64(h.ValueAtPercentile(50)) / 1e3, P99: float64(h.ValueAtPercentile(99)) / 1e3,
			Boot: c.Block, Length: c.Duration, Grade: c.Grade,
		})
		if c.Rate <= max(s.MaxRate.middle(), s.MaxRate.High/2, 1) && (nearest == nil || c.Rate > nearest.Rate) {
			nearest = c
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

// counted are the intervals after the lead-in, which is a second, or two of a long trial.
func counted(c *results.Cell) []results.Interval {
	lead := 1.0
	if c.Duration >= 7 {
		lead = 2
	}
	at := slices.IndexFunc(c.Intervals, func(iv results.Interval) bool { return iv.Start.Seconds() >= lead })
	if at < 0 {
		return c.Intervals
	}
	return c.Intervals[at:]
}

// fit lays the model beside what was measured.
func (r *Report) fit(run *results.Run, arrivals Arrivals) {
	var points []USLPoint
	for i := range r.Sizes {
		s := &r.Sizes[i]
		r.assist(run, s, arrivals)
		p := r.Model.Predict(s.Size, s.Unseen)
		s.Model = &p
		if s.Unseen {
			r.Validation = append(r.Validation, validate(run, r.Model, *s)...)
		}
		if slots := s.Queues * s.Workers * max(1, s.Threads); s.MaxRate.Low > 0 && s.MaxRate.High > 0 && !s.Unseen {
			points = append(points, USLPoint{float64(slots), s.MaxRate.Low, s.MaxRate.High})
		}
	}
	if u, ok := FitUSL(points, r.Seed); ok {
		r.Model.USL = &u
	}
	if r.Target > 0 {
		r.recommend(run.Manifest.Capacity)
	}
}

// assist narrows what was measured by taking out the luck of the arrivals and the machine's
// pace. Where the two have no rate in common, both count: the interval then reaches over both.
func (r *Report) assist(run *results.Run, s *Size, arrivals Arrivals) {
	v, ok := r.Model.assisted(run, s.Size, arrivals)
	if !ok {
		return
	}
	system := r.Model.System(s.Size).Scaled(v.value)
	e := v.around(r.Model.greatest(system))
	s.Waits = ErlangC(e.Estimate*r.Model.Service/1e3/v.value, s.Queues*s.Workers*max(1, s.Threads))
	// What the search saw was at the pace that the machine then had.
	then := r.Model.greatest(system.paced(v.pace)) / e.Estimate
	s.Pace = v.pace
	if e.Low*then > s.MaxRate.High || e.High*then < s.MaxRate.Low {
		r.warn("model-disagrees", fmt.Sprintf("%s: the search found %s, the model with the same arrivals %s, which is %.4g at the machine's pace during the search", s.Topology, s.MaxRate, e.text(), e.Estimate*then), "The interval reaches over both.")
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
	r.Topology = cmp.Or(s.Topology, r.Topology)
	if s.Model != nil && len(s.Model.Limits) > 0 {
		r.Binding = s.Model.Limits[0].Resource
		if len(s.Model.Limits) > 1 {
			r.Next = s.Model.Limits[1].Resource
		}
	}
}

// Validated is one figure that was predicted before it was measured.
type Validated struct {
	Topology  string   `json:"topology"`
	Value     int      `json:"value"`
	Figure    string   `json:"figure"` // max_rate, or p99 at a share of it
	Rate      float64  `json:"rate,omitempty"`
	Predicted Estimate `json:"predicted"`
	Measured  Estimate `json:"measured"`
	// AtPace is the prediction at the pace that the machine turned out to have, as the CPU time
	// of a request shows it; 0 where Measured is at the run's median pace already.
	AtPace      float64 `json:"predicted_at_pace,omitempty"`
	ErrorAtPace float64 `json:"error_at_pace,omitempty"`
	// Searched is what the search alone found, without the model.
	Searched *Range  `json:"searched,omitempty"`
	Error    float64 `json:"error"`             // predicted over measured, minus 1
	Covered  *bool   `json:"covered,omitempty"` // the measured value lies within the predicted interval
}

func validate(run *results.Run, m *Model, s Size) (all []Validated) {
	said := s.Model.Record()
	for _, p := range run.Manifest.Capacity.Predicted {
		if p.Topology == s.Topology {
			said = p // what was written down before
		}
	}
	if s.MaxRate.Low > 0 && s.MaxRate.High > 0 {
		at := s.MaxRate.middle()
		p := Estimate{said.MaxRate[0], said.MaxRate[1], said.MaxRate[2]}
		covered := p.Low <= at && at <= p.High
		all = append(all, Validated{
			Topology: s.Topology, Value: s.Value, Figure: "max_rate", Predicted: p,
			Measured: Estimate{at, s.MaxRate.Low, s.MaxRate.High}, Searched: &s.Searched, Error: p.Estimate/at - 1, Covered: &covered,
		})
	}
	for i, l := range said.Latency {
		cell := cellOf(run, s.Topology, fmt.Sprintf("%s-%d", results.AtShares, i+1))
		if cell == nil {
			continue
		}
		p99 := float64(results.Total(counted(cell), results.Response).ValueAtPercentile(99)) / 1e3
		if cell.Grade == results.Invalid || p99 == 0 {
			continue // no measurement of the servers
		}
		paced := m.System(s.Size).Scaled(m.Correction.Estimate).paced(m.pace(cell)).Simulate(cell.Rate, simulated, m.seed).Quantile(0.99) * 1e3
		all = append(all, Validated{
			Topology: s.Topology, Value: s.Value, Figure: fmt.Sprintf("p99 at %.0f %%", l.Share*100), Rate: cell.Rate,
			Predicted: Estimate{Estimate: l.P99}, Measured: Estimate{Estimate: p99}, Error: l.P99/p99 - 1, AtPace: paced, ErrorAtPace: paced/p99 - 1,
		})
	}
	return all
}

// judge says how far the run can be trusted.
func (r *Report) judge(run *results.Run) {
	busy, trials := 0, 0
	var worst float64
	for _, c := range run.Cells {
		if c.Mode != results.OpenLoop {
			continue
		}
		trials++
		if slices.ContainsFunc(c.Causes, func(cause results.Cause) bool { return cause.Code == "busy-neighbour" }) {
			busy++
		}
		if c.Grade == results.Invalid && !slices.ContainsFunc(c.Causes, fromServer) {
			worst++
		}
	}
	if busy*4 > trials {
		r.Grade = results.Degraded
		r.warn("busy-neighbour", fmt.Sprintf("in %d of %d trials something else used the machine", busy, trials), "Repeat on a machine of its own: capacity is what is left.")
	}
	if worst*2 > float64(trials) {
		r.Grade = results.Invalid
		r.warn("unfit", "most trials could not be measured", "Repeat on a machine that has nothing else to do.")
	}
	r.judgePace(run)
	for _, s := range r.Sizes {
		switch {
		case s.Died != "":
			r.warn("died", fmt.Sprintf("%s died at %.4g requests per second, and again: %s", s.Topology, s.DiedAt, s.Died), "Its capacity is below that rate; look at its log.")
		case s.Generator || s.MaxRate.High == 0 && s.MaxRate.Low > 0:
			r.warn("generator-limit", s.Topology+" meets the SLO as far as this generator can drive it: its capacity is a lower bound", "Use a machine with more cores, or a generator of its own.")
		case s.Goals[0].Undecided:
			r.warn("undecided", fmt.Sprintf("before the time was over, no load of %s was found to meet the SLO for sure; the lowest was tried at %.4g requests per second", s.Topology, lowest(s.Trials)), "Give the search more time: --budget.")
		case s.MaxRate.Low == 0:
			r.warn("floor", fmt.Sprintf("not even %.0f request per second meets the SLO at %s: without any load p50 is %.4g ms and p99 %.4g ms", 1.0, s.Topology, float64(s.FloorP50)/1e3, float64(s.FloorP99)/1e3), "Make the app faster, or ask for less.")
		case s.MaxRate.High/s.MaxRate.Low-1 > wideRange:
			r.warn("wide", fmt.Sprintf("the interval of %s is %.0f %% wide: the machine wavered, or the limit is a matter of luck there", s.Topology, (s.MaxRate.High/s.MaxRate.Low-1)*100), "Repeat, or give the search more time: --budget.")
		}
	}
}

// fromServer reports whether a trial is void because of the servers: that is an answer, too.
func fromServer(c results.Cause) bool {
	return c.Code == results.ServerDied || c.Code == results.ServerGone || c.Code == results.NoRightAnswer
}

// judgePace says how much the machine's own pace wavered. Nothing can be done about it here
// but to say so.
func (r *Report) judgePace(run *results.Run) {
	if r.Model == nil {
		return
	}
	var paces []float64
	for _, c := range run.Cells {
		if c.Mode == results.OpenLoop && c.Counts.Sent >= fewRequests {
			paces = append(paces, r.Model.pace(c))
		}
	}
	if len(paces) < 5 {
		return
	}
	slices.Sort(paces)
	r.PaceLow, r.PaceHigh = paces[len(paces)/10], paces[len(paces)-1-len(paces)/10]
	if r.PaceHigh/r.PaceLow > 1+wavering {
		r.Grade = r.Grade.Worse(results.Degraded)
		r.warn("pace", fmt.Sprintf("the CPU time of a request says that the cores ran at %.2f to %.2f of their median pace (in eight of ten trials): rates are those at the median, and go up and down with it", r.PaceLow, r.PaceHigh),
			"The machine is shared, or changes its clock: plan for its slowest pace, or measure on a steadier one.")
	}
}

func lowest(trials []Trial) float64 {
	if len(trials) == 0 {
		return 0
	}
	return trials[0].Rate
}

// wavering is the spread of paces from which on a machine is no steady measure.
const wavering = 0.15

// wideRange is the relative width from which on an interval is worth a word.
const wideRange = 0.12

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
	if r.MaxRate.Low == 0 {
		line = fmt.Sprintf("%s meets %s at no rate", r.Topology, r.SLO)
	} else if r.Binding != "" {
		line += "; its limit: " + r.Binding
	}
	if r.Recommendation != nil {
		line = r.Recommendation.sentence(r) + " " + strings.ToUpper(line[:1]) + line[1:]
	}
	if r.Partial {
		line = "PARTIAL: " + line
	}
	return line + "."
}
