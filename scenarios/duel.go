package scenarios

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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

// order is the coin flip of a pair: which arm boots first, is asked first, and bursts first.
// One coin for all of it makes the pair's two possible courses mirror images, so that with
// equal arms the sign of any difference is the coin's.
func (d Duel) order(pair int) [2]int {
	coin := rand.New(rand.NewPCG(d.Seed, uint64(pair))).IntN(2)
	if d.FixedOrder {
		coin = 0
	}
	return [2]int{coin, 1 - coin}
}

// Pair boots both arms, measures them and ends them. The cells begin with those under the alternating load, base's first;
// each arm has one under the alternating load and, if there are bursts, one for each.
func (r *Runner) Pair(ctx context.Context, d Duel, pair int) (cells []*results.Cell, err error) {
	order := d.order(pair)
	var clusters [2]*servers.Cluster
	defer func() {
		for _, c := range clusters {
			if c != nil {
				err = errors.Join(err, c.Close())
			}
		}
	}()
	for _, arm := range order {
		a := d.Arms[arm]
		if clusters[arm], err = a.Site.Boot(ctx, d.Topology, a.App); err != nil {
			return nil, &ArmError{a.Name, err}
		}
	}
	for _, arm := range order {
		if err := r.warmUp(ctx, clusters[arm], d.Scenario, d.Warmup); err != nil {
			return nil, &ArmError{d.Arms[arm].Name, err}
		}
	}
	alternate, err := r.alternate(ctx, d, pair, order, clusters)
	if err != nil {
		return nil, err
	}
	cells = alternate[:]
	if d.Burst == 0 {
		return cells, nil
	}
	// First, second, second, first: a machine that gets slower step by step is slower for
	// both alike.
	for slice, arm := range []int{order[0], order[1], order[1], order[0]} {
		name := fmt.Sprintf("%s-%d", results.Burst, 1+slice/2)
		cell := d.cell(pair, arm, order, Load{Name: name, Scenario: d.Scenario, Mode: loadgen.Closed, Duration: d.Burst})
		cell.Index = cellsOfPair*(pair-1) + 3 + slice
		record, err := r.runCell(ctx, cell, Arm{Name: d.Arms[arm].Name}, clusters[arm])
		if err != nil {
			return nil, &ArmError{d.Arms[arm].Name, err}
		}
		cells = append(cells, record)
	}
	return cells, nil
}

// cellsOfPair is the alternating load and two bursts, of each arm.
const cellsOfPair = 6

func (d Duel) cell(pair, arm int, order [2]int, load Load) Cell {
	return Cell{
		Index: cellsOfPair*(pair-1) + arm + 1, Arm: arm, Load: load, Block: pair, Position: 1 + slices.Index(order[:], arm),
		Seed: rand.NewPCG(d.Seed, uint64(pair)<<8|uint64(len(load.Name))).Uint64(),
	}
}

// alternate runs the same open-loop plan on both arms at once, the second one half a mean gap
// later.
func (r *Runner) alternate(ctx context.Context, d Duel, pair int, order [2]int, clusters [2]*servers.Cluster) (cells [2]*results.Cell, err error) {
	load := Load{Name: results.Alternate, Scenario: d.Scenario, Mode: loadgen.Open, Rate: d.Rate, Duration: d.Slice}
	together := newBarrier(2)
	var errs [2]error
	var both sync.WaitGroup
	for position, arm := range order {
		both.Go(func() {
			defer together.leave()
			late := time.Duration(position) * time.Duration(float64(time.Second)/d.Rate/2)
			cell := d.cell(pair, arm, order, load)
			cells[arm], errs[arm] = r.runCellAt(ctx, cell, Arm{Name: d.Arms[arm].Name}, clusters[arm], func() {
				together.wait()
				time.Sleep(late) // the offset itself, not a wait for anything
			})
		})
	}
	both.Wait()
	for arm, err := range errs {
		if err != nil {
			return cells, &ArmError{d.Arms[arm].Name, err}
		}
	}
	return cells, nil
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
	Slow    time.Duration // the base's 95 % quantile at that rate: what counts as a slow answer
	// Differences are the endpoints whose answers differ between the arms.
	Differences []string
	Counters    []results.Counter
}

// utilization is the share of the greatest rate at which a duel runs, both arms together:
// high enough to see queueing, low enough that its noise does not drown everything
// (shift ÷ noise is best near 0.4).
const utilization = 0.4

// QueriesHeader is the field in which an app may say how many database queries an answer
// took.
const QueriesHeader = "X-Bench-Queries"

// Calibrate boots both arms once: it compares their answers, and finds the rate.
func (r *Runner) Calibrate(ctx context.Context, d Duel) (c Calibration, err error) {
	var answers [2]map[string]answer
	for arm, a := range d.Arms {
		r.say("booting " + a.Name + " to check and to calibrate")
		if answers[arm], err = r.calibrateDuelArm(ctx, d, arm, &c); err != nil {
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
	return c, nil
}

func (r *Runner) calibrateDuelArm(ctx context.Context, d Duel, arm int, c *Calibration) (answers map[string]answer, err error) {
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
	if err != nil {
		return nil, err
	}
	c.MaxRate = float64(m.Within.OK) / burst.Load.Duration.Seconds()
	c.Rate = max(1, c.MaxRate*utilization/2)
	// At twice the rate, because in a pair the other arm uses as much of the machine.
	open := Cell{Load: Load{Name: results.Alternate, Scenario: d.Scenario, Mode: loadgen.Open, Rate: 2 * c.Rate, Duration: d.Slice}, Seed: d.Seed}
	if m, err = r.measure(ctx, open, cluster); err != nil {
		return nil, err
	}
	c.Slow = time.Duration(results.Total(m.Intervals, results.Response).ValueAtPercentile(95)) * time.Microsecond
	return answers, nil
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
