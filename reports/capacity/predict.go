package capacity

import (
	"bench/reports/capacity/model"
	"bench/results"
	"bench/stats"
)

// Prediction is what the model says of a configuration.
type Prediction struct {
	Topology string         `json:"topology,omitempty"`
	Value    int            `json:"value"`
	Capacity stats.Interval `json:"capacity"`
	Limits   []model.Limit  `json:"limits"` // of each resource by itself, the scarcest first
	// Latency at shares of the predicted capacity.
	Latency []results.PredictedLatency `json:"latency,omitempty"`
}

// Record is the prediction as a run keeps it.
func (p Prediction) Record() results.Predicted {
	return results.Predicted{Topology: p.Topology, Value: p.Value, Capacity: p.Capacity, Latency: p.Latency}
}

// Predict says what a configuration can do.
func (m *Model) Predict(size results.Configuration, latency bool) Prediction {
	said := m.queueing.Predict(configuration(size), latency)
	p := Prediction{Topology: size.Topology, Value: size.Value, Capacity: said.Capacity, Limits: said.Limits}
	for _, l := range said.Latency {
		p.Latency = append(p.Latency, results.PredictedLatency{
			Share: l.Share, Rate: l.Rate, P50: l.P50 * 1e3, P99: l.P99 * 1e3,
		})
	}
	return p
}

// AtCPUSpeed is the speed of the machine's cores in a cell, and what share of a configuration's
// capacity that leaves: all of it where requests mostly wait.
func (m *Model) AtCPUSpeed(size results.Configuration, c *results.Cell) (speed, share float64) {
	speed = m.cpuSpeed(c)
	return speed, m.queueing.AtCPUSpeed(configuration(size), speed)
}

// At is the configuration that a value of the swept parameter makes, derived from one that was measured.
func At(measured results.Configuration, parameter string, value int) (results.Configuration, bool) {
	size := results.Configuration{
		Value: value, Queues: measured.Queues, Workers: measured.Workers, Threads: measured.Threads, Loops: measured.Loops,
		Tier: measured.Tier, MachineCores: measured.MachineCores, QuotaPeriod: measured.QuotaPeriod,
	}
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
