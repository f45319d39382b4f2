package servers

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"bench/internal/proc"
	"bench/results"
)

// Usage reads what each tier has used since the boot. At is left to the caller.
func (c *Cluster) Usage() ([]results.Usage, error) {
	if !c.blueprint.Topology.Boots() {
		return c.runningUsage()
	}
	if c.IsOnFleet() {
		byHost, err := c.UsageByHost(context.Background())
		return SumByTier(byHost), err
	}
	all, err := proc.All()
	if err != nil {
		return nil, fmt.Errorf("reading the usage of %s: %w", c.blueprint.Topology, err)
	}
	tiers := map[string]*results.Usage{}
	for i, process := range c.processes {
		p := c.blueprint.Processes[i]
		for _, r := range proc.ReadAll(p.members(all, process.PID())) {
			tier := p.tierOf(r.PID == process.PID(), c.workerPIDs[i][r.PID])
			if tiers[tier] == nil {
				tiers[tier] = &results.Usage{Tier: tier}
			}
			u := tiers[tier]
			u.CPU += r.CPU
			u.PSS += r.PSS
			u.Processes++
			u.Threads += r.Threads
		}
	}
	var usage []results.Usage
	for _, tier := range slices.Sorted(maps.Keys(tiers)) {
		usage = append(usage, *tiers[tier])
	}
	return usage, nil
}

// tierOf is the tier of one of the processes that a process consists of.
func (p Process) tierOf(leader, worker bool) string {
	switch {
	case worker && p.WorkerTier != "":
		return p.WorkerTier
	case leader && p.LeaderTier != "":
		return p.LeaderTier
	}
	return p.Tier
}

// members are the processes that belong to one. A database gives each of its own a session, and so a group.
func (p Process) members(all []proc.Member, pid int) []proc.Member {
	if p.Service {
		return proc.Below(all, pid)
	}
	return proc.Group(all, pid)
}
