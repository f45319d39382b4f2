package scenarios

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/servers"
	"bench/targets"
)

// Duel measures two versions of an app in pairs: in each, both are booted afresh and get the
// same requests at the same intervals, a little after one another, so that whatever the
// machine does in those seconds it does to both. Measured on real Django, this has a pair
// noise of 1.6 % on the median latency where one after the other has 6.4 %.
type Duel struct {
	Topology servers.Topology
	Scenario Scenario
	Arms     [2]DuelArm // base and head
	Rate     float64    // requests per second of each arm
	Slice    time.Duration
	Burst    time.Duration // closed loop after it, two for each arm; 0: none
	Warmup   time.Duration // at most
	Seed     uint64
	// FixedOrder lets base go first in every pair. It is for showing what the coin is for.
	FixedOrder bool
}

// DuelArm is one version: where it is booted, and what.
type DuelArm struct {
	Name string // results.Base or results.Head
	Site *servers.Site
	App  targets.App
}

// ArmError is a failure of one arm.
type ArmError struct {
	Arm string
	Err error
}

func (e *ArmError) Error() string { return e.Arm + ": " + e.Err.Error() }
func (e *ArmError) Unwrap() error { return e.Err }

// order is the coin flip of a pair: which arm is asked first, and bursts first.
// One coin for all of it makes the pair's two possible courses mirror images, so that with
// equal arms the sign of any difference is the coin's.
func (d Duel) order(pair int) [2]int {
	coin := rand.New(rand.NewPCG(d.Seed, uint64(pair))).IntN(2)
	if d.FixedOrder {
		coin = 0
	}
	return [2]int{coin, 1 - coin}
}

// Pair boots both arms, measures them and ends them. The cells begin with those under the
// alternating load, base's first; those of the bursts follow.
func (r *Runner) Pair(ctx context.Context, d Duel, pair int) (cells []*results.Cell, err error) {
	order := d.order(pair)
	var clusters [2]*servers.Cluster
	defer func() { err = errors.Join(err, closeAll(clusters)) }()
	if err := r.bootBoth(ctx, d, order, &clusters); err != nil {
		return nil, err
	}
	alternate, err := r.alternate(ctx, d, pair, order, clusters)
	if err != nil {
		return nil, err
	}
	cells = alternate[:]
	if d.Burst == 0 {
		return cells, nil
	}
	for slice, turn := range turns {
		arm := order[turn]
		load := Load{Name: fmt.Sprintf("%s-%d", results.Burst, 1+slice/2), Scenario: d.Scenario, Mode: loadgen.Closed, Duration: d.Burst}
		cell := d.cell(pair, arm, order, load)
		cell.Index = cellsOfPair*(pair-1) + 3 + slice
		record, err := r.runCell(ctx, cell, Arm{Name: d.Arms[arm].Name}, clusters[arm])
		if err != nil {
			return nil, &ArmError{d.Arms[arm].Name, err}
		}
		cells = append(cells, record)
	}
	return cells, nil
}

// turns is the order of the bursts: a machine that gets slower step by step is slower for
// both arms alike.
//
// Note: both arms' closed loops at once would be shorter, and are noisier: within a second
// the kernel does not share the cores out evenly (7.7 % against 4.3 % in 24 pairs).
var turns = [...]int{0, 1, 1, 0}

// cellsOfPair is the alternating load of each arm, and the bursts.
const cellsOfPair = 2 + len(turns)

// bootBoth boots both arms and warms them up, at once: in half the time, and under the
// sharing of the machine that the load finds.
func (r *Runner) bootBoth(ctx context.Context, d Duel, order [2]int, clusters *[2]*servers.Cluster) error {
	return d.both(order, func(arm int) (err error) {
		a := d.Arms[arm]
		if clusters[arm], err = a.Site.Boot(ctx, d.Topology, a.App); err != nil {
			return err
		}
		return r.warmUp(ctx, clusters[arm], d.Scenario, d.Warmup)
	})
}

// both does something for both arms at once.
func (d Duel) both(order [2]int, do func(arm int) error) error {
	var errs [2]error
	var running sync.WaitGroup
	for _, arm := range order {
		running.Go(func() { errs[arm] = do(arm) })
	}
	running.Wait()
	for arm, err := range errs {
		if err != nil {
			return &ArmError{d.Arms[arm].Name, err}
		}
	}
	return nil
}

