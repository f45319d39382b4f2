package scenarios

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"bench/results"
	"bench/servers"
)

// ownCores measures the closed loop of the main scenario once more, in fresh boots, with the servers on one half of the
// cores and the load generator on the other: how much of a result is due to their sharing cores. Where cores cannot be
// divided, it says so in the manifest instead.
func (r *Runner) ownCores(ctx context.Context, e Experiment, run *progress) error {
	if e.Preset.Apart == 0 {
		return nil
	}
	theirs, ours, err := servers.Halves()
	if err != nil {
		return r.notApart(err)
	}
	order := rand.New(rand.NewPCG(e.Seed, 1))
	run.of += e.Preset.Apart * len(e.Arms)
	for block := 1; block <= e.Preset.Apart; block++ {
		for position, arm := range order.Perm(len(e.Arms)) {
			load := e.loads(arm)[0]
			load.Name = results.ApartLoad
			cell := Cell{
				Index: r.Out.Cells() + 1, Arm: arm, Load: load, Block: block, Position: position + 1,
				Seed: rand.NewPCG(e.Seed, uint64(block)<<16).Uint64(),
			}
			if err := r.cellApart(ctx, e, cell, run, theirs, ours); err != nil {
				return err
			}
		}
	}
	return nil
}

// cellApart boots an arm and measures a cell, with servers and generator on cores of their own.
func (r *Runner) cellApart(
	ctx context.Context, e Experiment, cell Cell, run *progress, theirs, ours []int,
) (err error) {
	arm := e.Arms[cell.Arm]
	cluster, err := r.Site.Boot(ctx, arm.Topology, r.App)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	if err := cluster.Pin(theirs); err != nil {
		return r.notApart(err)
	}
	restore, err := servers.PinBench(ours)
	if err != nil {
		return r.notApart(err)
	}
	defer func() { err = errors.Join(err, restore()) }()
	if err := r.warmUp(ctx, cluster, e.Preset.Warmup, cell.Load.Scenario); err != nil {
		return err
	}
	r.emit(Booted{arm.Name, cell.Block, cluster.Boot})
	r.emit(run.next(cell, arm))
	record, err := r.runCell(ctx, cell, arm, cluster)
	if err != nil {
		return err
	}
	if err := r.Out.Seal(record, cluster.Evidence()); err != nil {
		return err
	}
	r.emit(cellDone(run.at, run.of, record))
	m := r.Out.Manifest()
	m.Measured += time.Duration(record.Elapsed * float64(time.Second)).Round(time.Millisecond).Seconds()
	return r.Out.SetManifest(m)
}

// notApart notes why servers and generator could not have cores of their own.
func (r *Runner) notApart(why error) error {
	m := r.Out.Manifest()
	for _, d := range m.Diagnostics {
		if d.Code == "not-apart" {
			return nil
		}
	}
	m.Diagnostics = append(m.Diagnostics, results.Diagnostic{
		Code: "not-apart", Message: fmt.Sprintf("servers and load generator could not have cores of their own: %v", why),
		Hint:     "Leave out --apart, or use a machine with two cores or more.",
		Severity: results.Warning,
	})
	return r.Out.SetManifest(m)
}
