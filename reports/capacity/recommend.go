package capacity

import (
	"fmt"
	"math"
	"slices"

	"bench/reports/capacity/model"
	"bench/results"
	"bench/stats"
)

// Recommendation is what the target requires.
type Recommendation struct {
	Target float64 `json:"target"`
	// Carries says whether one machine, in some configuration within the range, carries the target.
	Carries bool `json:"carries"`
	// Workers is the smallest value of the swept parameter with which one machine carries the target,
	// without headroom; 0: none within the range. WorkersLow and WorkersHigh are what it would be with
	// the capacity at either end of its interval.
	Workers     int `json:"workers"`
	WorkersLow  int `json:"workers_low"`
	WorkersHigh int `json:"workers_high"`
	// Measured says that the configuration with Workers was measured, and not only calculated.
	Measured bool `json:"measured"`
	// Machines, with PerMachine workers each, carry the target with headroom. More than one are
	// extrapolated from one, by dividing the load, unless several were measured: see Cores.
	Machines     int `json:"machines"`
	MachinesLow  int `json:"machines_low"`
	MachinesHigh int `json:"machines_high"`
	PerMachine   int `json:"workers_per_machine"`
	// PerMachineMeasured says that a machine with PerMachine workers was measured, and not only
	// calculated.
	PerMachineMeasured bool `json:"workers_per_machine_measured"`
	// Cores is the number of cores of a machine if machines were measured side by side: Workers is then a
	// number of machines, as Machines is.
	Cores float64 `json:"machine_cores,omitempty"`
	// SideBySide says that this number of machines, without the spare one, were measured.
	SideBySide   bool    `json:"side_by_side,omitempty"`
	Headroom     float64 `json:"headroom"` // added to the target, as a share of it
	Spare        int     `json:"spare_machines"`
	Extrapolated bool    `json:"extrapolated"`
	// Range is the largest value that a recommendation may name: twice the largest that was measured.
	Range      int    `json:"answers_up_to"`
	Bottleneck string `json:"bottleneck"` // as that of the report
	Next       string `json:"next_bottleneck"`
	// Limits are the rates that each resource of the recommended machine alone allows, the scarcest first.
	Limits      []model.Limit `json:"limits,omitempty"`
	CostPerHour float64       `json:"cost_per_hour,omitempty"`
	Refused     string        `json:"refused,omitempty"`
}

// beyond is the multiple of what was measured up to which recommendations go.
const beyond = 2

// Need is the least that carries a rate; nil without a model. For a configuration that was measured, the
// measurement counts, and otherwise the model.
func (r *Report) Need(c *results.Capacity, target float64) *Recommendation {
	if r.Model == nil || len(r.Configurations) == 0 {
		return nil
	}
	rec := &Recommendation{Target: target}
	last := r.Configurations[0]
	for _, s := range r.Configurations {
		if s.Value > last.Value {
			last = s
		}
	}
	if !slices.ContainsFunc(r.Configurations, func(s Configuration) bool { return s.Capacity.Low > 0 }) {
		rec.Refused = "no rate meets the SLO, with any number of workers"
		if slices.ContainsFunc(r.Configurations, Configuration.undecided) {
			rec.Refused = "the time ran out before any rate was shown to meet the SLO; allow more with --budget"
		}
		return rec
	}
	values := r.values(c, last.found)
	rec.Range = values[len(values)-1]
	m := r.Model.Correction
	rec.Workers, rec.Carries = r.least(c, values, target, m.Value)
	rec.WorkersLow, _ = r.least(c, values, target, m.High)
	rec.WorkersHigh, _ = r.least(c, values, target, m.Low)
	rec.Measured = r.decided(rec.Workers)
	if r.fleet() {
		r.needMachines(c, rec, values)
		return rec
	}
	best, per := r.machine(c, values)
	rec.PerMachine, rec.PerMachineMeasured = best.Value, r.decided(best.Value)
	limits := r.Model.system(best).Scaled(m.Value).Limits()
	rec.bind(r.Model.queueing, limits)
	if !(per.Low > 0) {
		rec.Refused = "no configuration was found that meets the SLO at any rate"
		return rec
	}
	rec.headroom(c, target/limits[0].Rate*r.servers(best, limits[0].Resource))
	machines := func(rate float64) int { return int(math.Ceil(target*(1+rec.Headroom)/rate-1e-9)) + rec.Spare }
	rec.Machines, rec.MachinesLow, rec.MachinesHigh = machines(per.Value), machines(per.High), machines(per.Low)
	rec.Extrapolated = rec.Machines > 1
	rec.CostPerHour = c.Price * float64(rec.Machines)
	return rec
}

// bind sets what limits the recommended machine.
func (rec *Recommendation) bind(q *model.Model, limits []model.Limit) {
	rec.Limits = slices.Clone(limits)
	for i := range rec.Limits {
		rec.Limits[i].Resource = q.Named(limits[i].Resource)
	}
	rec.Bottleneck = rec.Limits[0].Resource
	if len(limits) > 1 {
		rec.Next = rec.Limits[1].Resource
	}
}

