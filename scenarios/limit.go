package scenarios

import (
	"context"

	"bench/results"
	"bench/servers"
)

// When the CPU is the limit of a closed loop. Below, threads wait for something else, and their number
// is the limit.
const (
	busyInterpreter = 0.8  // of one core, by a tier of one process: one interpreter runs on one core at a time
	busyMachine     = 0.85 // of all cores, the shares of the generator and of other programs included
)

// limit decides what limits the throughput of a closed-loop cell, and from how many requests under way
// the topology works at its full rate, by its concurrency and by the CPU time that was measured.
func limit(c *results.Cell, concurrency, cores int) {
	l := c.Loop
	if l == nil {
		return
	}
	busy, saturated := cpuLimit(c, cores)
	switch {
	case concurrency > 0 && concurrency < c.Connections:
		l.Limit, l.Full = results.LimitWorkers, concurrency
		if saturated {
			l.Full = min(l.Full, busy)
		}
	case saturated:
		l.Limit, l.Full = results.LimitCPU, min(busy, c.Connections)
	case concurrency != servers.UnknownConcurrency:
		l.Limit = results.LimitConnections
	}
}

// cpuLimit reports whether the CPU limited a cell, and how many cores its servers kept busy, which is
// how many requests it takes to do so.
func cpuLimit(c *results.Cell, cores int) (busy int, saturated bool) {
	if c.Elapsed <= 0 {
		return 1, false
	}
	single := map[string]bool{}
	for _, u := range c.Usage {
		if _, seen := single[u.Tier]; !seen {
			single[u.Tier] = true
		}
		single[u.Tier] = single[u.Tier] && u.Processes == 1
	}
	servers := 0.0
	for tier, spent := range results.CPUByTier(c.Usage) {
		used := spent.Seconds() / c.Elapsed
		servers += used
		saturated = saturated || single[tier] && used >= busyInterpreter
	}
	all := servers + (c.Generator.CPUSeconds+max(0, c.Server.OthersSeconds))/c.Elapsed
	if len(c.Hosts) == 0 {
		saturated = saturated || servers > 0 && all >= busyMachine*float64(cores)
	}
	for _, h := range c.Hosts {
		saturated = saturated || h.CPU.Seconds()/c.Elapsed >= busyMachine*float64(h.Cores)
	}
	return max(1, int(servers+0.5)), saturated
}

// maxThroughput measures the throughput of a closed loop, and of how many responses.
func (r *Runner) maxThroughput(ctx context.Context, cell Cell, cluster *servers.Cluster) (float64, uint64, error) {
	m, err := r.measure(ctx, cell, cluster)
	if err != nil {
		return 0, 0, err
	}
	plan, err := cell.Plan(cluster.URL())
	if concurrency := cluster.Blueprint().Concurrency; m.Loop != nil && concurrency > 0 && concurrency < plan.Conns.Max {
		m.Loop.Limit, m.Loop.Full = results.LimitWorkers, concurrency
	}
	return m.Throughput(plan), m.Counts.OK, err
}
