package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/servers"
)

// Visit is one boot of an arm, during which several things are done to it.
type Visit struct {
	Arm      Arm
	Block    int
	Position int           // of the arm within the block, from 1
	Warmup   time.Duration // at most
	// Scenarios warm the arm up, the first one until its rate has stopped rising; none: it stays as it booted.
	Scenarios []Scenario
}

// Visited is an arm that is up and warm.
type Visited struct {
	Visit
	Cluster *servers.Cluster
	Runner  *Runner
}

// Visit boots an arm, warms it up, does what is to be done, and stops it. An arm that does not boot is a
// servers.BootError; one that dies while it warms up, too.
func (r *Runner) Visit(ctx context.Context, v Visit, do func(context.Context, *Visited) error) (err error) {
	visited := &Visited{Visit: v, Runner: r}
	defer func() {
		if visited.Cluster != nil {
			err = errors.Join(err, visited.Cluster.Close())
		}
	}()
	if err := visited.boot(ctx); err != nil {
		return err
	}
	return do(ctx, visited)
}

// boot boots the arm and warms it up.
func (v *Visited) boot(ctx context.Context) (err error) {
	r := v.Runner
	if v.Cluster, err = r.Site.Boot(ctx, v.Arm.Topology, r.App); err != nil {
		return err
	}
	if len(v.Scenarios) > 0 {
		if err := r.warmUp(ctx, v.Cluster, v.Warmup, v.Scenarios...); err != nil {
			if died := v.Cluster.Died(); died != nil {
				return &servers.BootError{Topology: v.Arm.Topology, Diagnostic: "it died while it warmed up", Err: died}
			}
			return err
		}
	}
	r.emit(Booted{v.Arm.Name, v.Block, v.Cluster.Boot})
	return nil
}

// undisturbed boots the arm afresh if something was done to it on purpose: it is not what it was.
func (v *Visited) undisturbed(ctx context.Context) error {
	if !v.Cluster.IsDisturbed() {
		return nil
	}
	disturbed := v.Cluster
	v.Cluster = nil
	if err := disturbed.Close(); err != nil {
		return err
	}
	return v.boot(ctx)
}

// Load runs a load, and seals it as a cell. It runs again if other programs disturbed it. All arms of a
// block that give it the same seed get the same requests.
func (v *Visited) Load(ctx context.Context, load Load, seed uint64) (*results.Cell, error) {
	r := v.Runner
	cell := Cell{Block: v.Block, Position: v.Position, Seed: seed, Load: load}
	for again := 0; ; again++ {
		if err := v.undisturbed(ctx); err != nil {
			return nil, err
		}
		cell.Index = r.Out.Cells() + 1
		r.emit(CellStarted{
			Arm: v.Arm.Name, Scenario: load.Scenario.Name, Load: load.Name, Block: v.Block, Cell: cell.Index,
		})
		record, err := r.runCell(ctx, cell, v.Arm, v.Cluster)
		if err != nil {
			return nil, fmt.Errorf("measuring %s: %w", v.Arm.Name, err)
		}
		record.Again = again
		r.emit(cellDone(cell.Index, 0, record))
		if err := r.Out.Seal(record, v.Cluster.Evidence()); err != nil {
			return nil, err
		}
		if disturbed(record) == "" || isDead(record) || again+1 >= tries {
			return record, nil
		}
		if err := v.Runner.awaitQuiet(ctx); err != nil {
			return nil, err
		}
	}
}

// Client returns a client that opens a connection for each request, to whatever the guard allows.
func (r *Runner) Client() *http.Client {
	client := newClient(r.Guard)
	if r.From != nil {
		client.Transport = r.From
	}
	return client
}

// Users are independent arrivals at a constant rate, as the load of an open loop.
func Users(name string, s Scenario, perSecond float64) Load {
	return Load{Name: name, Scenario: s, Mode: loadgen.Open, Pacer: users(perSecond)}
}
