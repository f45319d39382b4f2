package scenarios

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/servers"
)

// Rate is what a paired run needs to know before its first pair.
type Rate struct {
	MaxThroughput float64       // closed loop
	Rate          float64       // of each arm
	Busy          float64       // share of the cores in use at that rate
	Slow          time.Duration // slower than most of base's responses at that rate
}

// utilization is the share of the cores, and of the maximum throughput, at which a paired run
// loads both arms together: high enough for queueing to show, low enough that its noise does not
// drown everything (shift ÷ noise is best near 0.4).
const utilization = 0.4

// slowFrom is the base's quantile, in percent, above which a response counts as slow. The share
// above the 95 % quantile has more than twice the noise in a pair (39 % against 14 %): there are
// too few such responses.
const slowFrom = 85

// QueriesHeader is the header in which an app may report how many database queries a response
// took.
const QueriesHeader = "X-Bench-Queries"

// FindRate measures base's maximum throughput and runs a pair's interleaved load, first at a share of it, and then
// at the rate that this showed to be the share of the cores. A request costs more CPU time when
// requests come one by one and two versions share the caches than in a closed loop.
func (r *Runner) FindRate(ctx context.Context, p PairedRun) (c Rate, err error) {
	r.say("finding the rate")
	var clusters [2]*servers.Cluster
	defer func() { err = errors.Join(err, closeAll(clusters)) }()
	order := [2]int{0, 1}
	if err := r.bootBoth(ctx, p, order, &clusters); err != nil {
		return c, err
	}
	closedRun := Cell{Seed: p.Seed, Load: Load{
		Name: results.ClosedRun, Scenario: p.Scenario, Mode: loadgen.Closed, Duration: time.Second,
	}}
	if c.MaxThroughput, _, err = r.of(p.Arms[0]).maxThroughput(ctx, closedRun, clusters[0]); err != nil {
		return c, &ArmError{p.Arms[0].Name, err}
	}
	most := max(1, c.MaxThroughput*utilization/2)
	p.Rate = most
	const tries = 3
	for try := 1; ; try++ {
		cells, err := r.interleave(ctx, p, 0, order, clusters)
		if err != nil {
			return c, err
		}
		for arm, cell := range cells {
			if why := silent(cell); why != "" {
				return c, &ArmError{p.Arms[arm].Name, fmt.Errorf("finding the rate: %s", why)}
			}
		}
		c.Rate, c.Busy = p.Rate, busyShare(cells)
		response := results.Total(cells[0].Intervals, results.Response)
		c.Slow = time.Duration(results.Percentile(response, slowFrom)) * time.Microsecond
		next := min(most, max(1, p.Rate*utilization/c.Busy))
		if try == tries || c.Busy == 0 || math.Abs(next/p.Rate-1) < rateWithin {
			return c, nil
		}
		p.Rate = next
	}
}

// rateWithin is how close the rate has to be to the one aimed at.
const rateWithin = 0.1

// busyShare is the share of the cores that a pair's two cells used, including the generator: one
// process, whose CPU time each cell counts in full. Of several hosts, it is that of the busiest.
func busyShare(cells [2]*results.Cell) (busiest float64) {
	byHost := map[string]float64{}
	for _, cell := range cells {
		for _, h := range cell.Hosts {
			byHost[h.Host] += h.CPU.Seconds() / cell.Elapsed / float64(max(1, h.Cores))
			busiest = max(busiest, byHost[h.Host])
		}
	}
	if busiest > 0 {
		return busiest
	}
	busy := max(cells[0].Generator.CPUSeconds/cells[0].Elapsed, cells[1].Generator.CPUSeconds/cells[1].Elapsed)
	for _, cell := range cells {
		busy += results.TotalCPU(cell.Usage).Seconds() / cell.Elapsed
	}
	return busy / float64(servers.UsableCores())
}

// silent is why a server did not respond to a cell's load; empty if it did.
func silent(c *results.Cell) string {
	for _, d := range c.Diagnostics {
		if d.FromServer() {
			return d.Message
		}
	}
	if c.Counts.OK == 0 {
		return "no response was successful"
	}
	return ""
}

func (r *Runner) measure(ctx context.Context, cell Cell, cluster *servers.Cluster) (loadgen.Measurement, error) {
	plan, err := cell.Plan(cluster.URL())
	if err != nil {
		return loadgen.Measurement{}, err
	}
	m, err := r.Measurer.Measure(ctx, plan, loadgen.Watch{})
	return m, errors.Join(err, cluster.Died(), ctx.Err())
}
