package servers

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bench/results"
)

// Placement says on which hosts the processes of topologies run, by the processes' names, so that a topology
// itself stays free of hosts. It is comparable, and a text that parses back: nginx=front,uwsgi=app-1+app-2. An
// empty one is this machine.
type Placement string

// NewPlacement is the placement of processes on hosts, whose replicas take them in turn.
func NewPlacement(hosts map[string][]string) Placement {
	var all []string
	for _, process := range slices.Sorted(maps.Keys(hosts)) {
		all = append(all, process+"="+strings.Join(hosts[process], "+"))
	}
	return Placement(strings.Join(all, ","))
}

// ParsePlacement reads PROCESS=HOST+HOST,PROCESS=HOST.
func ParsePlacement(text string) (Placement, error) {
	hosts := map[string][]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if text == "" {
			break
		}
		process, list, found := strings.Cut(pair, "=")
		names := strings.Split(list, "+")
		if !found || !plainName(process) || slices.ContainsFunc(names, func(n string) bool { return !plainName(n) }) {
			return "", fmt.Errorf("placement %q: %q: want PROCESS=HOST or PROCESS=HOST+HOST", text, pair)
		}
		if hosts[process] != nil {
			return "", fmt.Errorf("placement %q: %s is placed twice", text, process)
		}
		hosts[process] = names
	}
	return NewPlacement(hosts), nil
}

// Hosts are the hosts of a process; none: it is not placed.
func (p Placement) Hosts(process string) []string {
	for pair := range strings.SplitSeq(string(p), ",") {
		if name, list, _ := strings.Cut(pair, "="); name == process {
			return strings.Split(list, "+")
		}
	}
	return nil
}

func (p Placement) String() string { return string(p) }

// loopback is where servers listen that are not placed on hosts.
const loopback = "127.0.0.1"

// on is the host of one of the replicas of a process, numbered from 0.
func (h Host) on(process string, number int) (Host, error) {
	if h.Placed == nil {
		return h, nil
	}
	hosts := h.Placed[process]
	if len(hosts) == 0 {
		return h, fmt.Errorf("process %s has no host: place it in the fleet file, as in place: {%s: HOST}", process, process)
	}
	return hosts[number%len(hosts)], nil
}

// deciding is the host for whose cores a topology's defaults are: that of the first process with workers.
func (h Host) deciding(d Definition) (Host, error) {
	for _, p := range d.Processes {
		if p.Workers != "" {
			return h.on(p.Name, 0)
		}
	}
	return h.on(d.Entry.Process, 0)
}

// free are the ports that may be taken, by host.
func (h Host) free() map[string][]int {
	ports := map[string][]int{h.Name: h.Ports}
	for _, hosts := range h.Placed {
		for _, host := range hosts {
			ports[host.Name] = host.Ports
		}
	}
	return ports
}

// unplaceable is why what was asked for cannot be had on several hosts, if it cannot.
func (h Host) unplaceable() error {
	switch {
	case h.Placed == nil:
		return nil
	case len(h.Services) > 0:
		return fmt.Errorf("%s beside the servers is not supported on the hosts of a fleet yet: leave --fleet out, "+
			"or let the app name a database that its hosts reach (--db own)", strings.Join(h.Services, ", "))
	case h.Relay:
		return fmt.Errorf("counting bytes between processes is not supported on the hosts of a fleet yet: leave --fleet out")
	}
	return nil
}

// lacks says that a tool is missing on a host of a fleet.
func (h Host) lacks(tool string) error {
	missing := h.Tools.missing(tool)
	if missing == nil {
		missing = &MissingToolError{Tool: tool}
	}
	missing.Host = h.Name
	return missing
}

// lacking is the first library that is missing on a host which runs more of the topology than a proxy.
func (l layout) lacking() error {
	for _, r := range l.replicas {
		if r.host.Name == "" || l.definition.Tiers[r.definition.Tier] == results.ProxyRole {
			continue
		}
		for _, tool := range l.data.tools {
			if finderOf(tool).library && r.host.Tools.missing(tool) != nil {
				return r.host.lacks(tool)
			}
		}
	}
	return nil
}
