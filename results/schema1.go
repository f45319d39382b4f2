package results

import (
	"cmp"
	"encoding/json"

	"bench/stats"
)

// runSchema1 is the version of run directories that told kinds apart by which of two keys was
// there. They are read, and never written.
const runSchema1 = "bench.run/1"

// manifestOfSchema1 reads a manifest of the first version as one of this version.
func manifestOfSchema1(data []byte) (Manifest, error) {
	var old struct {
		Manifest
		Command  string           `json:"command"`
		Gate     *Gate            `json:"duel"`
		Capacity *capacitySchema1 `json:"capacity"`
	}
	if err := json.Unmarshal(data, &old); err != nil {
		return Manifest{}, err
	}
	m := old.Manifest
	m.Kind = cmp.Or(old.Command, m.Name)
	var spec, findings any
	switch {
	case old.Gate != nil:
		m.Kind, spec, findings = KindGate, old.Gate.GateSpec, old.Gate.GateFindings
	case old.Capacity != nil:
		m.Kind, spec, findings = KindCapacity, old.Capacity.CapacitySpec, old.Capacity.findings()
	default:
		return m, nil
	}
	var err error
	if m.Spec, err = Encode(spec); err == nil {
		m.Findings, err = Encode(findings)
	}
	return m, err
}

// capacitySchema1 is a capacity run as the first version had it: its keys were other words, and
// its intervals two ends, or three numbers.
type capacitySchema1 struct {
	CapacitySpec
	Contention float64 `json:"contention"`
	Sizes      []struct {
		Size
		HeldOut bool `json:"unseen"`
		Goals   []struct {
			Goal      string  `json:"goal"`
			Low       float64 `json:"low"`
			High      float64 `json:"high"`
			Boots     int     `json:"boots"`
			Fitted    bool    `json:"fitted"`
			Undecided bool    `json:"undecided"`
			Unbounded bool    `json:"unbounded"`
		} `json:"goals"`
	} `json:"sizes"`
	Prediction string `json:"prediction_sha256"`
	Predicted  []struct {
		Predicted
		MaxRate [3]float64 `json:"max_rate"`
	} `json:"predicted"`
	Checks []struct {
		Check
		Pace       float64 `json:"pace"`
		RateAtPace float64 `json:"rate_at_pace"`
		MetAtPace  bool    `json:"met_at_pace"`
	} `json:"checks"`
}

func (c *capacitySchema1) findings() CapacityFindings {
	found := CapacityFindings{Contention: c.Contention, Prediction: c.Prediction}
	for _, old := range c.Sizes {
		size := old.Size
		size.Unseen, size.Goals = old.HeldOut, nil
		for _, b := range old.Goals {
			size.Goals = append(size.Goals, Bound{
				b.Goal, SearchedRate(b.Low, b.High, b.Boots, b.Fitted), b.Fitted, b.Undecided, b.Unbounded,
			})
		}
		found.Sizes = append(found.Sizes, size)
	}
	for _, old := range c.Predicted {
		said := old.Predicted
		said.Capacity = stats.Interval{
			Value: old.MaxRate[0], Low: old.MaxRate[1], High: old.MaxRate[2], Confidence: 0.9, Method: "the model",
		}
		found.Predicted = append(found.Predicted, said)
	}
	for _, old := range c.Checks {
		check := old.Check
		check.Pace, check.RateAtPace, check.MetAtPace = old.Pace, old.RateAtPace, old.MetAtPace
		found.Checks = append(found.Checks, check)
	}
	return found
}
