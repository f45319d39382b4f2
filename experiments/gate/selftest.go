package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"bench/experiments"
	"bench/internal/secret"
	"bench/reports/gate"
	"bench/results"
)

// Ability is what a gate can detect on a machine, as measured there.
type Ability struct {
	Path    string             `json:"-"` // of the file in the run directory that holds it
	Schema  string             `json:"schema"`
	Metrics []string           `json:"metrics"`
	Spread  map[string]float64 `json:"pair_spread"` // standard deviation of a pair's log-ratio
	// Ratios of equal versions, over all pairs: an interval that excludes 1 suggests that the arms
	// are not treated alike.
	Ratios []equalRatio `json:"equal_ratios"`
	// Wider is how many times as wide the intervals of equal versions would be if base were measured
	// first and head after it.
	Wider map[string]float64 `json:"base_then_head_wider"`
	// Most is the number of pairs that the budget of a gate allows.
	Most      int           `json:"pairs_in_budget"`
	Equal     gate.Shares   `json:"equal_versions"`
	Slower    []slowdown    `json:"slower_by_calculation"` // measured pairs of equal versions, with a slowdown added
	Least     float64       `json:"least_found"`           // slowdown of the first metric found with 90 % probability
	Injected  []injection   `json:"injected"`
	Samples   []gate.Sample `json:"samples"`
	Topology  string        `json:"topology"`
	Scenario  string        `json:"scenario"`
	Host      results.Host  `json:"host"`
	PairTaken float64       `json:"pair_s"`
}