func (d Duel) cell(pair, arm int, order [2]int, load Load) Cell {
	return Cell{
		Arm: arm, Load: load, Block: pair, Position: 1 + slices.Index(order[:], arm),
		Seed: rand.NewPCG(d.Seed, uint64(pair)<<8|uint64(len(load.Name))).Uint64(),
	}
}

// alternate runs the same open-loop plan on both arms at once, half a mean gap apart.
func (r *Runner) alternate(ctx context.Context, d Duel, pair int, order [2]int, clusters [2]*servers.Cluster) (cells [2]*results.Cell, err error) {
	ready := newBarrier(2)
	err = d.both(order, func(arm int) (err error) {
		defer ready.leave()
		load := Load{Name: results.Alternate, Scenario: d.Scenario, Mode: loadgen.Open, Rate: d.Rate, Duration: d.Slice}
		load.Stagger = Stagger{By: time.Duration(float64(time.Second) / d.Rate / 2), Second: arm == order[1]}
		cell := d.cell(pair, arm, order, load)
		cell.Index = cellsOfPair*(pair-1) + 1 + arm
		cells[arm], err = r.runCellAt(ctx, cell, Arm{Name: d.Arms[arm].Name}, clusters[arm], ready.wait)
		return err
	})
	return cells, err
}

// barrier lets goroutines go on together. One that leaves without having waited does not
// hold up the others.
type barrier struct {
	mu      sync.Mutex
	missing int
	open    chan struct{}
}

func newBarrier(n int) *barrier { return &barrier{missing: n, open: make(chan struct{})} }

func (b *barrier) arrive() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.missing--; b.missing == 0 {
		close(b.open)
	}
}

func (b *barrier) wait() {
	b.arrive()
	<-b.open
}

func (b *barrier) leave() { b.arrive() }

// Calibration is what a duel needs to know of the base before its first pair.
type Calibration struct {
	MaxRate float64       // closed loop
	Rate    float64       // of each arm
	Busy    float64       // share of the cores in use at that rate
	Slow    time.Duration // slower than most of base's answers at that rate
	// Differences are the endpoints whose answers differ between the arms.
	Differences []string
	Counters    []results.Counter
}

// utilization is the share of the cores, and of the greatest rate, at which a duel runs, both
// arms together: high enough to see queueing, low enough that its noise does not drown
// everything (shift ÷ noise is best near 0.4).
const utilization = 0.4

// slowFrom is the base's quantile, in percent, beyond which an answer counts as slow. The
// share beyond the 95 % quantile has twice the noise in a pair (39 % against 14 %): there are
// too few such answers.
const slowFrom = 85

// QueriesHeader is the field in which an app may say how many database queries an answer
// took.
const QueriesHeader = "X-Bench-Queries"

// Calibrate compares the arms' answers, and finds the rate.
func (r *Runner) Calibrate(ctx context.Context, d Duel) (c Calibration, err error) {
	var answers [2]map[string]answer
	for arm, a := range d.Arms {
		r.say("booting " + a.Name + " to check its answers")
		if answers[arm], err = r.answersOf(ctx, d, arm, &c); err != nil {
			return c, &ArmError{a.Name, err}
		}
	}
	if bad := unexpected(answers[0]); len(bad) > 0 {
		return c, &ArmError{results.Base, fmt.Errorf("%w: not the answers that the scenario expects: %s", ErrUnexpected, strings.Join(bad, "; "))}
	}
	if bad := unexpected(answers[1]); len(bad) > 0 {
		return c, &ArmError{results.Head, fmt.Errorf("%w: not the answers that the scenario expects, which base gives: %s", ErrUnexpected, strings.Join(bad, "; "))}
	}
	c.Differences = differences(answers[0], answers[1])
	c.Counters = counters(answers[0], answers[1])
	r.say("finding the rate")
	err = r.findRate(ctx, d, &c)
	return c, err
}

