package experiments

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"bench/loadgen"
	"bench/results"
	"bench/scenarios"
	"bench/servers"
	"bench/targets"
)

// Fleet is the hosts that servers and load run on, as a command hands them in.
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
		if !t.Boots() {
			return Misusef("--fleet: %s is running already: name it without --fleet", t)
		}
		placed := e.Fleet.Planned(servers.ThisHost(), processesOf(t))
		for _, process := range processesOf(t) {
			if len(placed[process]) == 0 {
				return Misusef("--fleet: topology %s: process %s has no host: place it in the fleet file, as in place: {%s: HOST}",
					t, process, process)
			}
		}
	}
	return nil
}

// hostFor is this machine with what it needs: to prepare the app, if servers run elsewhere.
func (e Env) hostFor(ctx context.Context, app targets.App, topologies []servers.Topology) (servers.Host, error) {
	if e.Fleet != nil {
		topologies = nil
	}
	return e.Host(ctx, app, topologies)
}

// settle reaches the hosts of a fleet, and gets them ready to boot.
func (e Env) settle(ctx context.Context, st *Stack, topologies []servers.Topology) error {
	st.fleet = e.Fleet
	tools, err := required(topologies)
	if err != nil {
		return err
	}
	if err := e.Fleet.Open(ctx, processesOf(topologies...)); err != nil {
		return err
	}
	return e.Fleet.Settle(ctx, st.Site, st.Project.App, st.Bundled, tools)
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
