package capacity

import (
	"bench/reports/capacity/model"
	"bench/results"
	"bench/stats"
)

// Prediction is what the model says about a configuration.
type Prediction struct {
	Topology string         `json:"topology,omitempty"`
	Value    int            `json:"value"`
	Capacity stats.Interval `json:"capacity"`
	Limits   []model.Limit  `json:"limits"` // of each resource alone, the scarcest first
	// Latency is predicted at shares of the predicted capacity.
	Latency []results.PredictedLatency `json:"latency,omitempty"`
}

// Record is the prediction in the form in which a run stores it.
func (p Prediction) Record() results.Predicted {
	return results.Predicted{Topology: p.Topology, Value: p.Value, Capacity: p.Capacity, Latency: p.Latency}
}

// Predict predicts the capacity of a configuration, and on request its latency.
func (m *Model) Predict(c results.Configuration, latency bool) Prediction {
	predicted := m.queueing.Predict(configuration(c), latency)
	p := Prediction{Topology: c.Topology, Value: c.Value, Capacity: predicted.Capacity, Limits: predicted.Limits}
	for _, l := range predicted.Latency {
		p.Latency = append(p.Latency, results.PredictedLatency{
			Share: l.Share, Rate: l.Rate, P50: l.P50 * 1e3, P99: l.P99 * 1e3,
		})
	}
	return p
}

// AtCPUSpeed is the speed of the machine's cores in a cell, and the share of a configuration's capacity
// that remains at that speed: all of it if requests mostly wait.
func (m *Model) AtCPUSpeed(c results.Configuration, cell *results.Cell) (speed, share float64) {
	speed = m.cpuSpeed(cell)
	return speed, m.queueing.AtCPUSpeed(configuration(c), speed)
}

// At is the configuration at a value of the swept parameter, derived from one that was measured; false
// if the model does not know what the parameter does.
func At(measured results.Configuration, parameter string, value int) (results.Configuration, bool) {
	c := results.Configuration{
		Value: value, Queues: measured.Queues, Workers: measured.Workers, Threads: measured.Threads, Loops: measured.Loops,
		Tier: measured.Tier, MachineCores: measured.MachineCores, QuotaPeriod: measured.QuotaPeriod,
	}
	switch parameter {
	case "workers":
		c.Workers = value
	case "backends":
		c.Queues = value
	case "threads":
		c.Threads = value
	default:
		return c, value == measured.Value
	}
	return c, true
}
