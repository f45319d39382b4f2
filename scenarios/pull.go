package scenarios

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/servers"
)

// Pull is one measurement of an arm in a race: a fresh boot under a closed loop. If that misses an
// objective, it is repeated on half as many connections, until it does not.
type Pull struct {
	Arm         Arm
	Scenario    Scenario
	Objectives  []results.Objective
	Name        string // of the loads, before the number of their connections
	Connections int    // at first
	Duration    time.Duration
	Warmup      time.Duration // at most
	Block       int
	Position    int
	Seed        uint64 // the same for all arms of a block: they get the same requests
}

// Pulled is what a pull came to.
type Pulled struct {
	Throughput  float64 // that meets the objectives; 0: none does
	Connections int
	Service     time.Duration // the shortest of a request; 0: unknown
	Failed      string        // why the arm could not be measured
}

// halvings is how often a pull halves its connections.
const halvings = 5

// Pull measures an arm and seals each load into Out as a cell. An arm that does not boot, or dies under
// the load, has a throughput of 0.
func (r *Runner) Pull(ctx context.Context, p Pull) (got Pulled, err error) {
	cluster, err := r.Site.Boot(ctx, p.Arm.Topology, r.App)
	var boot *servers.BootError
	if errors.As(err, &boot) {
		return Pulled{Failed: boot.Err.Error()}, ctx.Err()
	}
	if err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	if err := r.warmUp(ctx, cluster, p.Warmup, p.Scenario); err != nil {
		if died := cluster.Died(); died != nil {
			return Pulled{Failed: died.Error()}, nil
		}
		return got, err
	}
	r.emit(Booted{p.Arm.Name, p.Block, cluster.Boot})
	for n, try := p.Connections, 0; n > 0 && try <= halvings; n, try = n/2, try+1 {
		record, err := r.pulled(ctx, p, n, cluster)
		if err != nil {
			return got, err
		}
		if isDead(record) {
			return Pulled{Failed: reason(record, results.ServerDied)}, nil
		}
		if !record.Misses(p.Objectives) {
			shortest := results.Summarize(results.Total(record.Intervals, results.Service)).Min
			return Pulled{
				Throughput: record.Throughput(), Connections: n, Service: time.Duration(shortest) * time.Microsecond,
			}, nil
		}
	}
	return Pulled{Failed: "it meets the objectives on no number of connections"}, nil
}

// pulled runs one load of a pull, again where it was disturbed: what a neighbour did to a setting is no
// reason to eliminate it.
func (r *Runner) pulled(ctx context.Context, p Pull, connections int, cluster *servers.Cluster) (*results.Cell, error) {
	scenario := p.Scenario
	scenario.Connections = connections
	cell := Cell{Block: p.Block, Position: p.Position, Seed: p.Seed, Load: Load{
		Name: fmt.Sprintf("%s-c%d", p.Name, connections), Scenario: scenario, Mode: loadgen.Closed,
		Duration: p.Duration, Drain: scenario.Timeout,
	}}
	for again := 0; ; again++ {
		cell.Index = r.Out.Cells() + 1
		r.emit(CellStarted{Arm: p.Arm.Name, Scenario: scenario.Name, Load: cell.Load.Name, Block: p.Block, Cell: cell.Index})
		record, err := r.runCell(ctx, cell, p.Arm, cluster)
		if err != nil {
			return nil, fmt.Errorf("measuring %s: %w", p.Arm.Name, err)
		}
		record.Again = again
		r.emit(cellDone(cell.Index, 0, record))
		if err := r.Out.Seal(record, cluster.Evidence()); err != nil {
			return nil, err
		}
		if disturbed(record) == "" || isDead(record) || again+1 >= tries {
			return record, nil
		}
		if err := r.awaitQuiet(ctx); err != nil {
			return nil, err
		}
	}
}

// Expected checks once that an arm gives the responses that the scenario expects.
func (r *Runner) Expected(ctx context.Context, arm Arm, s Scenario) (err error) {
	cluster, err := r.Site.Boot(ctx, arm.Topology, r.App)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	responses, err := r.verify(ctx, cluster.URL(), []Scenario{s})
	if err != nil {
		return errors.Join(err, cluster.Died())
	}
	if bad := unexpected(responses); len(bad) > 0 {
		return fmt.Errorf("%w: not the responses that the scenario expects: %s", ErrUnexpected, bad[0])
	}
	return nil
}
