package results

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"bench/stats"
)

// runSchema1 is the first version of run directories. They are read, but never written. All
// knowledge of them is in this file: JSON of that version is rewritten as JSON of this one before
// anything else reads it.
const runSchema1 = "bench.run/1"

// keysOfSchema1 maps the keys of the first version to their present names.
var keysOfSchema1 = map[string]string{
	"answered":      "successful",
	"base_max_rate": "base_max_throughput",
	"causes":        "diagnostics",
	"command":       "kind",
	"pacing":        "timer",
	"remedy":        "hint",
	"slots":         "concurrency",
	"unsent":        "dropped",
	"warnings":      "diagnostics",
}

// asWritten are the keys below which the names are not bench's.
var asWritten = map[string]bool{"config": true, "tools": true}

// tree reads JSON as maps and slices, its numbers as written.
func tree(data []byte) (v map[string]any, err error) {
	in := json.NewDecoder(bytes.NewReader(data))
	in.UseNumber()
	err = in.Decode(&v)
	return v, err
}

// renameKeys replaces the keys of the first version by those of this one.
func renameKeys(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = renameKeys(v[i])
		}
	case map[string]any:
		renamed := make(map[string]any, len(v))
		for key, value := range v {
			if !asWritten[key] {
				value = renameKeys(value)
			}
			renamed[cmp.Or(keysOfSchema1[key], key)] = value
		}
		return renamed
	}
	return v
}

// manifestOfSchema1 reads a manifest of the first version as one of this version.
func manifestOfSchema1(data []byte) (m Manifest, err error) {
	v, err := tree(data)
	if err != nil {
		return m, err
	}
	if data, err = json.Marshal(renameKeys(v)); err != nil {
		return m, err
	}
	var old struct {
		Manifest
		Gate     *Gate            `json:"duel"`
		Capacity *capacitySchema1 `json:"capacity"`
	}
	if err := json.Unmarshal(data, &old); err != nil {
		return m, err
	}
	m = old.Manifest
	m.Kind = cmp.Or(m.Kind, m.Name)
	for i := range m.Topologies {
		m.Topologies[i].Roles = Roles{"python": AppRole, "uwsgi": ServerRole, "nginx": ProxyRole}
	}
	var spec, findings any
	switch {
	case old.Gate != nil:
		for i := range old.Gate.Gated {
			if g := &old.Gate.Gated[i]; g.Metric == "max_rate" {
				g.Metric = "max_throughput"
			}
		}
		m.Kind, spec, findings = KindGate, old.Gate.GateSpec, old.Gate.GateFindings
	case old.Capacity != nil:
		m.Kind, spec, findings = KindCapacity, old.Capacity.CapacitySpec, old.Capacity.findings()
	default:
		return m, nil
	}
	if m.Spec, err = Encode(spec); err == nil {
		m.Findings, err = Encode(findings)
	}
	return m, err
}

// capacitySchema1 is a capacity run of the first version: it had other keys, and its intervals
// were two ends, or three numbers.
type capacitySchema1 struct {
	CapacitySpec
	Contention     float64 `json:"contention"`
	Configurations []struct {
		Configuration
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
		MaxThroughput [3]float64 `json:"max_rate"`
	} `json:"predicted"`
	Checks []struct {
		Check
		Pace        float64 `json:"pace"`
		RateAtSpeed float64 `json:"rate_at_pace"`
		MetAtSpeed  bool    `json:"met_at_pace"`
	} `json:"checks"`
}

func (c *capacitySchema1) findings() CapacityFindings {
	found := CapacityFindings{Contention: c.Contention, Prediction: c.Prediction}
	for _, old := range c.Configurations {
		configuration := old.Configuration
		configuration.HeldOut, configuration.Goals = old.HeldOut, nil
		for _, b := range old.Goals {
			configuration.Goals = append(configuration.Goals, Bound{
				b.Goal, SearchedRate(b.Low, b.High, b.Boots, b.Fitted), b.Fitted, b.Undecided, b.Unbounded,
			})
		}
		found.Configurations = append(found.Configurations, configuration)
	}
	for _, old := range c.Predicted {
		said := old.Predicted
		said.Capacity = stats.Interval{
			Value: old.MaxThroughput[0], Low: old.MaxThroughput[1], High: old.MaxThroughput[2],
			Confidence: 0.9, Method: "the model",
		}
		found.Predicted = append(found.Predicted, said)
	}
	for _, old := range c.Checks {
		check := old.Check
		check.CPUSpeed, check.RateAtSpeed, check.MetAtSpeed = old.Pace, old.RateAtSpeed, old.MetAtSpeed
		found.Checks = append(found.Checks, check)
	}
	return found
}

// cellOfSchema1 rewrites the files of a cell of the first version as those of this version.
func cellOfSchema1(files map[string][]byte) error {
	v, err := tree(files[cellFile])
	if err != nil {
		return fmt.Errorf("%s: %w", cellFile, err)
	}
	v, _ = renameKeys(v).(map[string]any)
	if server, has := v["server"].(map[string]any); has {
		nameCounters(server)
	}
	load, _ := v["load"].(string)
	v["load"] = loadOfSchema1(load)
	if files[cellFile], err = json.Marshal(v); err != nil {
		return fmt.Errorf("%s: %w", cellFile, err)
	}
	header, rows, _ := strings.Cut(string(files[countsFile]), "\n")
	files[countsFile] = []byte(strings.Replace(header, "unsent", "dropped", 1) + "\n" + rows)
	return nil
}

// nameCounters moves the counters of two products, which had a key each, to those by name.
func nameCounters(server map[string]any) {
	counters, perWorker := map[string]any{}, map[string]any{}
	for _, product := range []string{"uwsgi", "nginx"} {
		counted, has := server[product].(map[string]any)
		if !has {
			continue
		}
		delete(server, product)
		if requests, has := counted["requests_per_worker"]; has {
			perWorker[product] = requests
			delete(counted, "requests_per_worker")
		}
		counters[product] = counted
	}
	server["counters"], server["requests_per_worker"] = counters, perWorker
}

// loadOfSchema1 is the present name of a load.
func loadOfSchema1(name string) string {
	if name == "alternate" {
		return Interleaved
	}
	if rest, is := strings.CutPrefix(name, "burst"); is {
		return ClosedRun + rest
	}
	return name
}

// addPacer sets the pacer of an open-loop cell of the first version, which did not record it:
// Poisson arrivals drawn from its seed, and half a mean gap apart where two arms ran at once.
func (c *Cell) addPacer() {
	if c.Mode != OpenLoop || c.Rate == 0 {
		return
	}
	c.Pacer = fmt.Sprintf("poisson %d constant %s/s", c.Seed, strconv.FormatFloat(c.Rate, 'g', -1, 64))
	if c.Load == Interleaved {
		which := "first"
		if c.Position == 2 {
			which = "second"
		}
		c.Pacer = fmt.Sprintf("staggered %v %s %s", time.Duration(float64(time.Second)/c.Rate/2), which, c.Pacer)
	}
}
