package capacity

import (
	"math"
	"slices"
	"strings"

	"bench/results"

	"gonum.org/v1/gonum/stat"
)

// Prediction is what the model says of a size.
type Prediction struct {
	Topology string   `json:"topology,omitempty"`
	Value    int      `json:"value"`
	MaxRate  Estimate `json:"max_rate"`
	Limits   []Limit  `json:"limits"` // of each resource by itself, the scarcest first
	// Latency at shares of the predicted greatest rate.
	Latency []results.PredictedLatency `json:"latency,omitempty"`
}

// Record is the prediction as a run keeps it.
func (p Prediction) Record() results.Predicted {
	e := p.MaxRate
	return results.Predicted{Topology: p.Topology, Value: p.Value, MaxRate: [3]float64{e.Estimate, e.Low, e.High}, Latency: p.Latency}
}

// Shares of the greatest rate at which the latency is predicted.
var Shares = []float64{0.5, 0.7, 0.85}

// Predict says what a size can do.
func (m *Model) Predict(size results.Size, latency bool) Prediction {
	s := m.System(size).Scaled(m.Correction.Estimate)
	rate := m.greatest(s)
	c := m.Correction
	p := Prediction{Topology: size.Topology, Value: size.Value, MaxRate: Estimate{rate, rate * c.Low / c.Estimate, rate * c.High / c.Estimate}}
	for _, l := range s.Limits() {
		l.Resource = m.named(l.Resource)
		p.Limits = append(p.Limits, l)
	}
	if !latency {
		return p
	}
	for _, share := range Shares {
		out := s.Simulate(share*rate, simulated, m.seed)
		p.Latency = append(p.Latency, results.PredictedLatency{Share: share, Rate: share * rate, P50: out.Quantile(0.5) * 1e3, P99: out.Quantile(0.99) * 1e3})
	}
	return p
}

// AtPace is the pace of the machine's cores in a cell, and what share of a size's greatest rate
// that leaves: all of it where the size mostly waits.
func (m *Model) AtPace(size results.Size, c *results.Cell) (pace, share float64) {
	pace = m.pace(c)
	s := m.System(size).Scaled(m.Correction.Estimate)
	return pace, m.greatest(s.paced(pace)) / m.greatest(s)
}

// lookedAt are the rates at which a limit is looked for, against where it is thought to be.
var lookedAt = []float64{0.96, 0.985, 1.01, 1.035}

// greatest is the greatest rate at which a system keeps the objectives: by bisection, and then
// by a line through the logarithms of the shares of slow requests at rates around it, each
// with random numbers of its own (as in a search; see the crossing in scenarios).
func (m *Model) greatest(s System) float64 {
	rate := m.roughly(s)
	var best float64
	for _, o := range m.objectives {
		if o.Quantile == 0 {
			continue
		}
		var xs, ys []float64
		for i, share := range lookedAt {
			if at := share * rate; at < s.Bound() {
				slow := s.Simulate(at, simulated, m.seed+uint64(i)).Share(o.Limit / 1e6)
				xs, ys = append(xs, math.Log(at)), append(ys, math.Log(slow+0.5/float64(simulated)))
			}
		}
		if len(xs) < 2 {
			continue
		}
		if a, b := stat.LinearRegression(xs, ys, nil, false); b > 0 {
			at := math.Exp((math.Log(1-o.Quantile/100) - a) / b)
			most := rate * 1.07
			if m.limitsOthers() {
				most = rate // another limit may be the one that binds: roughly knows of all
			}
			if at = min(max(at, rate*0.93), most); best == 0 || at < best {
				best = at
			}
		}
	}
	if best == 0 {
		return rate
	}
	return best
}

// limitsOthers reports whether an objective is on something else than a percentile or errors.
func (m *Model) limitsOthers() bool {
	return slices.ContainsFunc(m.objectives, func(o results.Objective) bool { return o.Quantile == 0 && o.Metric != "errors" })
}

// roughly is the greatest rate to within a percent: by bisection of its logarithm, since it may
// be a small part of the bound where a request alone nearly takes as long as it may.
func (m *Model) roughly(s System) float64 {
	const orders = 1e-3 // of the bound, down to which is looked
	low, high := math.Log(orders*s.Bound()), math.Log(s.Bound())
	for range 10 {
		middle := (low + high) / 2
		if m.meets(s.Simulate(math.Exp(middle), roughly, m.seed)) {
			low = middle
		} else {
			high = middle
		}
	}
	return math.Exp((low + high) / 2)
}

// named says which process "the proxy's" is, where there is only one.
func (m *Model) named(resource string) string {
	if resource == "the proxy's process" && len(m.proxies) == 1 {
		return "the process of " + m.proxies[0]
	}
	return strings.ReplaceAll(resource, "the proxy's process", "a proxy's process")
}

// At is the size that a value of the swept parameter makes, derived from one that was measured.
func At(measured results.Size, parameter string, value int) (results.Size, bool) {
	size := results.Size{Value: value, Queues: measured.Queues, Workers: measured.Workers, Threads: measured.Threads, Loops: measured.Loops, Tier: measured.Tier, MachineCores: measured.MachineCores, QuotaPeriod: measured.QuotaPeriod}
	switch parameter {
	case "workers":
		size.Workers = value
	case "backends":
		size.Queues = value
	case "threads":
		size.Threads = value
	default:
		return size, value == measured.Value
	}
	return size, true
}