// needOfMeasured is the recommendation without a model: whether a configuration that was measured carries
// the target.
func (r *Report) needOfMeasured() *Recommendation {
	if !(r.Target > 0) {
		return nil
	}
	rec := &Recommendation{Target: r.Target}
	rec.Refused = "no measured configuration certainly carries it, and there is no model for others"
	for _, s := range r.Configurations { // from the smallest
		if s.Capacity.Low >= r.Target {
			rec.Carries, rec.Measured = true, true
			rec.Workers, rec.WorkersLow, rec.WorkersHigh = s.Value, s.Value, s.Value
			rec.Refused = fmt.Sprintf("%s was measured to carry it, but there is no model to say more", s.Topology)
			break
		}
	}
	return rec
}

// decided reports whether the configuration with a value was measured, with a result.
func (r *Report) decided(value int) bool {
	return slices.ContainsFunc(r.Configurations, func(s Configuration) bool { return s.Value == value && s.decided() })
}

// headroom sets what is added to a load that keeps the given number of servers of the bottleneck busy.
func (rec *Recommendation) headroom(c *results.Capacity, busy float64) {
	rec.Headroom, rec.Spare = c.Headroom, 0
	if c.Headroom == results.Automatic {
		// Square-root staffing: a load of R busy servers fluctuates by √R of them (Halfin and
		// Whitt, "Heavy-traffic limits for queues with many exponential servers", 1981).
		rec.Headroom, rec.Spare = 1/math.Sqrt(max(busy, 0.25)), 1
	}
}

// values are the values that a recommendation may name, in order: up to twice the largest if the model
// knows what a value does, and otherwise those that were measured.
func (r *Report) values(c *results.Capacity, last results.Configuration) (values []int) {
	if _, extends := At(last, c.Sweep, last.Value+1); extends {
		for v := 1; v <= beyond*last.Value; v++ {
			values = append(values, v)
		}
		return values
	}
	for _, s := range r.Configurations {
		values = append(values, s.Value)
	}
	slices.Sort(values)
	return values
}

// servers is the number of servers, in the sense of queueing theory, that a resource of one machine has.
func (r *Report) servers(c results.Configuration, resource string) float64 {
	switch resource {
	case model.Cores:
		return float64(r.Model.Cores)
	case model.MachineCPU:
		return float64(c.Queues) * c.MachineCores
	case model.WorkerConcurrency:
		return float64(c.Queues * c.Workers * max(1, c.Threads))
	case model.WorkerCPU:
		return float64(c.Queues * c.Workers)
	}
	return 1
}

// least is the smallest value that carries the target, with the simulation corrected by a factor. It
// tries one after the other: beyond the number of cores, more workers may carry less.
func (r *Report) least(c *results.Capacity, values []int, target, correction float64) (int, bool) {
	for _, v := range values {
		if r.carries(c, v, target, correction) {
			return v, true
		}
	}
	return 0, false
}

func (r *Report) carries(c *results.Capacity, value int, target, correction float64) bool {
	for _, s := range r.Configurations {
		if s.Value == value && s.decided() {
			// Measured: the correction only selects the end of the interval.
			switch m := r.Model.Correction; {
			case correction < m.Value:
				return s.Capacity.Low >= target
			case correction > m.Value:
				return s.Capacity.Low > 0 && (s.Capacity.High == 0 || s.Capacity.High >= target)
			}
			return s.Capacity.Value >= target
		}
	}
	configuration, _ := At(r.Configurations[0].found, c.Sweep, value)
	system := r.Model.system(configuration).Scaled(correction)
	if r.fleet() && value > r.Configurations[len(r.Configurations)-1].Value {
		system.Cores = system.Processes() // further machines bring their own cores
	}
	return r.Model.queueing.Sustains(system, target)
}

// nearlyBest is the share of the best capacity for which fewer workers are preferred.
const nearlyBest = 0.97

// machine is the configuration that each of several machines should have, the smallest that serves
// nearly as much as any, with its capacity.
func (r *Report) machine(c *results.Capacity, values []int) (results.Configuration, stats.Interval) {
	const tried = 12 // at most about this number of a long list
	step := max(1, len(values)/tried)
	var configurations []results.Configuration
	var rates []stats.Interval
	top := 0.0
	for i := len(values) - 1; i >= 0; i-- {
		if (len(values)-1-i)%step != 0 && !r.decided(values[i]) {
			continue
		}
		configuration, _ := At(r.Configurations[0].found, c.Sweep, values[i])
		rate := stats.Interval{}
		for _, s := range r.Configurations {
			if s.Value == values[i] {
				rate = stats.Interval{Value: s.Capacity.Value, Low: s.Capacity.Low, High: max(s.Capacity.Low, s.Capacity.High)}
			}
		}
		if rate.Value == 0 {
			rate = r.Model.Predict(configuration, false).Capacity
		}
		configurations, rates = append(configurations, configuration), append(rates, rate)
		top = max(top, rate.Value)
	}
	for i := len(configurations) - 1; i >= 0; i-- {
		if rates[i].Value >= nearlyBest*top {
			return configurations[i], rates[i]
		}
	}
	return configurations[0], rates[0]
}
