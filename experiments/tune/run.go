package tune

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"bench/experiments"
	"bench/reports/tune"
	"bench/results"
	"bench/scenarios"
	"bench/stats"
)

const (
	bootTimeout = time.Minute
	warmup      = time.Second
	// Before a setting's first look, a part of that is enough: what it decides is a quarter of the settings.
	raceWarmup = 400 * time.Millisecond
)

// Run carries out a tuning run.
func Run(ctx context.Context, env experiments.Env, spec Spec) (experiments.Result, error) {
	started := time.Now()
	plan, err := spec.Plan()
	if err != nil {
		return experiments.Result{}, err
	}
	stack, err := env.Open(ctx, plan.Project, plan.Topologies(), bootTimeout)
	if err != nil {
		return experiments.Result{}, err
	}
	defer stack.Close()
	m := env.Manifest(ctx, stack)
	m.Kind, m.Profile, m.Seed, m.Plan = results.KindTune, spec.Profile, spec.Seed, plan.Lines()
	m.Baseline = plan.arms[plan.baseline].Name
	m.Scenarios = []results.ScenarioRecord{plan.scenario.Record()}
	for _, o := range plan.objectives {
		m.Objectives = append(m.Objectives, o.String())
	}
	if m.Topologies, err = stack.Arms(plan.arms); err != nil {
		return experiments.Result{}, err
	}
	connections := spec.Connections
	if connections == 0 {
		connections = enough(m.Topologies)
	}
	record := results.TuneSpec{
		SLO: spec.SLO, Topology: plan.base.String(), Params: spec.Params, Baseline: m.Baseline, Rule: plan.rule,
		Connections: connections, Finals: spec.Finals, Exhaustive: spec.Exhaustive,
	}
	return experiments.Conduct(ctx, env, experiments.Task{
		Manifest: m, Spec: record, Request: spec, Findings: results.TuneFindings{},
		Started: started, Estimate: plan.Estimate(),
		Measure: func(ctx context.Context, run *experiments.Run) error {
			t := &tuning{
				plan: plan, run: run, runner: run.Runner(stack), connections: map[int]int{}, most: connections,
				given: spec.Connections > 0,
			}
			for _, arm := range m.Topologies {
				t.concurrency = append(t.concurrency, arm.Concurrency)
			}
			err := t.measure(ctx)
			run.Beside(stack.Close())
			return err
		},
	})
}

// enough connections keep every setting busy: twice what the largest works on at once.
func enough(arms []results.TopologyRecord) int {
	const least, most, unlimited = 16, 128, 64
	n := least
	for _, arm := range arms {
		if arm.Concurrency > 0 {
			n = max(n, 2*arm.Concurrency)
		} else {
			n = max(n, unlimited)
		}
	}
	return min(n, most)
}

// tuning is a tuning run under way.
type tuning struct {
	plan        Plan
	run         *experiments.Run
	runner      *scenarios.Runner
	found       results.TuneFindings
	connections map[int]int // on which a setting met the objectives last
	most        int
	given       bool          // whether most is a request
	concurrency []int         // by arm; 0: unlimited
	shortest    time.Duration // service time of a request so far; 0: unknown
	blocks      int           // so far
}

func (t *tuning) measure(ctx context.Context) error {
	if err := t.runner.Expected(ctx, t.plan.arms[t.plan.baseline], t.plan.scenario); err != nil {
		return err
	}
	r := newRace(t.plan.settings, t.plan.finalists())
	for round := 1; !r.over(); round++ {
		arms := slices.Clone(r.alive)
		began := time.Now()
		throughputs, err := t.block(ctx, results.RaceLoad, arms, t.plan.slice(round))
		if err != nil {
			return err
		}
		r.add(throughputs)
		if err := t.record(1, arms, r.alive, began); err != nil {
			return err
		}
	}
	last := slices.Clone(r.alive)
	if !slices.Contains(last, t.plan.baseline) {
		last = append(last, t.plan.baseline)
	}
	return t.final(ctx, last)
}

// final measures the finalists and the baseline in several blocks.
func (t *tuning) final(ctx context.Context, arms []int) error {
	began := time.Now()
	for range t.plan.spec.Finals {
		if _, err := t.block(ctx, results.FinalLoad, arms, finalSlice*t.plan.spec.Slice); err != nil {
			return err
		}
	}
	return t.record(t.plan.spec.Finals, arms, nil, began)
}

