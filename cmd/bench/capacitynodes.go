package main

import (
	"slices"
	"strconv"

	"bench/servers"
)

// nodesShare is the share of this box's cores that its machines have together; the proxy and
// the load generator have the rest.
const nodesShare = 0.6

// machineNodes turns --machines into a sweep over backends that each have a CPU quota. Without
// one of its own in the topology, they share out what the greatest number of them leaves to each.
func machineNodes(base servers.Topology, o capacityOptions) (t servers.Topology, sweep string, err error) {
	if o.sweep != "" {
		return t, "", usagef("--machines is a sweep of its own; leave out --sweep %s", o.sweep)
	}
	counts, err := parseSizes("--machines", o.machines)
	if err != nil {
		return t, "", err
	}
	if base.Name == "url" {
		return t, "", usagef("--machines needs a topology that bench boots, not %s", base)
	}
	definition, err := servers.Define(base.Name)
	if err != nil {
		return t, "", usageError{err}
	}
	for _, name := range []string{"backends", "cpu"} {
		if !slices.ContainsFunc(definition.Params, func(p servers.Param) bool { return p.Name == name }) {
			return t, "", usagef("--machines: %s has no parameter %s, so no part of it can be a machine of its own; nginx-uwsgi has", base.Name, name)
		}
	}
	most := slices.Max(counts)
	if o.validate != "" && o.validate != unseenByItself {
		unseen, err := parseSizes("--validate", o.validate)
		if err != nil {
			return t, "", err
		}
		most = max(most, slices.Max(unseen))
	} else if o.validate == unseenByItself {
		most = max(most, slices.Max(unseenValues(counts)))
	}
	if base.Param("cpu") == "" {
		percent := int(nodesShare * 100 * float64(servers.ThisHost().Cores) / float64(most))
		if percent < leastQuota {
			return t, "", usagef("--machines %s: %d machines would have less than %d %% of a core each on this box", o.machines, most, leastQuota)
		}
		base = base.With("cpu", strconv.Itoa(percent))
	}
	return base, "backends=" + o.machines, nil
}

// leastQuota is the least share of a core, in percent, that the kernel can count in periods of
// 10 ms.
const leastQuota = 10
