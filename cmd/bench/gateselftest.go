package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"bench/reports/gate"
	"bench/results"

	"github.com/spf13/cobra"
)

// gateSelfTest is what a machine can tell, measured on it.
type gateSelfTest struct {
	Schema  string             `json:"schema"`
	Metrics []string           `json:"metrics"`
	Spread  map[string]float64 `json:"pair_spread"` // standard deviation of a pair's log-ratio
	// Ratios of equal versions, over all pairs: an interval that leaves out 1 says that the
	// arms are not treated alike.
	Ratios []equalRatio `json:"equal_ratios"`
	// Wider is how many times as wide the intervals of equal versions would be, if base were
	// measured first and head after it.
	Wider map[string]float64 `json:"base_then_head_wider"`
	// Pairs that a gate of the budget has time for.
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

// biased reports whether the interval leaves out 1.
func (r equalRatio) biased() bool { return r.Low > 1 || r.High < 1 }

type slowdown struct {
	Slower float64     `json:"slower"`
	Gates  gate.Shares `json:"gates"`
}

type injection struct {
	Name    string        `json:"name"`
	Env     []string      `json:"env"`
	Gates   gate.Shares   `json:"gates"`
	Report  gate.Verdict  `json:"verdict_of_all_pairs"`
	Where   *gate.Where   `json:"where,omitempty"`
	Ratios  []float64     `json:"ratios"` // measured, by metric
	Samples []gate.Sample `json:"samples"`
}

// replays is how many gates are replayed from measured pairs for each figure.
const replays = 2000

// gateSelfTest measures pairs of equal versions, and with the bundled project also pairs with
// slowdowns on purpose, and replays gates from them.
func (s *shell) gateSelfTest(ctx context.Context, c *cobra.Command, first *gateRun) error {
	if first.o.pairs < 8 || first.o.pairs > 10_000 {
		return usagef("--pairs %d: want 8 to 10000", first.o.pairs)
	}
	metrics := gate.MetricsOf(first.gated)
	first.count, first.doing = first.o.pairs, "equal versions"
	if err := first.measured(ctx, c); err != nil {
		return err
	}
	ended := time.Now()
	t := gateSelfTest{
		Schema: "bench.gate-selftest/1", Topology: first.run.Gate.Topology, Scenario: first.run.Gate.Scenario,
		Host: first.run.Manifest.Host, Spread: map[string]float64{}, Wider: gate.BaseThenHead(first.run, metrics), Samples: gate.Samples(first.run, metrics),
	}
	if len(t.Samples) < 8 {
		return codedError{exitInvalid, fmt.Errorf("only %d of %d pairs could be measured: this machine is too busy to gate on", len(t.Samples), first.count)}
	}
	t.PairTaken = ended.Sub(first.firstPair).Seconds() / float64(first.count)
	t.Most = max(gate.FewestPairs, int((first.o.budget-setUpTime).Seconds()/t.PairTaken))
	for _, m := range gate.Judge(first.run, metrics).Metrics {
		t.Metrics = append(t.Metrics, m.Name)
		t.Spread[m.Name] = m.Spread
		t.Ratios = append(t.Ratios, equalRatio{m.Name, m.Ratio, m.Low, m.High})
	}
	report := gate.Judge(first.run, gate.Metrics()) // injections are sized by all of them
	t.replay(metrics, !first.duel.FixedOrder, first.o.seed)
	var err error
	if first.versions[0].name == bundledName {
		for n := range injections(first, report) {
			// Sized by what a request cost last: the machine's pace changes within minutes.
			i := injections(first, report)[n]
			if report, err = s.inject(ctx, c, first, &i, t.Most); err != nil {
				return err
			}
			t.Injected = append(t.Injected, i)
		}
	}
	data, err := json.MarshalIndent(t, "", " ")
	if err != nil {
		return err
	}
	path := filepath.Join(first.out.Path, "selftest.json")
	if err := results.WriteFile(path, append(data, '\n')); err != nil {
		return err
	}
	if first.o.json {
		_, err = s.out.Write(append(data, '\n'))
	} else {
		err = t.print(s)
	}
	fmt.Fprintf(s.errs, "\nbench: the pairs are in %s\n", path)
	return err
}

// measured measures the asked number of pairs and closes the run directory.
func (g *gateRun) measured(ctx context.Context, c *cobra.Command) error {
	err := errors.Join(g.measure(ctx, c), g.cleanup)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	if d := g.run.Gate; d.Failed != "" {
		return codedError{exitBoot, fmt.Errorf("%s: %s", d.FailedArm, d.Failed)}
	}
	if err := g.out.Finish(results.Complete, time.Since(g.started)); err != nil {
		return err
	}
	g.run.Manifest = g.out.Manifest() // as it is judged
	return nil
}

func (t *gateSelfTest) replay(metrics []gate.Metric, coin bool, seed uint64) {
	t.Equal = gate.Replay(t.Samples, metrics, make(gate.Sample, len(metrics)), coin, t.Most, replays, seed)
	for percent := 1; percent <= 20; percent++ {
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

// injections are slowdowns of the bundled project, sized by what was measured of it.
func injections(g *gateRun, equal gate.Report) []injection {
	django, all := 0.0, 0.0
	for _, t := range g.duel.Scenario.Mix.Targets {
		all += float64(t.Weight)
		if !strings.HasPrefix(t.Path, g.versions[0].project.App.Static.URL) {
			django += float64(t.Weight)
		}
	}
	share := django / max(1, all)
	if share == 0 {
		return nil // nothing of it reaches Django
	}
	burn := func(part float64) string {
		return fmt.Sprintf("SHOP_BURN_US=%.0f", part*equal.Metrics[0].Base*1e3/share)
	}
	slow := equal.Metrics[2].Base
	// A slow answer keeps others waiting: about as many again become slow (measured: 20 % more
	// of them on purpose came out as 39 and as 41 %).
	every := max(2, math.Round(share*(1-slow)/(0.1*slow)))
	// Long enough to be slow for sure, and not so long that it is the worker's main work.
	tail := math.Ceil(2 * float64(equal.Duel.SlowMicros) / 1e3)
	return []injection{
		{Name: "+5 % CPU time of a request", Env: []string{burn(0.05)}},
		{Name: "+10 % CPU time of a request", Env: []string{burn(0.10)}},
		{Name: "+20 % slow answers", Env: []string{fmt.Sprintf("SHOP_TAIL_MS=%.0f", tail), fmt.Sprintf("SHOP_TAIL_EVERY=%.0f", every)}},
		{Name: "+10 % CPU time, all in /products", Env: []string{fmt.Sprintf("SHOP_BURN_US=%.0f", 0.10*equal.Metrics[0].Base*1e3*all/2), "SHOP_SLOW_PATH=/products"}},
		{Name: "+1 SQL query", Env: []string{"SHOP_EXTRA_QUERIES=1"}},
	}
}

// inject measures pairs whose head is slowed down, and returns what they say.
func (s *shell) inject(ctx context.Context, c *cobra.Command, first *gateRun, i *injection, most int) (gate.Report, error) {
	g := &gateRun{s: s, o: first.o, versions: first.versions, duel: first.duel, started: time.Now(), count: max(8, first.o.pairs/2), doing: i.Name}
	g.o.headEnv, g.duel.Seed = i.Env, first.duel.Seed+1
	if err := g.measured(ctx, c); err != nil {
		return gate.Report{}, err
	}
	metrics := gate.MetricsOf(first.gated)
	judged := gate.Judge(g.run, metrics)
	report := gate.Judge(g.run, gate.Metrics())
	i.Report, i.Where, i.Samples = judged.Verdict, judged.Where, gate.Samples(g.run, metrics)
	for _, m := range judged.Metrics {
		i.Ratios = append(i.Ratios, m.Ratio)
	}
	if len(i.Samples) == 0 {
		return report, errors.New("no pair could be measured with " + i.Name)
	}
	if judged.Exact() {
		i.Gates = gate.Shares{Gates: replays, Regression: 1} // before the first pair
		return report, nil
	}
	i.Gates = gate.Replay(i.Samples, metrics, make(gate.Sample, len(metrics)), false, most, replays, first.o.seed)
	return report, nil
}

func (t gateSelfTest) print(s *shell) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%d pairs of equal versions of %s on %s, %.1f s each; a gate has time for %d\n\n", len(t.Samples), t.Scenario, t.Topology, t.PairTaken, t.Most)
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "gates replayed from these pairs\tregression\tpass\tinconclusive\tmedian pairs")
	row := func(name string, g gate.Shares) {
		fmt.Fprintf(w, "%s\t%.2f %%\t%.1f %%\t%.1f %%\t%.0f\n", name, g.Regression*100, g.Pass*100, g.Inconclusive*100, g.Pairs)
	}
	row("equal versions (false alarms)", t.Equal)
	for _, d := range t.Slower {
		row(fmt.Sprintf("+%.0f %% %s, by calculation", d.Slower*100, t.Metrics[0]), d.Gates)
	}
	for _, i := range t.Injected {
		row(i.Name+", measured", i.Gates)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(&out, "\nnoise of a pair (standard deviation of the ratio):")
	for _, name := range t.Metrics {
		fmt.Fprintf(&out, "  %s %.1f %%; base first and then head would make the interval %.1f times as wide\n", name, t.Spread[name]*100, t.Wider[name])
	}
	for _, i := range t.Injected {
		place := "no place"
		if i.Where != nil {
			place = i.Where.String()
		}
		fmt.Fprintf(&out, "%s: over all pairs %s; %s\n", i.Name, i.Report, place)
	}
	fmt.Fprintln(&out, "\ncost of one of two equal versions against the other, over all pairs (95 % interval):")
	for _, r := range t.Ratios {
		fmt.Fprintf(&out, "  %s %+.1f %% [%+.1f, %+.1f]", r.Metric, (r.Ratio-1)*100, (r.Low-1)*100, (r.High-1)*100)
		if r.biased() {
			fmt.Fprint(&out, ": not equal, which one of twenty such intervals is by chance")
		}
		fmt.Fprintln(&out)
	}
	fmt.Fprintln(&out)
	least := fmt.Sprintf("no slowdown up to 20 %% of %s is found with 90 %% probability", t.Metrics[0])
	if t.Least > 0 {
		least = fmt.Sprintf("on this machine a slowdown of %.0f %% of %s is found with 90 %% probability", t.Least*100, t.Metrics[0])
	}
	fmt.Fprintln(&out, least)
	_, err := s.out.Write([]byte(out.String()))
	return err
}