type equalRatio struct {
	Metric string  `json:"metric"`
	Ratio  float64 `json:"ratio"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// biased reports whether the interval excludes 1.
func (r equalRatio) biased() bool { return r.Low > 1 || r.High < 1 }

type slowdown struct {
	Slower float64     `json:"slower"`
	Gates  gate.Shares `json:"gates"`
}

type injection struct {
	Name        string            `json:"name"`
	Env         []string          `json:"env"`
	Gates       gate.Shares       `json:"gates"`
	Report      gate.Verdict      `json:"verdict_of_all_pairs"`
	Attribution *gate.Attribution `json:"where,omitempty"`
	Ratios      []float64         `json:"ratios"` // measured, by metric
	Samples     []gate.Sample     `json:"samples"`
}

// mostSlower is the largest slowdown, in percent, that is calculated.
const mostSlower = 20

// replays is the number of gates replayed from measured pairs for each figure.
const replays = 2000

// The fewest and most pairs of a self-test.
const (
	fewestSelfTest = 8
	mostSelfTest   = 10_000
)

// selfTestFile is the record of a self-test in its run directory.
const selfTestFile = "selftest.json"

// SelfTest measures pairs of equal versions, and with the bundled project also pairs with injected
// slowdowns, and replays gates from them.
func SelfTest(ctx context.Context, env experiments.Env, spec Spec, pairs int) (t Ability, err error) {
	if pairs < fewestSelfTest || pairs > mostSelfTest {
		return t, experiments.Misusef("--pairs %d: want %d to %d", pairs, fewestSelfTest, mostSelfTest)
	}
	trees, err := env.NewScratch(treesPrefix)
	if err != nil {
		return t, err
	}
	defer trees.Close()
	equal, err := newSeries(ctx, env, spec, trees.Dir, true)
	if err != nil {
		return t, err
	}
	equal.count, equal.doing = pairs, "equal versions"
	if err := equal.measure(ctx); err != nil {
		return t, err
	}
	if t, err = equal.ability(time.Now()); err != nil {
		return t, err
	}
	if equal.versions[0].name == experiments.Bundled {
		if t.Injected, err = equal.injections(ctx, t.Most); err != nil {
			return t, err
		}
	}
	data, err := json.MarshalIndent(t, "", " ")
	if err != nil {
		return t, err
	}
	t.Path = filepath.Join(equal.run.Out.Path, selfTestFile)
	return t, results.WriteInto(equal.run.Out.Path, selfTestFile, append(secret.JSON(data), '\n'))
}

// measure measures the requested pairs, whatever they show.
func (s *series) measure(ctx context.Context) error {
	if _, err := s.conduct(ctx); err != nil {
		return err
	}
	if f := s.measured.Gate; f.Failed != "" {
		return &experiments.Error{Verdict: experiments.NotBooted, Err: fmt.Errorf("%s: %s", f.FailedArm, f.Failed)}
	}
	s.measured.Manifest = s.run.Out.Manifest() // as it is judged
	return nil
}

// ability is what pairs of equal versions show, the last of which ended at the given time.
func (s *series) ability(ended time.Time) (Ability, error) {
	metrics := gate.MetricsOf(s.gated)
	t := Ability{
		Schema: "bench.gate-selftest/1", Topology: s.measured.Gate.Topology, Scenario: s.measured.Gate.Scenario,
		Host: s.measured.Manifest.Host, Spread: map[string]float64{},
		Wider: gate.BaseThenHead(s.measured, metrics), Samples: gate.Samples(s.measured, metrics),
	}
	if len(t.Samples) < fewestSelfTest {
		return t, experiments.Invalidf(
			"only %d of %d pairs could be measured: this machine is too busy for a gate", len(t.Samples), s.count)
	}
	t.PairTaken = ended.Sub(s.firstPair).Seconds() / float64(s.count)
	t.Most = max(gate.FewestPairs, int((s.spec.Budget-setUpTime).Seconds()/t.PairTaken))
	for _, m := range gate.Judge(s.measured, metrics).Metrics {
		t.Metrics = append(t.Metrics, m.Name)
		t.Spread[m.Name] = m.Spread
		t.Ratios = append(t.Ratios, equalRatio{m.Name, m.Ratio.Value, m.Ratio.Low, m.Ratio.High})
	}
	t.replay(metrics, !s.paired.FixedOrder, s.spec.Seed)
	return t, nil
}

func (t *Ability) replay(metrics []gate.Metric, coin bool, seed uint64) {
	t.Equal = gate.Replay(t.Samples, metrics, make(gate.Sample, len(metrics)), coin, t.Most, replays, seed)
	for percent := 1; percent <= mostSlower; percent++ {
		slower := float64(percent) / 100
		only := make(gate.Sample, len(metrics))
		only[0] = gate.Ratio{Log: math.Log1p(slower), Raw: math.Log1p(slower)} // of the first metric alone: the hardest case
		shares := gate.Replay(t.Samples, metrics, only, true, t.Most, replays, seed)
		if t.Least == 0 && shares.Regression >= 0.9 {
			t.Least = slower
		}
		if percent == 2 || percent == 5 || percent == 10 || percent == 20 {
			t.Slower = append(t.Slower, slowdown{slower, shares})
		}
	}
}

// injections measures pairs with one slowdown after another.
func (s *series) injections(ctx context.Context, most int) (all []injection, err error) {
	report := gate.Judge(s.measured, gate.Metrics()) // slowdowns are sized by all metrics
	for n := range s.slowdowns(report) {
		// Sized by the latest cost of a request: the CPU speed changes within minutes.
		i := s.slowdowns(report)[n]
		if report, err = s.inject(ctx, &i, most); err != nil {
			return all, err
		}
		all = append(all, i)
	}
	return all, nil
}

// inject measures pairs whose head is slowed down, and returns their report.
func (s *series) inject(ctx context.Context, i *injection, most int) (gate.Report, error) {
	slowed := &series{
		env: s.env, spec: s.spec, gated: s.gated, versions: s.versions, objectives: s.objectives, paired: s.paired,
		started: time.Now(), count: max(fewestSelfTest, s.count/2), doing: i.Name,
	}
	slowed.spec.HeadEnv, slowed.paired.Seed = i.Env, s.paired.Seed+1
	if err := slowed.measure(ctx); err != nil {
		return gate.Report{}, err
	}
	metrics := gate.MetricsOf(s.gated)
	judged, report := gate.Judge(slowed.measured, metrics), gate.Judge(slowed.measured, gate.Metrics())
	i.Report, i.Attribution, i.Samples = judged.Verdict, judged.Attribution, gate.Samples(slowed.measured, metrics)
	for _, m := range judged.Metrics {
		i.Ratios = append(i.Ratios, m.Ratio.Value)
	}
	if len(i.Samples) == 0 {
		return report, errors.New("no pair could be measured with " + i.Name)
	}
	if judged.Exact() {
		i.Gates = gate.Shares{Gates: replays, Regression: 1} // before the first pair
		return report, nil
	}
	i.Gates = gate.Replay(i.Samples, metrics, make(gate.Sample, len(metrics)), false, most, replays, s.spec.Seed)
	return report, nil
}
