// Package tune says which setting of a topology is best for an app under an objective, from a run of a
// race: by how much it is better than the server's own rule of thumb, what it costs in memory, and how
// certain that is.
package tune

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"

	"bench/results"
	"bench/stats"
)

// Schema of the report as JSON.
const Schema = "bench.tune/1"

// Report is the result, with the evidence. It is computed from a run alone.
type Report struct {
	Schema      string               `json:"schema"`
	Topology    string               `json:"topology"`
	Params      []string             `json:"params"`
	SLO         string               `json:"slo"`
	Scenario    string               `json:"scenario"`
	Connections int                  `json:"connections"`
	Best        string               `json:"best,omitempty"` // a setting
	RunnerUp    string               `json:"runner_up,omitempty"`
	Baseline    string               `json:"baseline"`
	Rule        bool                 `json:"baseline_is_rule_of_thumb"`
	Settings    []Setting            `json:"settings"` // the best first
	Rounds      []results.TuneRound  `json:"rounds"`
	Grade       results.Grade        `json:"grade"`
	Partial     bool                 `json:"partial,omitempty"`
	Elapsed     float64              `json:"elapsed_s"`
	Host        results.Host         `json:"host"`
	Seed        uint64               `json:"seed"`
	Diagnostics []results.Diagnostic `json:"diagnostics"`

	manifest results.Manifest
}

// Setting is one setting with what was measured of it.
type Setting struct {
	Name        string `json:"name"`
	Topology    string `json:"topology"`
	Concurrency int    `json:"concurrency"`
	Final       bool   `json:"final"` // it was measured in the last round
	Boots       int    `json:"boots"`
	// Throughput that meets the SLO: of the last round, otherwise of the race. Value 0: none does.
	Throughput stats.Interval `json:"throughput"`
	// ToBaseline and ToBest are ratios of throughputs, paired by block, of the last round.
	ToBaseline  *stats.Interval `json:"to_baseline,omitempty"`
	ToBest      *stats.Interval `json:"to_best,omitempty"`
	Connections int             `json:"connections"` // on which it was reached, in the last block
	PSS         int64           `json:"pss_bytes"`

	final, race map[int]float64 // by block
}

// values are those that the setting is judged by.
func (s Setting) values() map[int]float64 {
	if s.Final {
		return s.final
	}
	return s.race
}

// Build judges a run.
func Build(run *results.Run) (*Report, error) {
	c, err := results.Decode[results.Tune](run.Manifest, results.KindTune)
	if err != nil {
		return nil, err
	}
	m := run.Manifest
	if len(m.Topologies) == 0 || len(m.Scenarios) == 0 {
		return nil, errors.New("building the report: the manifest lacks topologies or scenarios")
	}
	objectives, err := results.ParseObjectives(c.SLO)
	if err != nil {
		return nil, err
	}
	r := &Report{
		Schema: Schema, Topology: c.Topology, Params: c.Params, SLO: c.SLO, Scenario: m.Scenarios[0].Name,
		Connections: c.Connections, Baseline: c.Baseline, Rule: c.Rule, Rounds: c.Rounds, Grade: results.Valid,
		Partial: m.Status == results.Partial, Elapsed: m.Elapsed, Host: m.Host, Seed: m.Seed,
		Diagnostics: results.Weighed(m.Diagnostics), manifest: m,
	}
	cells, _ := results.Latest(run.Cells)
	for _, t := range m.Topologies {
		if s := measured(cells, t, objectives); s.Boots > 0 {
			r.Settings = append(r.Settings, s)
		}
	}
	r.judge()
	return r, nil
}

