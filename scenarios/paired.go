package scenarios

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/results"
	"bench/servers"
	"bench/targets"
)

// PairedRun measures two versions of an app in pairs: in each, both are booted afresh and get the
// same requests at the same intervals, slightly staggered, so that whatever the machine does in
// those seconds affects both. Measuring one after the other in the same total time makes the
// confidence intervals six to eleven times as wide (docs/METHOD.md).
type PairedRun struct {
	Topology servers.Topology
	Scenario Scenario
	Arms     [2]PairedArm // base and head
	Rate     float64      // requests per second of each arm
	Slice    time.Duration
	Closed   time.Duration // of each closed-loop run after it, two per arm; 0: none
	Warmup   time.Duration // at most
	Seed     uint64
	// FixedOrder makes base go first in every pair. It exists to show why the order is random.
	FixedOrder bool
}

// PairedArm is one version: an app and the site it is booted on.
type PairedArm struct {
	Name string // results.Base or results.Head
	Site *servers.Site
	App  targets.App
	// Checked is the app as checks boot it: made to report its database queries. Pairs measure the app as it is.
	Checked targets.App
	// Measurer sends its load, and From the requests of checks, if the arm has hosts of its own; nil: as the runner does.
	Measurer loadgen.Measurer
	From     http.RoundTripper
}

// of is the runner for one arm.
func (r *Runner) of(a PairedArm) *Runner {
	if a.Measurer == nil {
		return r
	}
	own := *r
	own.Measurer, own.From = a.Measurer, a.From
	return &own
}

// ArmError is a failure of one arm.
type ArmError struct {
	Arm string
	Err error
}

func (e *ArmError) Error() string { return e.Arm + ": " + e.Err.Error() }
func (e *ArmError) Unwrap() error { return e.Err }

// order is the coin flip of a pair: which arm gets its requests first, and its closed-loop run
// first. A single coin makes the pair's two possible courses mirror images, so that with equal
// arms the sign of any difference depends on the coin alone.
func (p PairedRun) order(pair int) [2]int {
	coin := rand.New(rand.NewPCG(p.Seed, uint64(pair))).IntN(2)
	if p.FixedOrder {
		coin = 0
	}
	return [2]int{coin, 1 - coin}
}

// Pair boots both arms, measures them and stops them. The cells of the interleaved load come
// first, base's before head's; those of the closed-loop runs follow. The logs and configuration
// files are keyed by arm name.
func (r *Runner) Pair(
	ctx context.Context, p PairedRun, pair int,
) (cells []*results.Cell, logs map[string]map[string][]byte, err error) {
	order := p.order(pair)
	var clusters [2]*servers.Cluster
	defer func() { err = errors.Join(err, closeAll(clusters)) }()
	if err := r.bootBoth(ctx, p, order, &clusters); err != nil {
		return nil, nil, err
	}
	for arm, c := range clusters {
		r.emit(Booted{p.Arms[arm].Name, pair, c.Boot})
	}
	interleaved, err := r.interleave(ctx, p, pair, order, clusters)
	if err != nil {
		return nil, nil, err
	}
	cells = interleaved[:]
	if p.Closed == 0 {
		return cells, evidence(p, clusters), nil
	}
	for slice, turn := range turns {
		arm := order[turn]
		load := Load{Name: fmt.Sprintf("%s-%d", results.ClosedRun, 1+slice/2), Scenario: p.Scenario, Mode: loadgen.Closed,
			Duration: p.Closed, Drain: min(p.Scenario.Timeout, closedDrain)}
		cell := p.cell(pair, arm, order, load)
		cell.Index = cellsOfPair*(pair-1) + 3 + slice
		record, err := r.pairedCell(ctx, cell, p.Arms[arm], clusters, func() {})
		if err != nil {
			return nil, nil, &ArmError{p.Arms[arm].Name, err}
		}
		cells = append(cells, record)
	}
	return cells, evidence(p, clusters), nil
}

