package scenarios

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/servers"
)

// A warm-up ends when two things hold, or its time is up:
//
//   - Every worker process has probably responded to every target. The first response of a process to
//     a target takes up to ten times as long as the tenth: it imports, compiles templates, opens
//     databases. What such responses can still take from a cell has a bound (coldShare).
//   - The rate has stopped rising from slice to slice, by more than counts of its size scatter. A rate
//     that falls, as on a busy machine, is not a sign of a warm-up.
//
// What neither sees, a server that gets faster for seconds, shows within the cells: the report compares
// the last third of each with the middle one.
//
// Note: until three consecutive medians of the latency lay within 25 % was the rule before. Most boots
// never met it, since the median of 20 to 100 requests of a mix moves by more than that. MSER-5 on
// batches, the method of choice for long simulations (White, 1997), needs more batches than a warm-up of
// one second has.
const (
	// At least; as many as the topology's concurrency keep every worker busy. Each slice opens new
	// ones.
	warmupConnections = 8

	warmupSlice  = 100 * time.Millisecond
	settledRise  = 0.10
	coldSlices   = 2    // at most, of each scenario
	coldAtMost   = 0.01 // of the shortest cells
	coldSaid     = 0.02 // of a cell, above which its diagnostics say so
	coldOfLength = 250 * time.Millisecond
)

// warmUp warms up the first scenario until its rate has stopped rising, and then asks for the targets of any
// scenario that are still cold.
func (r *Runner) warmUp(ctx context.Context, cluster *servers.Cluster, most time.Duration, all ...Scenario) error {
	started := time.Now()
	var steps []slice
	steady, known := true, false // slices of a slow app are too long for it to be known
	for time.Since(started) < most && !(steady && known) {
		next, err := r.warmSlice(ctx, cluster, all[0])
		if err != nil {
			return err
		}
		steps = append(steps, next)
		steady, known = settled(steps)
	}
	for _, s := range slices.Backward(all) {
		for try := 0; try < coldSlices && coldShare(cluster, s, coldOfLength) > coldAtMost; try++ {
			if _, err := r.warmSlice(ctx, cluster, evenly(s)); err != nil {
				return err
			}
		}
	}
	cluster.Boot.Settled = steady && coldShare(cluster, all[0], coldOfLength) <= coldAtMost
	cluster.Boot.WarmupMS = float64(time.Since(started).Microseconds()) / 1000
	return nil
}

// slice is what a slice of a warm-up showed.
type slice struct {
	responses float64
	took      float64 // seconds
}

// evenly is a scenario that asks for its targets in turn, the rare ones as often as the others.
func evenly(s Scenario) Scenario {
	s.Mix.Targets = slices.Clone(s.Mix.Targets)
	for i := range s.Mix.Targets {
		s.Mix.Targets[i].Weight = 0
	}
	return s
}

func (r *Runner) warmSlice(ctx context.Context, cluster *servers.Cluster, s Scenario) (slice, error) {
	m, err := r.Measurer.Measure(ctx, loadgen.Plan{
		URL: cluster.URL(), Mix: s.Mix, Mode: loadgen.Closed, Duration: warmupSlice,
		Conns:   loadgen.Conns{Max: min(s.Connections, max(warmupConnections, cluster.Blueprint().Concurrency))},
		Timeout: s.Timeout, Drain: drainTime,
	}, loadgen.Watch{})
	if err == nil {
		err = errors.Join(ctx.Err(), cluster.Died())
	}
	noteResponses(cluster, s, m)
	slowest := time.Duration(results.Total(m.Intervals, results.Service).Max()) * time.Microsecond
	cluster.Slowest = max(cluster.Slowest, slowest)
	return slice{float64(m.Counts.OK), max(m.Elapsed, warmupSlice).Seconds()}, err
}

// settled reports whether the last slice's rate has stopped rising, compared with the greater of the two
// before it, beyond what the scatter of their counts explains. With fewer slices that is unknown.
func settled(all []slice) (steady, known bool) {
	if len(all) < 3 {
		return true, false
	}
	last, before := all[len(all)-1], all[len(all)-2]
	if third := all[len(all)-3]; third.responses/third.took > before.responses/before.took {
		before = third
	}
	expected := (1 + settledRise) * before.responses / before.took * last.took
	return last.responses > 0 && last.responses <= expected+math.Sqrt(last.responses+before.responses), true
}

// coldWorkers is how many workers have not responded to a target after n requests, on average, if each
// request goes to any of them.
func coldWorkers(workers int, n uint64) float64 {
	w := float64(workers)
	return w * math.Pow(1-1/w, float64(n))
}

// coldShare bounds the share of a cell that first responses of workers to targets may take. Each costs at
// most what the slowest response of the warm-up took, which had many first ones, or the first of the boot.
func coldShare(cluster *servers.Cluster, s Scenario, length time.Duration) float64 {
	queues, each, threads := cluster.Blueprint().Queueing()
	workers := queues * each
	var cold float64
	for _, t := range s.Mix.Targets {
		cold += coldWorkers(workers, cluster.Responses[s.Name+"/"+t.Name])
	}
	first := min(cluster.Boot.FirstRequestMS/1000, cluster.Slowest.Seconds())
	return min(1, cold*first/(length.Seconds()*float64(workers*max(1, threads))))
}

// noteResponses adds what a load got to what its boot has responded to.
func noteResponses(cluster *servers.Cluster, s Scenario, m loadgen.Measurement) {
	if cluster.Responses == nil {
		cluster.Responses = map[string]uint64{}
	}
	for _, t := range m.Targets {
		cluster.Responses[s.Name+"/"+t.Name] += t.Counts.OK
	}
}

// judgeWarmth says what of a warm-up may be left in a cell, if that can be more than 2 % of it. The
// first cell of a boot is the only one before which nothing but the warm-up ran.
func judgeWarmth(c *results.Cell, cold float64, first bool) {
	message := ""
	switch {
	case cold > coldSaid:
		message = fmt.Sprintf("first responses of workers to targets may take up to %.0f %% of the cell",
			math.Ceil(cold*100))
	case first && !c.Boot.Settled:
		message = fmt.Sprintf("the throughput was still rising when the warm-up ended after %.0f ms", c.Boot.WarmupMS)
	default:
		return
	}
	c.Diagnose(results.Valid, "not-settled", message, "Use --thorough, which warms up longer.")
}
