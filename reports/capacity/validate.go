package capacity

import (
	"fmt"

	"bench/results"
)

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

// tried is how the recommendations of a number of rates fared.
type tried struct{ exact, within, targets int }

// recommended counts the recommendations that were tried, those that were exact, and those that
// were right to within one, by what met is. The first that was tried for a rate is the one
// recommended.
func (r *Report) recommended(met func(results.Check) bool) (t tried) {
	for i, first := range r.Checks {
		if i > 0 && r.Checks[i-1].Rate == first.Rate {
			continue
		}
		meets := map[int]bool{}
		known := map[int]bool{0: true} // no workers meet nothing
		for _, c := range r.Checks {
			if c.Rate == first.Rate {
				meets[c.Value], known[c.Value] = met(c), true
			}
		}
		least := func(v int) bool { return meets[v] && known[v-1] && !meets[v-1] }
		if v := first.Value; known[v-1] {
			t.targets++
			if least(v) {
				t.exact++
			}
			if least(v) || least(v-1) || least(v+1) {
				t.within++
			}
		}
	}
	return t
}

// asOffered and atPace are the two ways in which a recommendation is tried.
func asOffered(c results.Check) bool { return c.Met }
func atPace(c results.Check) bool    { return c.MetAtPace }

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
		p99 := float64(results.Total(cell.Counted(), results.Response).ValueAtPercentile(99)) / 1e3
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
