package scenarios

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/servers"
	"bench/targets"

	"gonum.org/v1/gonum/stat"
)

// Capacity searches the maximum throughput at which a topology meets its objectives, one
// configuration at a time.
type Capacity struct {
	Scenario   Scenario
	Objectives []results.Objective
	Width      float64       // target width of the interval, relative
	Budget     time.Duration // of one configuration's trials
	Longest    time.Duration // the same, where service times vary much
	Boots      int           // number in which a lower bound has to hold
	Most       float64       // rate beyond which the generator cannot be trusted; 0: each load says whether it could be
	Warmup     time.Duration // at most
	Seed       uint64
}

// Configuration is one topology of a capacity run.
type Configuration struct {
	Arm     Arm
	Value   int // of the swept parameter
	HeldOut bool
}

// leastRate is the rate below which no capacity is of use.
const leastRate = 1

// How the service times and the neighbourhood of the limit are found.
const (
	singleTime    = 2 * time.Second
	singleLonger  = 10 * time.Second        // more, where service times vary much
	targetTime    = 1200 * time.Millisecond // of each target of a mix
	saturatedTime = 2500 * time.Millisecond
	guessBelow    = 0.93 // of the closed loop's rate
	beyondClosed  = 4    // times that rate is not worth a trial
	// enough is the width of an interval beyond which a search takes longer where service times vary.
	enough = 0.24
)

// Many servers are slow for seconds after a boot, until caches are filled and pools have grown, and no trend need
// show it. The first boot is under load for settling before anything counts, and later ones until they are as fast,
// nearly, or for as long.
const (
	settling      = 10 * time.Second
	settlingSlice = time.Second
	asFast        = 0.9
)

// ErrUnfit means that the machine was too disturbed for a trial.
var ErrUnfit = errors.New("this machine cannot be measured on")

// Capacity searches one configuration. Every trial is sealed into Out as a cell.
func (r *Runner) Capacity(
	ctx context.Context, c Capacity, config Configuration,
) (found results.Configuration, err error) {
	run := &searchRun{Runner: r, Capacity: c, config: config, started: time.Now()}
	defer func() { err = errors.Join(err, run.close()) }()
	found = results.Configuration{Topology: config.Arm.Name, Value: config.Value, HeldOut: config.HeldOut}
	known, err := run.demands(ctx, &found)
	if err != nil {
		return found, err
	}
	search, err := NewSearch(SearchOptions{
		Goals: len(c.goals()), Guess: guessBelow * known.rate, Least: leastRate,
		Most:  cmp.Or(c.Most, max(10*leastRate, beyondClosed*known.rate)),
		Bound: known.rate, Doubt: known.doubt, Variability: found.Variability, Width: c.Width, Enough: max(enough, c.Width),
		Boots: c.Boots, Targets: DefaultTargets(), Budget: c.Budget, Longest: c.Longest,
	})
	if err != nil {
		return found, err
	}
	told := false
	for trial, more := search.Next(); more && !c.hopeless(found.FloorP50); trial, more = search.Next() {
		r.say(fmt.Sprintf("%s: trial %d, %.4g/s for %v, boot %d", config.Arm.Name, trial.Number, trial.Rate, trial.Duration,
			trial.Boot))
		outcome, err := run.trial(ctx, trial)
		var died *diedError
		if errors.As(err, &died) {
			found.Died, found.DiedAt = died.why, trial.Rate
			outcome = failed(trial, c.goals()) // its capacity is below that rate
		} else if err != nil {
			// What was found so far is kept.
			return run.found(found, search), err
		}
		search.Add(outcome)
		r.emit(Estimated{
			Arm: config.Arm.Name, Measure: "capacity", Unit: "req/s", Value: search.Range(0).Interval,
		})
		if needs := search.Needs(); !told && needs > 0 {
			told = true
			r.say(fmt.Sprintf("%s: service times vary so much (%.1f times their mean) that it needs about %v",
				config.Arm.Name, found.Variability, needs.Round(time.Second)))
		}
	}
	return run.found(found, search), nil
}

