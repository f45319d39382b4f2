package scenarios

import (
	"context"
	"errors"
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/servers"
)

// A warm-up runs slices of load until the last settledSlices medians lie within
// settledWithin of each other, or its time is up. Workers import, compile templates and open
// databases on their first requests: the first response of a process takes ten times as long as
// the tenth.
//
// Note: MSER-5 on batches, the method of choice for long simulations (White, 1997), needs more
// batches than a warm-up of one second has.
const (
	// At least; as many as the topology's concurrency keep every worker busy. Each slice opens new
	// ones.
	warmupConnections = 8

	warmupSlice   = 100 * time.Millisecond
	settledSlices = 3
	settledWithin = 0.25
)

func (r *Runner) warmUp(ctx context.Context, cluster *servers.Cluster, s Scenario, most time.Duration) error {
	started := time.Now()
	var medians []float64
	for time.Since(started) < most {
		plan := loadgen.Plan{
			URL: cluster.URL(), Mix: s.Mix, Mode: loadgen.Closed, Duration: warmupSlice,
			Conns:   loadgen.Conns{Max: min(s.Connections, max(warmupConnections, cluster.Blueprint().Concurrency))},
			Timeout: s.Timeout, Drain: drainTime,
		}
		m, err := r.Measurer.Measure(ctx, plan, loadgen.Watch{})
		if err != nil {
			return err
		}
		if err := errors.Join(ctx.Err(), cluster.Died()); err != nil {
			return err
		}
		medians = append(medians, float64(results.Percentile(results.Total(m.Intervals, results.Response), 50)))
		if cluster.Boot.Settled = settled(medians); cluster.Boot.Settled {
			break
		}
	}
	cluster.Boot.WarmupMS = float64(time.Since(started).Microseconds()) / 1000
	return nil
}

func settled(medians []float64) bool {
	if len(medians) < settledSlices {
		return false
	}
	last := medians[len(medians)-settledSlices:]
	low, high := last[0], last[0]
	for _, m := range last {
		low, high = min(low, m), max(high, m)
	}
	return low > 0 && high <= low*(1+settledWithin)
}