// block measures each of the arms once, in random order and with the same requests.
func (t *tuning) block(ctx context.Context, name string, arms []int, slice time.Duration) (map[int]float64, error) {
	t.blocks++
	random := rand.New(rand.NewPCG(t.plan.spec.Seed, uint64(t.blocks)))
	throughputs := map[int]float64{}
	for position, arm := range t.order(random.Perm(len(arms)), arms, name) {
		if name == results.RaceLoad && t.hopeless(arm, throughputs) {
			continue
		}
		pulled, err := t.runner.Pull(ctx, scenarios.Pull{
			Arm: t.plan.arms[arm], Scenario: t.plan.scenario, Objectives: t.plan.objectives, Name: name,
			Connections: t.start(arm), Duration: slice, Warmup: t.warmup(name), Block: t.blocks, Position: position + 1,
			Seed: rand.NewPCG(t.plan.spec.Seed, uint64(t.blocks)).Uint64(),
		})
		if err != nil {
			return nil, err
		}
		if pulled.Failed != "" {
			t.run.Say(t.plan.arms[arm].Name + ": " + pulled.Failed)
		}
		throughputs[arm] = pulled.Throughput
		if s := pulled.Service; s > 0 && (t.shortest == 0 || s < t.shortest) {
			t.shortest = s
		}
		t.run.Emit(scenarios.Estimated{
			Arm: t.plan.arms[arm].Name, Measure: "throughput, last round", Unit: "req/s", Value: once(pulled.Throughput),
		})
		if pulled.Connections > 0 {
			t.connections[arm] = pulled.Connections
		}
	}
	return throughputs, nil
}

func (t *tuning) warmup(load string) time.Duration {
	if load == results.RaceLoad {
		return raceWarmup
	}
	return warmup
}

// order is in which order the arms of a block are measured: at random, but in the first look those that work on
// most requests at once come first, since what they serve may show that others need not be looked at.
func (t *tuning) order(random []int, arms []int, load string) (ordered []int) {
	for _, at := range random {
		ordered = append(ordered, arms[at])
	}
	if load == results.RaceLoad && t.blocks == 1 {
		slices.SortStableFunc(ordered, func(a, b int) int { return cmp.Compare(t.atOnce(b), t.atOnce(a)) })
	}
	return ordered
}

// atOnce is the concurrency of an arm, without limit a great number.
func (t *tuning) atOnce(arm int) int {
	if c := t.concurrency[arm]; c > 0 {
		return c
	}
	return math.MaxInt
}

// spare is how far the bound of a setting has to be below what others serve, for it to be left out.
const spare = 1.25

// hopeless reports whether a setting cannot get among the finalists: by Little's law it serves at most its
// concurrency in the shortest service time that was seen, and enough others already served more.
func (t *tuning) hopeless(arm int, throughputs map[int]float64) bool {
	most := t.concurrency[arm]
	if most <= 0 || t.shortest == 0 || len(throughputs) < t.plan.finalists() {
		return false
	}
	served := slices.Sorted(maps.Values(throughputs))
	bound := float64(most) / t.shortest.Seconds()
	if bound*spare >= served[len(served)-t.plan.finalists()] {
		return false
	}
	t.run.Say(fmt.Sprintf("%s: not measured: %d at once cannot serve more than %.0f/s",
		t.plan.arms[arm].Name, most, bound))
	return true
}

// once is what was measured once.
func once(v float64) stats.Interval { return stats.Interval{Value: v, Low: v, High: v, N: 1} }

// start is the number of connections that a setting is tried on: one step above the last success, since
// that may have been halved by a disturbance.
func (t *tuning) start(arm int) int {
	if last := t.connections[arm]; last > 0 {
		return min(t.most, 2*last)
	}
	if c := t.concurrency[arm]; c > 0 && !t.given { // more would only wait
		return min(t.most, spread*c)
	}
	return t.most
}

// spread is how many connections a setting gets for each request that it works on at once. A kept connection stays
// with the worker that took it, and a worker may get none: of W workers that share n, (1 − 1/W)ⁿ of them on average.
// That is 6 % of two workers and 10 % of four where there are twice as many connections, and 0.4 and 1 % where there
// are four times as many.
const spread = 4

// record stores how a round ended.
func (t *tuning) record(blocks int, arms, kept []int, began time.Time) error {
	names := func(list []int) (all []string) {
		for _, i := range list {
			all = append(all, t.plan.arms[i].Name)
		}
		return all
	}
	t.found.Rounds = append(t.found.Rounds, results.TuneRound{
		Blocks: blocks, Arms: names(arms), Kept: names(kept), Elapsed: time.Since(began).Seconds(),
	})
	return t.run.Out.SetFindings(t.found)
}

// Schema of the report that a run ends in.
const Schema = tune.Schema