// found adds what a search has found to a configuration.
func (s *searchRun) found(config results.Configuration, search *Search) results.Configuration {
	for i, goal := range s.goals() {
		known := Range{Interval: results.SearchedRate(0, leastRate, s.boots, false)}
		if !hopeless(goal, config.FloorP50) {
			if len(search.Trials()) == 0 {
				break
			}
			known = search.Range(i)
		}
		config.Goals = append(config.Goals, results.Bound{
			Goal: goalName(goal), Interval: known.Interval, Fitted: known.Fitted,
			Undecided: known.Undecided, Unbounded: known.Unbounded,
		})
		config.Generator = config.Generator || i == 0 && known.High == 0 && known.Low > 0 && !known.Unbounded
	}
	config.Needs = search.Needs().Seconds()
	config.Boots, config.Elapsed = s.boots, time.Since(s.started).Seconds()
	return config
}

// hopeless reports whether half of the requests miss the goal even without load: then no rate meets
// it.
func hopeless(goal []results.Objective, floor int64) bool {
	return slices.ContainsFunc(goal, func(o results.Objective) bool {
		return o.Quantile >= 50 && float64(floor) >= o.Limit
	})
}

// hopeless reports whether no goal can be met at any rate, so that there is nothing to search for.
func (c Capacity) hopeless(floor int64) bool {
	return !slices.ContainsFunc(c.goals(), func(goal []results.Objective) bool { return !hopeless(goal, floor) })
}

// goals are what trials are judged by: the objectives, and in addition limits twice as long, which
// show how soon things get much worse.
func (c Capacity) goals() [][]results.Objective {
	var loose []results.Objective
	for _, o := range c.Objectives {
		if o.Metric != "errors" {
			o.Limit *= 2
		}
		loose = append(loose, o)
	}
	return [][]results.Objective{c.Objectives, loose}
}

func goalName(goal []results.Objective) string {
	var name string
	for i, o := range goal {
		if i > 0 {
			name += ", "
		}
		name += o.String()
	}
	return name
}

// searchRun is the search of one configuration under way.
type searchRun struct {
	*Runner
	Capacity
	config  Configuration
	cluster *servers.Cluster
	boot    int // of cluster, as the search counts
	boots   int // so far
	floor   time.Duration
	fast    float64       // the closed loop's rate once the first boot had settled; 0: unknown
	settled time.Duration // that the current boot took, until the search is told
	started time.Time
}

func (s *searchRun) close() error {
	if s.cluster == nil {
		return nil
	}
	err := s.cluster.Close()
	s.cluster = nil
	return err
}

// ensure starts the boot with that number, unless it is up.
func (s *searchRun) ensure(ctx context.Context, boot int) (err error) {
	if s.cluster != nil && s.boot == boot {
		return nil
	}
	if err := s.close(); err != nil {
		return err
	}
	if s.cluster, err = s.Site.Boot(ctx, s.config.Arm.Topology, s.App); err != nil {
		return err
	}
	s.boot, s.boots = boot, s.boots+1
	if err := s.warmUp(ctx, s.cluster, s.Warmup, s.Scenario); err != nil {
		return err
	}
	s.emit(Booted{s.config.Arm.Name, s.boots, s.cluster.Boot})
	if s.fast > 0 {
		_, err = s.settle(ctx)
	}
	return err
}

// settle puts a fresh boot under load until it is as fast as the first one was, and returns its rates.
func (s *searchRun) settle(ctx context.Context) (rates []float64, err error) {
	began := time.Now()
	for time.Since(began) < settling {
		m, err := s.measure(ctx, Cell{Load: s.closed("settle", s.many(), settlingSlice), Seed: s.Seed}, s.cluster)
		if err != nil {
			return nil, errors.Join(err, s.cluster.Died())
		}
		rates = append(rates, float64(m.Counts.OK)/max(m.Elapsed, settlingSlice).Seconds())
		if s.fast > 0 && rates[len(rates)-1] >= asFast*s.fast {
			break
		}
	}
	s.settled = time.Since(began)
	return rates, nil
}

// many is the number of connections that keep all workers busy.
func (s *searchRun) many() int {
	queues, workers, threads := s.cluster.Blueprint().Queueing()
	return max(16, 2*queues*workers*max(1, threads))
}

// bound is the rate of a closed loop that keeps all workers busy, and how uncertain that is.
type bound struct {
	rate  float64
	doubt float64 // standard error of its logarithm
}

// leastDoubt is that of a bound at least: what a closed loop carries is not quite what an open one can.
const leastDoubt = 0.02

