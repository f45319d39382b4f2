package experiments

import (
	"time"

	"bench/results"
	"bench/scenarios"
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

// pairConnections is the number of connections for each of two versions that share the machine.
const pairConnections = 16

// OneScenario is the named scenario; without a name, the mix of bench.yaml, else page.
func OneScenario(name string, project targets.Project) (scenarios.Scenario, error) {
	if mix, has := ProjectScenario(project, pairConnections); has && name == "" {
		return mix, nil
	}
	if name == "" {
		name = "page"
	}
	scenario, err := scenarios.Named(name)
	if err != nil {
		return scenario, Misuse(err)
	}
	scenario.Connections = pairConnections
	return scenario, nil
}
