package scenarios

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/servers"
	"bench/targets"
)

// Capacity searches the maximum throughput at which a topology meets its objectives, one
// configuration at a time.
type Capacity struct {
	Scenario   Scenario
	Objectives []results.Objective
	Width      float64       // target width of the interval, relative
	Budget     time.Duration // of one configuration's trials
	Boots      int           // number in which a lower bound has to hold
	Most       float64       // rate beyond which the generator cannot be trusted
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
	targetTime    = 1200 * time.Millisecond // of each target of a mix
	saturatedTime = 2500 * time.Millisecond
	guessBelow    = 0.93 // of the closed loop's rate
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
	saturated, err := run.demands(ctx, &found)
	if err != nil {
		return found, err
	}
	search, err := NewSearch(SearchOptions{
		Goals: len(c.goals()), Guess: guessBelow * saturated, Least: leastRate, Most: c.Most,
		Width: c.Width, Boots: c.Boots, Targets: DefaultTargets(), Budget: c.Budget,
	})
	if err != nil {
		return found, err
	}
	for trial, more := search.Next(); more; trial, more = search.Next() {
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
	}
	return run.found(found, search), nil
}

// found adds what a search has found to a configuration.
func (s *searchRun) found(config results.Configuration, search *Search) results.Configuration {
	for i, goal := range s.goals() {
		if len(search.Trials()) == 0 {
			break
		}
		known := search.Range(i)
		config.Goals = append(config.Goals, results.Bound{
			Goal: goalName(goal), Interval: known.Interval, Fitted: known.Fitted,
			Undecided: known.Undecided && !hopeless(goal, config.FloorP50), Unbounded: known.Unbounded,
		})
		config.Generator = config.Generator || i == 0 && known.High == 0 && known.Low > 0 && !known.Unbounded
	}
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
	return nil
}

// demands measures what the model needs, and roughly where to search: a single connection, for the
// service times; then more than there are workers, for the maximum throughput.
func (s *searchRun) demands(ctx context.Context, found *results.Configuration) (rate float64, err error) {
	s.say(s.config.Arm.Name + ": service times")
	if err := s.ensure(ctx, 1); err != nil {
		return 0, err
	}
	found.Queues, found.Workers, found.Threads = s.cluster.Blueprint().Queueing()
	if found.MachineCores = s.cluster.Blueprint().MachineCores(); found.MachineCores > 0 {
		found.QuotaPeriod = servers.QuotaPeriod.Seconds()
	}
	found.Loops = s.cluster.Blueprint().Loops()
	found.Tier = s.cluster.Blueprint().WorkersTier()
	responses, err := Verify(ctx, s.cluster.URL(), s.Guard, []Scenario{s.Scenario})
	if err != nil {
		return 0, errors.Join(err, s.cluster.Died())
	}
	if bad := unexpected(responses); len(bad) > 0 {
		return 0, fmt.Errorf("%w: not the responses that the scenario expects: %s", ErrUnexpected, bad[0])
	}
	// What a request costs by itself, unaffected by a quota.
	if err := s.cluster.Limit(false); err != nil {
		return 0, err
	}
	single, err := s.cell(ctx, s.closed(results.Single, 1, singleTime))
	if err != nil {
		return 0, err
	}
	response := results.Total(single.Intervals, results.Response)
	found.FloorP50, found.FloorP99 = results.Percentile(response, 50), results.Percentile(response, 99)
	s.floor = time.Duration(found.FloorP50) * time.Microsecond
	if err := s.byTarget(ctx); err != nil {
		return 0, err
	}
	if err := s.cluster.Limit(true); err != nil {
		return 0, err
	}
	many := max(16, 2*found.Queues*found.Workers*max(1, found.Threads))
	saturated, err := s.cell(ctx, s.closed(results.Saturated, many, saturatedTime))
	if err != nil {
		return 0, err
	}
	if isDead(saturated) {
		err = s.close() // the trials get a new cluster
	}
	return saturated.Throughput(), err
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
