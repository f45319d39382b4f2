package claims

import (
	"context"
	"fmt"
	"net/netip"

	"bench/results"
	"bench/scenarios"
)

// mostHeld is how many additional connections one process holds: the limit on its open files is often 20,000, and
// cannot always be raised.
const mostHeld = 15_000

// crowd sends a load with additional connections, from as many processes as it takes to hold them, and reads what
// they cost the servers.
func crowd(ctx context.Context, v *scenarios.Visited, one scenarios.Load, seed uint64) (seen Seen, err error) {
	before, err := v.Cluster.Usage()
	if err != nil {
		return seen, fmt.Errorf("reading what %s uses: %w", v.Arm.Name, err)
	}
	n := (one.Timeline.Clients() + mostHeld - 1) / mostHeld
	if n > 1 && v.Runner.Several != nil {
		end, err := divide(ctx, v, &one, n)
		if err != nil {
			return seen, err
		}
		defer end()
	}
	cell, err := v.Load(ctx, one, seed)
	if err != nil {
		return seen, err
	}
	m, _ := results.MeasureNamed("held")
	if held := m.Of(cell, nil); held > 0 {
		grown := float64(results.PeakPSS(cell.Usage) - results.PeakPSS(before))
		seen.Values = map[string]float64{results.ConnectionMemory: max(0, grown) / held}
	}
	return seen, nil
}

// divide lets a load come from several processes; the function that it returns ends them.
func divide(ctx context.Context, v *scenarios.Visited, one *scenarios.Load, n int) (end func(), err error) {
	several, stop, err := v.Runner.Several(ctx, n)
	if err != nil {
		return nil, fmt.Errorf("starting %d processes that hold connections: %w", n, err)
	}
	alone := v.Runner.Measurer
	v.Runner.Measurer, one.Sources = several, sources(n)
	one.Scenario.MaxConnections = max(one.Scenario.MaxConnections, n)
	return func() {
		_ = stop() // the load is over, and its result complete
		v.Runner.Measurer = alone
	}, nil
}

// sources are addresses of this machine, each with its own range of ports.
func sources(n int) (all []netip.Addr) {
	for i := range n {
		all = append(all, netip.AddrFrom4([4]byte{127, 0, 0, byte(2 + i)}))
	}
	return all
}
