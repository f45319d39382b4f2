package experiments

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"bench/loadgen"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
	"bench/targets"
)

// Fleet is the hosts that servers and load of one stack run on, as a command hands them in.
type Fleet interface {
	servers.Fleet
	http.RoundTripper // sends requests from where the load comes from
	// Planned are the hosts as they are known before any of them is asked.
	Planned(like servers.Host, processes []string) map[string][]servers.Host
	// Open reaches the hosts of those processes, and Settle brings them the prepared app.
	Open(ctx context.Context, processes []string) error
	Settle(ctx context.Context, site *servers.Site, app targets.App, keep bool, tools []string) error
	Measurer() loadgen.Measurer
	Record() []results.FleetHost
	Close() error
}

// processesOf are the kinds of processes of topologies.
func processesOf(topologies ...servers.Topology) (all []string) {
	for _, t := range topologies {
		d, err := servers.Define(t)
		if err != nil {
			continue // reported by whoever renders it
		}
		for _, p := range d.Processes {
			if !slices.Contains(all, p.Name) {
				all = append(all, p.Name)
			}
		}
	}
	return all
}

// Placeable refuses what cannot run on the hosts of a fleet yet.
func (e Env) Placeable(app targets.App, topologies []servers.Topology) error {
	switch {
	case e.Fleet == nil:
		return nil
	case len(app.Services) > 0 && app.Services[0] != servers.OwnServices:
		return Misuse(errors.New("--fleet: a database of bench's own beside the servers is not supported on hosts yet: " +
			"let the app name one that its hosts reach, with --db own"))
	}
	for _, t := range topologies {
		if err := e.unplaced(t); err != nil {
			return err
		}
	}
	return nil
}

// unplaced is why a topology cannot run on the hosts of the fleet, if it cannot.
func (e Env) unplaced(t servers.Topology) error {
	if !t.Boots() {
		return Misusef("--fleet: %s is running already: name it without --fleet", t)
	}
	for _, process := range processesOf(t) {
		if len(e.Placement.Hosts(process)) == 0 {
			return Misuse(&unplacedError{t, process})
		}
	}
	return nil
}

// unplacedError says that a process of a topology has no host in the fleet file.
type unplacedError struct {
	topology servers.Topology
	process  string
}

func (e *unplacedError) Error() string {
	return fmt.Sprintf("--fleet: topology %s: %s: %s", e.topology, e.reason(), e.remedy())
}

func (e *unplacedError) reason() string { return "process " + e.process + " has no host" }
func (e *unplacedError) remedy() string {
	return fmt.Sprintf("place it in the fleet file, as in place: {%s: HOST}", e.process)
}

// settle reaches the hosts of a fleet, and gets them ready to boot.
func (e Env) settle(ctx context.Context, st *Stack, topologies []servers.Topology) error {
	st.fleet = e.Fleet()
	tools, err := required(topologies)
	if err != nil {
		return err
	}
	if err := st.fleet.Open(ctx, processesOf(topologies...)); err != nil {
		return err
	}
	return st.fleet.Settle(ctx, st.Site, st.Project.App, st.Bundled, tools)
}

// UntimedOnFleet refuses scenarios that do something to processes, which only those of this machine can have done.
func (e Env) UntimedOnFleet(all []scenarios.Scenario) error {
	for _, s := range all {
		if e.Fleet != nil && len(s.Timeline) > 0 {
			return Misusef("--fleet: scenario %s has a timeline, which is not supported on hosts yet", s.Name)
		}
	}
	return nil
}
