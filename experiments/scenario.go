package experiments

import (
	"path/filepath"
	"slices"
	"time"

	"bench/results"
	"bench/scenarios"
	"bench/servers"
	"bench/targets"
)

// responseTimeout bounds a request of the mix in bench.yaml.
const responseTimeout = 10 * time.Second

// ProjectScenario is the mix of an app's bench.yaml as a scenario; false if it has none.
func ProjectScenario(project targets.Project, connections int) (scenarios.Scenario, bool) {
	return scenarios.Scenario{
		Name: results.MixScenario, Summary: "the mix of bench.yaml", Mix: project.Mix,
		Connections: connections, Timeout: responseTimeout,
	}, len(project.Mix.Targets) > 0
}

// NoMix is the mistake of a project that does not say what to request: the built-in scenarios request
// pages of the bundled one.
func NoMix(project targets.Project) error {
	return Misusef("%s has no mix: list the requests to send under mix: (docs/MIX.md)",
		filepath.Join(project.App.Dir, targets.ProjectFile))
}

// pairConnections is the number of connections for each of two versions that share the machine.
const pairConnections = 16

// OneScenario is the named scenario; without a name, the mix of bench.yaml, and for the bundled project
// page.
func OneScenario(name string, project targets.Project) (scenarios.Scenario, error) {
	if mix, has := ProjectScenario(project, pairConnections); has && name == "" {
		return mix, nil
	}
	if name == "" {
		if project.App.Dir != "" {
			return scenarios.Scenario{}, NoMix(project)
		}
		name = "page"
	}
	scenario, err := scenarios.Named(name)
	if err != nil {
		return scenario, Misuse(err)
	}
	scenario.Connections = pairConnections
	return scenario, nil
}

// OneHost gives all requests of a scenario the same Host header, whichever topology they go to: an app
// may answer with links to itself, and the ports of its servers differ from boot to boot. Requests to
// a server that is already running keep its address, unless bench.yaml names a host.
func OneHost(s scenarios.Scenario, project targets.Project, topologies ...servers.Topology) scenarios.Scenario {
	running := slices.ContainsFunc(topologies, func(t servers.Topology) bool { return !t.Boots() })
	if !running || project.App.Host != "" {
		s.Mix = s.Mix.WithHost(project.App.HostHeader())
	}
	return s
}