// measured is what the cells of a run say of one setting.
func measured(cells []*results.Cell, t results.TopologyRecord, objectives []results.Objective) Setting {
	s := Setting{
		Name: t.Name, Topology: t.Ref, Concurrency: t.Concurrency, final: map[int]float64{}, race: map[int]float64{},
	}
	for _, cell := range cells {
		if cell.Topology != t.Name {
			continue
		}
		values := s.race
		if strings.HasPrefix(cell.Load, results.FinalLoad+"-") {
			values, s.Final = s.final, true
		}
		if cell.Misses(objectives) {
			values[cell.Block] += 0 // it counts as a boot; fewer connections may follow
			continue
		}
		values[cell.Block] = cell.Throughput()
		s.Connections, s.PSS = cell.Connections, max(s.PSS, results.PeakPSS(cell.Usage))
	}
	s.Boots = len(s.race) + len(s.final)
	if slices.ContainsFunc(mapValues(s.values()), func(x float64) bool { return x > 0 }) {
		s.Throughput = stats.Estimate(s.values())
	}
	return s
}

func mapValues(m map[int]float64) (all []float64) {
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

// judge ranks the settings of the last round and compares them to the baseline and the best.
func (r *Report) judge() {
	slices.SortStableFunc(r.Settings, func(a, b Setting) int {
		if a.Final != b.Final {
			return cmp.Compare(rank(a.Final), rank(b.Final))
		}
		return cmp.Or(cmp.Compare(b.Throughput.Value, a.Throughput.Value), cmp.Compare(a.Name, b.Name))
	})
	if len(r.Settings) == 0 || !r.Settings[0].Final || r.Settings[0].Throughput.Value == 0 {
		r.Grade = results.Invalid
		return
	}
	best := r.Settings[0]
	r.Best = best.Name
	if len(r.Settings) > 1 && r.Settings[1].Final {
		r.RunnerUp = r.Settings[1].Name
	}
	baseline, known := r.setting(r.Baseline)
	for i := range r.Settings {
		s := &r.Settings[i]
		if !s.Final || s.Throughput.Value == 0 {
			continue
		}
		if known && baseline.Throughput.Value > 0 && s.Name != r.Baseline {
			ratio := stats.Ratio(baseline.final, s.final)
			s.ToBaseline = &ratio
		}
		if s.Name != r.Best {
			ratio := stats.Ratio(best.final, s.final)
			s.ToBest = &ratio
		}
	}
}

func rank(final bool) int {
	if final {
		return 0
	}
	return 1
}

// setting finds a setting by its name.
func (r *Report) setting(name string) (Setting, bool) {
	i := slices.IndexFunc(r.Settings, func(s Setting) bool { return s.Name == name })
	if i < 0 {
		return Setting{}, false
	}
	return r.Settings[i], true
}

// Share is what a setting of the last round serves relative to the best. One half of the blocks chooses the best and
// the other half judges the two: in the blocks that choose it, the best of many is too good. Each block begins a half,
// so that all choose and judge equally often. It is not known of a setting that missed the objectives in a block.
func (r *Report) Share(name string) (share float64, known bool) {
	one, is := r.setting(name)
	blocks := slices.Sorted(maps.Keys(one.final))
	if !is || len(blocks) < 2 || !one.metIn(blocks) {
		return 0, false
	}
	rivals := slices.DeleteFunc(slices.Clone(r.Settings), func(s Setting) bool { return !s.metIn(blocks) })
	sum, n := 0.0, len(blocks)
	for first := range n {
		turned := slices.Concat(blocks[first:], blocks[:first])
		choose, judge := turned[:n/2], turned[n/2:]
		best := slices.MaxFunc(rivals, func(a, b Setting) int { return cmp.Compare(a.meanLog(choose), b.meanLog(choose)) })
		sum += one.meanLog(judge) - best.meanLog(judge)
	}
	return math.Exp(sum / float64(n)), true
}

// metIn reports whether the setting met the objectives in all of these blocks of the last round.
func (s Setting) metIn(blocks []int) bool {
	return !slices.ContainsFunc(blocks, func(block int) bool { return s.final[block] <= 0 })
}

// meanLog is the mean of the logarithms of the throughputs in some blocks of the last round.
func (s Setting) meanLog(blocks []int) (sum float64) {
	for _, block := range blocks {
		sum += math.Log(s.final[block]) / float64(len(blocks))
	}
	return sum
}
