package capacity

import (
	"fmt"
	"slices"
	"strings"

	"bench/reports/capacity/model"
	"bench/results"
	"bench/stats"
)

// Validated is one figure that was predicted before it was measured.
type Validated struct {
	Topology  string         `json:"topology"`
	Value     int            `json:"value"`
	Figure    string         `json:"figure"` // capacity, or p99 at a share of it
	Rate      float64        `json:"rate,omitempty"`
	Predicted stats.Interval `json:"predicted"`
	Measured  stats.Interval `json:"measured"`
	// AtCPUSpeed is the prediction at the CPU speed that the machine turned out to have, judged by the CPU
	// time per request; 0 if Measured is at the run's median speed already.
	AtCPUSpeed      float64 `json:"predicted_at_cpu_speed,omitempty"`
	ErrorAtCPUSpeed float64 `json:"error_at_cpu_speed,omitempty"`
	// Searched is the result of the search alone, without the model.
	Searched *stats.Interval `json:"searched,omitempty"`
	Error    float64         `json:"error"`             // predicted over measured, minus 1
	Covered  *bool           `json:"covered,omitempty"` // the measured value lies within the predicted interval
}

// figureCapacity is the Figure of a capacity.
const figureCapacity = "capacity"

// tried is how the recommendations for a number of rates turned out.
type tried struct{ exact, within, targets int }

func (t tried) String() string {
	return fmt.Sprintf("%d of %d were exact, and %d were right to within one", t.exact, t.targets, t.within)
}

// recommended counts the recommendations that were tried, those that were exact, and those that were right
// to within one, as far as met knows. Of the configurations tried at a rate, the recommended one is the
// smallest that was expected to meet the SLO.
func (r *Report) recommended(met func(results.Check) (met, known bool)) (t tried) {
	for i, first := range r.Checks {
		if slices.ContainsFunc(r.Checks[:i], func(c results.Check) bool { return c.Rate == first.Rate }) {
			continue
		}
		meets := map[int]bool{}
		known := map[int]bool{0: true} // without workers, nothing is met
		v := 0
		for _, c := range r.Checks {
			if c.Rate != first.Rate {
				continue
			}
			if yes, measured := met(c); measured {
				meets[c.Value], known[c.Value] = yes, true
			}
			if c.Expected && (v == 0 || c.Value < v) {
				v = c.Value
			}
		}
		if v == 0 || !known[v] || !known[v-1] {
			continue
		}
		least := func(v int) bool { return meets[v] && known[v-1] && !meets[v-1] }
		t.targets++
		if least(v) {
			t.exact++
		}
		if least(v) || least(v-1) || least(v+1) {
			t.within++
		}
	}
	return t
}

// asOffered and atCPUSpeed are the two ways in which a recommendation is tried.
func asOffered(c results.Check) (met, known bool)  { return c.Met, true }
func atCPUSpeed(c results.Check) (met, known bool) { return c.MetAtSpeed, c.RateAtSpeed > 0 }

// validate compares what was predicted of a held-out configuration to what was measured.
func validate(run *results.Run, c *results.Capacity, m *Model, s Configuration) (all []Validated) {
	predicted := s.Model.Record()
	for _, p := range c.Predicted {
		if p.Topology == s.Topology {
			predicted = p // as written down before the measurement
		}
	}
	if s.Capacity.Low > 0 && s.Capacity.High > 0 {
		p := predicted.Capacity
		covered := p.Contains(s.Capacity.Value)
		all = append(all, Validated{
			Topology: s.Topology, Value: s.Value, Figure: figureCapacity, Predicted: p, Measured: s.Capacity,
			Searched: &s.Searched, Error: p.Value/s.Capacity.Value - 1, Covered: &covered,
		})
	}
	for i, l := range predicted.Latency {
		cell := measuredShare(run, s.Topology, i)
		if cell == nil {
			continue
		}
		p99 := float64(results.Percentile(results.Total(cell.Counted(), results.Response), 99)) / 1e3
		if p99 == 0 {
			continue // there was no successful response after the lead-in
		}
		then := m.tail(s.found, cell)
		all = append(all, Validated{
			Topology: s.Topology, Value: s.Value, Figure: fmt.Sprintf("p99 at %.0f %%", l.Share*100), Rate: cell.Rate,
			Predicted: stats.Interval{Value: l.P99}, Measured: stats.Interval{Value: p99}, Error: l.P99/p99 - 1,
			AtCPUSpeed: then, ErrorAtCPUSpeed: then/p99 - 1,
		})
	}
	return all
}

// tail is the p99 of a cell in milliseconds, as the model predicts it at the CPU speed that the machine
// turned out to have.
func (m *Model) tail(found results.Configuration, c *results.Cell) float64 {
	system := m.system(found).Scaled(m.Correction.Value).AtCPUSpeed(m.cpuSpeed(c))
	return system.Simulate(c.Rate, m.queueing.Precision.Requests, m.queueing.Seed).Quantile(0.99) * 1e3
}

// measuredShare is the cell at a share of the predicted capacity: the valid one if it took more than one
// attempt, or nil if there is none.
func measuredShare(run *results.Run, topology string, number int) *results.Cell {
	name := fmt.Sprintf("%s-%d", results.AtShares, number+1)
	for _, c := range run.Cells {
		share := c.Load == name || strings.HasPrefix(c.Load, name+"-")
		if share && c.Topology == topology && c.Grade != results.Invalid && c.Counts.OK > 0 {
			return c
		}
	}
	return nil
}

// unmeasured is the number of predicted figures that were not measured.
func (r *Report) unmeasured() int {
	n := 0
	for _, s := range r.Configurations {
		if s.HeldOut {
			n += 1 + len(model.Shares)
		}
	}
	return n - len(r.Validation)
}