// answersOf boots one arm and asks it everything once; of base it learns the greatest rate.
func (r *Runner) answersOf(ctx context.Context, d Duel, arm int, c *Calibration) (answers map[string]answer, err error) {
	a := d.Arms[arm]
	cluster, err := a.Site.Boot(ctx, d.Topology, a.App)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	if answers, err = Verify(ctx, cluster.URL(), r.Guard, []Scenario{d.Scenario}); err != nil {
		return nil, errors.Join(err, cluster.Died())
	}
	if arm != 0 {
		return answers, nil
	}
	if err := r.warmUp(ctx, cluster, d.Scenario, 2*d.Warmup); err != nil {
		return nil, err
	}
	burst := Cell{Load: Load{Name: results.Burst, Scenario: d.Scenario, Mode: loadgen.Closed, Duration: time.Second}, Seed: d.Seed}
	m, err := r.measure(ctx, burst, cluster)
	c.MaxRate = float64(m.Within.OK) / burst.Load.Duration.Seconds()
	return answers, err
}

// findRate runs a pair's alternating load: at the share of the greatest rate, and then at what
// that showed to be the share of the cores. A request costs more CPU time when requests come
// one by one and two versions share the caches than in a closed loop.
func (r *Runner) findRate(ctx context.Context, d Duel, c *Calibration) (err error) {
	var clusters [2]*servers.Cluster
	defer func() { err = errors.Join(err, closeAll(clusters)) }()
	order := [2]int{0, 1}
	if err := r.bootBoth(ctx, d, order, &clusters); err != nil {
		return err
	}
	most := max(1, c.MaxRate*utilization/2)
	d.Rate = most
	const tries = 3
	for try := 1; ; try++ {
		cells, err := r.alternate(ctx, d, 0, order, clusters)
		if err != nil {
			return err
		}
		for arm, cell := range cells {
			if cell.Grade == results.Invalid || cell.Counts.OK == 0 {
				return &ArmError{d.Arms[arm].Name, fmt.Errorf("finding the rate: %s", whyVoid(cell))}
			}
		}
		c.Rate, c.Busy = d.Rate, busyShare(cells)
		c.Slow = time.Duration(results.Total(cells[0].Intervals, results.Response).ValueAtPercentile(slowFrom)) * time.Microsecond
		next := min(most, max(1, d.Rate*utilization/c.Busy))
		if try == tries || c.Busy == 0 || math.Abs(next/d.Rate-1) < rateWithin {
			return nil
		}
		d.Rate = next
	}
}

// rateWithin is how near the rate has to be to the one that is meant.
const rateWithin = 0.1

// busyShare is the share of the cores that a pair's two cells used, with the generator. It is
// one process, whose CPU time each of them counts whole.
func busyShare(cells [2]*results.Cell) float64 {
	busy := max(cells[0].Generator.CPUSeconds/cells[0].Elapsed, cells[1].Generator.CPUSeconds/cells[1].Elapsed)
	for _, cell := range cells {
		busy += results.TotalCPU(cell.Usage).Seconds() / cell.Elapsed
	}
	return busy / float64(runtime.GOMAXPROCS(0)) // knows a container's quota, unlike the number of cores
}

func whyVoid(c *results.Cell) string {
	for _, cause := range c.Causes {
		if cause.Code == results.ServerDied || cause.Code == results.ServerGone || cause.Code == results.NoRightAnswer {
			return cause.Message
		}
	}
	return "no request was answered right"
}

func closeAll(clusters [2]*servers.Cluster) (err error) {
	for _, c := range clusters {
		if c != nil {
			err = errors.Join(err, c.Close())
		}
	}
	return err
}

func (r *Runner) measure(ctx context.Context, cell Cell, cluster *servers.Cluster) (loadgen.Measurement, error) {
	plan, err := cell.Plan(cluster.URL(), r.Guard)
	if err != nil {
		return loadgen.Measurement{}, err
	}
	m, err := loadgen.Measure(ctx, r.Engine, plan, loadgen.Watch{})
	return m, errors.Join(err, cluster.Died(), ctx.Err())
}

func counters(base, head map[string]answer) (all []results.Counter) {
	for name, b := range base {
		h := head[name]
		_, target, _ := strings.Cut(name, "/")
		all = append(all, results.Counter{Target: target, Name: "status", Base: b.status, Head: h.status}, results.Counter{Target: target, Name: "bytes", Base: b.length, Head: h.length})
		if b.queries >= 0 && h.queries >= 0 {
			all = append(all, results.Counter{Target: target, Name: "queries", Base: b.queries, Head: h.queries})
		}
	}
	slices.SortFunc(all, func(a, b results.Counter) int {
		return strings.Compare(a.Target+a.Name, b.Target+b.Name)
	})
	return all
}
