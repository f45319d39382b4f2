package scenarios

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
// same requests at the same intervals, a little after one another, so that whatever the
// machine does in those seconds it does to both. One after the other in the same time, the
// intervals are six to eleven times as wide (docs/METHOD.md).
type PairedRun struct {
	Topology servers.Topology
	Scenario Scenario
	Arms     [2]PairedArm // base and head
	Rate     float64      // requests per second of each arm
	Slice    time.Duration
	Closed   time.Duration // closed loop after it, two for each arm; 0: none
	Warmup   time.Duration // at most
	Seed     uint64
	// FixedOrder lets base go first in every pair. It is for showing what the coin is for.
	FixedOrder bool
}

// PairedArm is one version: where it is booted, and what.
type PairedArm struct {
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

// order is the coin flip of a pair: which arm is asked first, and closed-loop runs first.
// One coin for all of it makes the pair's two possible courses mirror images, so that with
// equal arms the sign of any difference is the coin's.
func (d PairedRun) order(pair int) [2]int {
	coin := rand.New(rand.NewPCG(d.Seed, uint64(pair))).IntN(2)
	if d.FixedOrder {
		coin = 0
	}
	return [2]int{coin, 1 - coin}
}

// Pair boots both arms, measures them and ends them. The cells begin with those under the
// alternating load, base's first; those of the closed-loop runs follow. The logs and the configuration are
// those of each arm, by its name.
func (r *Runner) Pair(
	ctx context.Context, d PairedRun, pair int,
) (cells []*results.Cell, logs map[string]map[string][]byte, err error) {
	order := d.order(pair)
	var clusters [2]*servers.Cluster
	defer func() { err = errors.Join(err, closeAll(clusters)) }()
	if err := r.bootBoth(ctx, d, order, &clusters); err != nil {
		return nil, nil, err
	}
	for arm, c := range clusters {
		r.emit(Booted{d.Arms[arm].Name, pair, c.Boot})
	}
	alternate, err := r.alternate(ctx, d, pair, order, clusters)
	if err != nil {
		return nil, nil, err
	}
	cells = alternate[:]
	if d.Closed == 0 {
		return cells, evidence(d, clusters), nil
	}
	for slice, turn := range turns {
		arm := order[turn]
		load := Load{Name: fmt.Sprintf("%s-%d", results.ClosedRun, 1+slice/2), Scenario: d.Scenario, Mode: loadgen.Closed,
			Duration: d.Closed}
		cell := d.cell(pair, arm, order, load)
		cell.Index = cellsOfPair*(pair-1) + 3 + slice
		record, err := r.duelCell(ctx, cell, Arm{Name: d.Arms[arm].Name}, clusters[arm], func() {})
		if err != nil {
			return nil, nil, &ArmError{d.Arms[arm].Name, err}
		}
		cells = append(cells, record)
	}
	return cells, evidence(d, clusters), nil
}

// duelCell measures one cell of a pair, and says so.
func (r *Runner) duelCell(
	ctx context.Context, cell Cell, arm Arm, cluster *servers.Cluster, ready func(),
) (*results.Cell, error) {
	if cell.Block > 0 { // and not a try of the rate
		r.emit(CellStarted{Arm: arm.Name, Scenario: cell.Load.Scenario.Name, Load: cell.Load.Name, Block: cell.Block,
			Cell: cell.Index})
	}
	record, err := r.runCellAt(ctx, cell, arm, cluster, ready)
	if err == nil && cell.Block > 0 {
		r.emit(cellDone(cell.Index, 0, record))
	}
	return record, err
}

func evidence(d PairedRun, clusters [2]*servers.Cluster) map[string]map[string][]byte {
	logs := map[string]map[string][]byte{}
	for arm, c := range clusters {
		logs[d.Arms[arm].Name] = c.Evidence()
	}
	return logs
}

// turns is the order of the closed-loop runs: a machine that gets slower step by step is slower for
// both arms alike.
//
// Note: both arms' closed loops at once would be shorter, and are noisier: within a second
// the kernel does not share the cores out evenly (7.7 % against 4.3 % in 24 pairs).
var turns = [...]int{0, 1, 1, 0}

// cellsOfPair is the alternating load of each arm, and the closed-loop runs.
const cellsOfPair = 2 + len(turns)

// bootBoth boots both arms and warms them up, at once: in half the time, and under the
// sharing of the machine that the load finds.
func (r *Runner) bootBoth(ctx context.Context, d PairedRun, order [2]int, clusters *[2]*servers.Cluster) error {
	return d.both(order, func(arm int) (err error) {
		a := d.Arms[arm]
		if clusters[arm], err = a.Site.Boot(ctx, d.Topology, a.App); err != nil {
			return err
		}
		return r.warmUp(ctx, clusters[arm], d.Scenario, d.Warmup)
	})
}

// both does something for both arms at once.
func (d PairedRun) both(order [2]int, do func(arm int) error) error {
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

func (d PairedRun) cell(pair, arm int, order [2]int, load Load) Cell {
	return Cell{
		Arm: arm, Load: load, Block: pair, Position: 1 + slices.Index(order[:], arm),
		Seed: rand.NewPCG(d.Seed, uint64(pair)<<8|uint64(len(load.Name))).Uint64(),
	}
}

// alternate runs the same open-loop plan on both arms at once, half a mean gap apart.
func (r *Runner) alternate(
	ctx context.Context, d PairedRun, pair int, order [2]int, clusters [2]*servers.Cluster,
) (cells [2]*results.Cell, err error) {
	ready := newBarrier(2)
	err = d.both(order, func(arm int) (err error) {
		defer ready.leave()
		load := Load{
			Name: results.Interleaved, Scenario: d.Scenario, Mode: loadgen.Open, Duration: d.Slice,
			Pacer: pacing.Staggered{
				Of: users(d.Rate), By: time.Duration(float64(time.Second) / d.Rate / 2), Second: arm == order[1],
			},
		}
		cell := d.cell(pair, arm, order, load)
		cell.Index = cellsOfPair*(pair-1) + 1 + arm
		cells[arm], err = r.duelCell(ctx, cell, Arm{Name: d.Arms[arm].Name}, clusters[arm], ready.wait)
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

func closeAll(clusters [2]*servers.Cluster) (err error) {
	for _, c := range clusters {
		if c != nil {
			err = errors.Join(err, c.Close())
		}
	}
	return err
}
