package scenarios

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/servers"
	"bench/targets"
)

// Runner carries out an experiment.
type Runner struct {
	Site     *servers.Site
	App      targets.App
	Measurer loadgen.Measurer
	Guard    loadgen.Guard // for the requests of the preflight
	// From sends them, where the load comes from another host; nil: this process.
	From http.RoundTripper
	Out  *results.Directory
	Emit func(Event) // may be nil; a paired run calls it from two goroutines
	// Several is a Measurer of several processes, and what ends them; nil: this process is the only one.
	Several func(ctx context.Context, processes int) (loadgen.Measurer, func() error, error)
	// SharedMachine accepts cells that other programs disturbed: they are DEGRADED, and not void.
	SharedMachine bool
	// LeaveOut continues without arms that cannot be booted in the preflight.
	LeaveOut bool

	apart    time.Duration // between the times that the baseline is asked in the preflight; 0: pageClock
	patience time.Duration // with other programs, before a repetition; 0: quietAtMost
}

// ErrTooFew means that fewer than two topologies were left to compare.
var ErrTooFew = errors.New("fewer than two topologies give the same responses")

// Run checks the arms, finds the load steps and measures. Every finished cell is sealed into Out
// and stays there, even if ctx ends or an error occurs. It returns the experiment as it was run:
// without the arms that were excluded, and with the rates of the load steps.
func (r *Runner) Run(ctx context.Context, e Experiment) (Experiment, error) {
	e, err := r.preflight(ctx, e)
	if err != nil {
		return e, err
	}
	planned := len(e.Cells())
	run := &progress{measuring: time.Now(), of: planned, spare: max(leastSpare, planned/spareShare)}
	length := newLength(e, r.Out.Manifest().Started)
	var measured time.Duration
	for more, why := true, ""; more; {
		cells := run.numbered(e.block(length.done + 1))
		for i := 0; i < len(cells); {
			boot := sameBoot(cells[i:])
			spent, err := r.runBoot(ctx, e, cells[i:i+boot], run, length)
			measured += spent
			m := r.Out.Manifest()
			m.Measured = measured.Round(time.Millisecond).Seconds()
			if err := errors.Join(err, r.Out.SetManifest(m)); err != nil {
				return e, err
			}
			i += boot
		}
		if more, why = length.next(time.Now()); why != "" {
			m := r.Out.Manifest()
			m.Blocks, m.Plan = length.done, append(m.Plan, why)
			if err := r.Out.SetManifest(m); err != nil {
				return e, err
			}
		}
	}
	if err := r.ownCores(ctx, e, run); err != nil {
		return e, err
	}
	e.Preset.Blocks = length.done
	m := r.Out.Manifest()
	m.Planned = run.at
	return e, r.Out.SetManifest(m)
}

// sameBoot is the number of leading cells that share a boot: one arm in one block.
func sameBoot(cells []Cell) int {
	n := slices.IndexFunc(cells, func(c Cell) bool { return c.Block != cells[0].Block || c.Arm != cells[0].Arm })
	if n < 0 {
		return len(cells)
	}
	return n
}

// runBoot boots one arm for one block and runs its cells. It returns the time spent
// measuring.
func (r *Runner) runBoot(
	ctx context.Context, e Experiment, cells []Cell, run *progress, known *length,
) (spent time.Duration, err error) {
	arm := e.Arms[cells[0].Arm]
	var cluster *servers.Cluster
	defer func() {
		if cluster != nil {
			err = errors.Join(err, cluster.Close())
		}
	}()
	for _, cell := range cells {
		started := run.next(cell, arm)
		for again := 0; ; again++ {
			if cluster == nil {
				if cluster, err = r.bootWarm(ctx, e, arm); err != nil {
					return spent, err
				}
				r.emit(Booted{arm.Name, cell.Block, cluster.Boot})
			}
			r.emit(started)
			record, err := r.runCell(ctx, cell, arm, cluster)
			if err != nil {
				return spent, err
			}
			record.Again = again
			spent += time.Duration(record.Elapsed * float64(time.Second))
			if err := r.Out.Seal(record, cluster.Evidence()); err != nil {
				return spent, err
			}
			r.emit(cellDone(run.at, run.of, record))
			if isDead(record) || has(record, results.ProcessStopped) || cluster.IsDisturbed() {
				// The cell is void, or did something to the cluster: what follows gets a new one.
				died := cluster
				cluster = nil
				if err := died.Close(); err != nil {
					return spent, err
				}
			}
			known.add(cell, record)
			for _, estimate := range known.estimates(cell, e.Arms) {
				r.emit(estimate)
			}
			if disturbed(record) == "" || isDead(record) || !run.repeats(&cell, again) {
				break
			}
			if err := r.awaitQuiet(ctx); err != nil {
				return spent, err
			}
		}
	}
	return spent, nil
}

func (r *Runner) bootWarm(ctx context.Context, e Experiment, arm Arm) (*servers.Cluster, error) {
	cluster, err := r.Site.Boot(ctx, arm.Topology, r.App)
	if err != nil {
		return nil, err
	}
	if err := r.warmUp(ctx, cluster, e.Preset.Warmup, e.Scenarios...); err != nil {
		return nil, errors.Join(err, cluster.Close())
	}
	return cluster, nil
}