// pairedCell measures one cell of a pair and emits its events.
func (r *Runner) pairedCell(
	ctx context.Context, cell Cell, arm PairedArm, clusters [2]*servers.Cluster, ready func(),
) (*results.Cell, error) {
	if cell.Block > 0 { // not a trial of the rate search
		r.emit(CellStarted{Arm: arm.Name, Scenario: cell.Load.Scenario.Name, Load: cell.Load.Name, Block: cell.Block,
			Cell: cell.Index})
	}
	record, err := r.of(arm).runCellAt(ctx, cell, Arm{Name: arm.Name}, clusters[cell.Arm], ready, clusters[1-cell.Arm])
	if err == nil && cell.Block > 0 {
		r.emit(cellDone(cell.Index, 0, record))
	}
	return record, err
}

func evidence(p PairedRun, clusters [2]*servers.Cluster) map[string]map[string][]byte {
	logs := map[string]map[string][]byte{}
	for arm, c := range clusters {
		logs[p.Arms[arm].Name] = c.Evidence()
	}
	return logs
}

// turns is the order of the closed-loop runs: a machine that gets steadily slower slows both arms
// alike.
//
// Note: running both arms' closed loops at once would be shorter, but is noisier: within a second
// the kernel does not share the cores evenly (7.7 % against 4.3 % in 24 pairs).
var turns = [...]int{0, 1, 1, 0}

// cellsOfPair counts the interleaved load of each arm and the closed-loop runs.
const cellsOfPair = 2 + len(turns)

// bootBoth boots both arms and warms them up at once: in half the time, and sharing the machine as
// they do under the load.
func (r *Runner) bootBoth(ctx context.Context, p PairedRun, order [2]int, clusters *[2]*servers.Cluster) error {
	return p.both(order, func(arm int) (err error) {
		a := p.Arms[arm]
		if clusters[arm], err = a.Site.Boot(ctx, p.Topology, a.App); err != nil {
			return err
		}
		return r.of(a).warmUp(ctx, clusters[arm], p.Warmup, p.Scenario)
	})
}

// both does something to both arms at once.
func (p PairedRun) both(order [2]int, do func(arm int) error) error {
	var errs [2]error
	var running sync.WaitGroup
	for _, arm := range order {
		running.Go(func() { errs[arm] = do(arm) })
	}
	running.Wait()
	for arm, err := range errs {
		if err != nil {
			errs[arm] = &ArmError{p.Arms[arm].Name, err}
		}
	}
	return errors.Join(errs[:]...)
}

func (p PairedRun) cell(pair, arm int, order [2]int, load Load) Cell {
	return Cell{
		Arm: arm, Load: load, Block: pair, Position: 1 + slices.Index(order[:], arm),
		Seed: rand.NewPCG(p.Seed, uint64(pair)<<8|uint64(len(load.Name))).Uint64(),
	}
}

// interleave runs the same open-loop plan on both arms at once, half a mean gap apart.
func (r *Runner) interleave(
	ctx context.Context, p PairedRun, pair int, order [2]int, clusters [2]*servers.Cluster,
) (cells [2]*results.Cell, err error) {
	ready := newBarrier(2)
	err = p.both(order, func(arm int) (err error) {
		defer ready.leave()
		load := Load{
			Name: results.Interleaved, Scenario: p.Scenario, Mode: loadgen.Open, Duration: p.Slice,
			Pacer: pacing.Staggered{
				Of: users(p.Rate), By: time.Duration(float64(time.Second) / p.Rate / 2), Second: arm == order[1],
			},
		}
		cell := p.cell(pair, arm, order, load)
		cell.Index = cellsOfPair*(pair-1) + 1 + arm
		cells[arm], err = r.pairedCell(ctx, cell, p.Arms[arm], clusters, ready.wait)
		return err
	})
	return cells, err
}

// barrier releases goroutines together. One that leaves without having waited does not hold up the
// others.
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

func closeAll(clusters [2]*servers.Cluster) (err error) {
	for _, c := range clusters {
		if c != nil {
			err = errors.Join(err, c.Close())
		}
	}
	return err
}

// closedDrain is how long the last responses of a closed-loop run are waited for: the throughput counts
// them.
const closedDrain = 3 * time.Second