// newBound makes a bound of the rate of a load, and of those of slices just before it, which show its scatter.
func newBound(rate float64, slices []float64) bound {
	b := bound{rate, leastDoubt}
	slices = append(slices[max(0, len(slices)-3):len(slices):len(slices)], rate)
	if mean, sd := stat.MeanStdDev(slices, nil); mean > 0 && len(slices) > 1 {
		b.doubt = max(b.doubt, sd/mean/math.Sqrt(float64(len(slices))))
	}
	return b
}

// demands measures what the model needs, and roughly where to search: a single connection, for the
// service times; then more than there are workers, for the maximum throughput.
func (s *searchRun) demands(ctx context.Context, found *results.Configuration) (known bound, err error) {
	s.say(s.config.Arm.Name + ": service times")
	if err := s.ensure(ctx, 1); err != nil {
		return known, err
	}
	found.Queues, found.Workers, found.Threads = s.cluster.Blueprint().Queueing()
	if found.MachineCores = s.cluster.Blueprint().MachineCores(); found.MachineCores > 0 {
		found.QuotaPeriod = servers.QuotaPeriod.Seconds()
		if s.cluster.IsOnFleet() {
			found.QuotaPeriod = wholeCores.Seconds()
		}
	}
	found.Loops = s.cluster.Blueprint().Loops()
	found.Tier = s.cluster.Blueprint().WorkersTier()
	responses, err := s.verify(ctx, s.cluster.URL(), []Scenario{s.Scenario})
	if err != nil {
		return known, errors.Join(err, s.cluster.Died())
	}
	if bad := unexpected(responses); len(bad) > 0 {
		return known, fmt.Errorf("%w: not the responses that the scenario expects: %s", ErrUnexpected, bad[0])
	}
	rates, err := s.settle(ctx)
	if err != nil {
		return known, err
	}
	// What a request costs by itself, unaffected by a quota.
	if err := s.cluster.Limit(false); err != nil {
		return known, err
	}
	single, err := s.cell(ctx, s.closed(results.Single, 1, singleTime))
	if err != nil {
		return known, err
	}
	response := results.Total(single.Intervals, results.Response)
	if variability(response) > variable {
		// Long requests are rare: it takes more to know how long they are.
		more, err := s.cell(ctx, s.closed(results.Single, 1, singleLonger))
		if err != nil {
			return known, err
		}
		response.Merge(results.Total(more.Intervals, results.Response))
	}
	found.Variability = variability(response)
	found.FloorP50, found.FloorP99 = results.Percentile(response, 50), results.Percentile(response, 99)
	s.floor = time.Duration(found.FloorP50) * time.Microsecond
	if err := s.byTarget(ctx); err != nil {
		return known, err
	}
	if err := s.cluster.Limit(true); err != nil {
		return known, err
	}
	load := s.closed(results.Saturated, s.many(), saturatedTime)
	load.Drain = s.Scenario.Timeout // the throughput counts the last responses, too
	saturated, err := s.cell(ctx, load)
	if err != nil {
		return known, err
	}
	if isDead(saturated) {
		err = s.close() // the trials get a new cluster
	}
	s.fast, s.settled = saturated.Throughput(), 0 // what the first boot took is not the search's
	return newBound(s.fast, rates), err
}

// wholeCores stands for cores without a quota in the model: a period so short that nothing is done ahead of it.
const wholeCores = time.Millisecond

// variability is the coefficient of variation.
func variability(h *results.Histogram) float64 {
	if h.TotalCount() < 2 || h.Mean() == 0 {
		return 0
	}
	return h.StdDev() / h.Mean()
}

// byTarget measures each target of a mix by itself: the cost of a mix is not spread evenly over its
// requests, and that affects queueing.
func (s *searchRun) byTarget(ctx context.Context) error {
	if len(s.Scenario.Mix.Targets) < 2 || len(s.Scenario.Mix.Sessions) > 0 {
		return nil
	}
	for _, target := range s.Scenario.Mix.Targets {
		load := s.closed(results.Single+"-"+results.FileName(target.Name), 1, targetTime)
		load.Scenario.Mix.Targets = []targets.Target{target}
		if _, err := s.cell(ctx, load); err != nil {
			return err
		}
	}
	return nil
}

func (s *searchRun) closed(name string, connections int, d time.Duration) Load {
	scenario := s.Scenario
	scenario.Connections = connections
	return Load{Name: name, Scenario: scenario, Mode: loadgen.Closed, Duration: d}
}
