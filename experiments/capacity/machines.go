package capacity

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bench/experiments"
	"bench/results"
	"bench/servers"
)

// nodesShare is the share of this host's cores that the machines have together; the proxy and the
// load generator have the rest. With more than mostNodes, the rest is not enough.
const (
	nodesShare = 0.6
	mostNodes  = 0.8
)

// leastQuota is the smallest share of a core, in percent, that counts as a machine.
const leastQuota = 10

// machineNodes turns --machines into a sweep over backends with a CPU quota each: the topology's cpu,
// or an equal share for the largest number of them.
//
// Where quotas cannot be set, one machine is the topology with one backend and no quota, and a
// diagnostic says so.
func machineNodes(s Spec) (Spec, []results.Diagnostic, error) {
	base, most, err := nodesPlan(s, "backends", "cpu")
	if err != nil {
		return s, nil, err
	}
	percent := int(nodesShare * 100 * float64(servers.ThisHost().Cores) / float64(most))
	if given := base.Param("cpu"); given != "" {
		if percent, err = strconv.Atoi(given); err != nil {
			return s, nil, experiments.Misusef("cpu=%s: want a percentage of a core", given)
		}
	}
	room := int(mostNodes * 100 * float64(servers.ThisHost().Cores))
	if percent < leastQuota || percent*most > room {
		return s, nil, experiments.Misusef("--machines: %d machines of %d %% of a core each: want at least %d %% each and "+
			"at most %d %% together on this host, since the proxy and the load generator need the rest",
			most, percent, leastQuota, room)
	}
	if err := servers.CanLimit(float64(percent) / 100); err != nil {
		s.Topology, s.Machines = base.Without("cpu").With("backends", "1").String(), ""
		d := results.Diagnostic{
			Code:    "machines-extrapolated",
			Message: fmt.Sprintf("--machines: %v: one machine was measured, and more are extrapolated from it", err),
			Hint:    "Run as root, or in a delegated control group.", Severity: results.Warning,
		}
		if s.Validate != "" {
			d.Message += "; there is nothing for --validate to predict"
			s.Validate = ""
		}
		return s, []results.Diagnostic{d}, nil
	}
	s.Topology, s.Sweep = base.With("cpu", strconv.Itoa(percent)).String(), "backends="+s.Machines
	return s, nil, nil
}

// machineHosts turns --machines into a sweep over backends that have a host of the fleet each.
func machineHosts(s Spec) (Spec, error) {
	base, most, err := nodesPlan(s, "backends")
	if err != nil {
		return s, err
	}
	if ofMachines(base) {
		return s, experiments.Misusef("--topology %s: cpu= makes machines of this one's cores, and with --fleet they are "+
			"hosts: leave it out", base)
	}
	definition, err := servers.Define(base)
	if err != nil {
		return s, experiments.Misuse(err)
	}
	for _, p := range definition.Processes {
		if hosts := len(s.Placement.Hosts(p.Name)); strings.Contains(p.Replicas, "backends") && hosts < most {
			return s, experiments.Misusef("--machines: %d machines need a host of the fleet each, and the process %s has %d: "+
				"place it on a group of hosts", most, p.Name, hosts)
		}
	}
	s.Topology, s.Sweep = base.String(), "backends="+s.Machines
	return s, nil
}

// ofMachines reports whether a topology's backends are machines of their own.
func ofMachines(t servers.Topology) bool {
	cpu := t.Param("cpu")
	return t.Boots() && cpu != "" && cpu != "0"
}

// nodesPlan is the topology whose backends become machines, which has those parameters, and the largest number of
// them.
func nodesPlan(s Spec, params ...string) (base servers.Topology, most int, err error) {
	if s.Sweep != "" {
		return base, 0, experiments.Misusef("--machines is itself a sweep: leave out --sweep %s", s.Sweep)
	}
	topologies, err := experiments.ParseTopologies(s.Topology, s.Profile)
	if err != nil {
		return base, 0, err
	}
	if len(topologies) != 1 || !topologies[0].Boots() {
		return base, 0, experiments.Misusef("--machines needs one topology that bench boots, not %q", s.Topology)
	}
	base = topologies[0]
	definition, err := servers.Define(base)
	if err != nil {
		return base, 0, experiments.Misuse(err)
	}
	for _, name := range params {
		if !definition.Has(name) {
			return base, 0, experiments.Misusef("--machines: %s has no parameter %s, so its parts cannot be "+
				"machines of their own: use a topology that has one, such as %s", base.Name, name, servers.DefaultTopology)
		}
	}
	counts, err := parseValues("--machines", s.Machines)
	if err != nil {
		return base, 0, err
	}
	heldOut, err := s.heldOut(counts)
	if err != nil {
		return base, 0, err
	}
	return base, slices.Max(slices.Concat(counts, heldOut)), nil
}
