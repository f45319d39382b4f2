package compare_test

import (
	"fmt"
	"time"

	"bench/reports/compare"
	"bench/results"
)

// A report is a pure function of a run: here, of two topologies measured in one block.
func ExampleBuild() {
	run := &results.Run{Manifest: results.Manifest{
		Status: results.Complete, Blocks: 1, Baseline: "runserver",
		Scenarios:  []results.ScenarioRecord{{Name: "page"}},
		Topologies: []results.TopologyRecord{{Name: "runserver"}, {Name: "uwsgi", Concurrency: 2}},
	}}
	for topology, answered := range map[string]uint64{"runserver": 300, "uwsgi": 900} {
		run.Cells = append(run.Cells, &results.Cell{
			Topology: topology, Scenario: "page", Load: "closed", Mode: results.ClosedLoop, Connections: 16,
			Block: 1, Successful: answered, Duration: time.Second.Seconds(), Grade: results.Valid,
		})
	}
	report, err := compare.Build(run)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Document().Outcome.Label)
	fmt.Println(report.Scenarios[0].Finding)
	// Output:
	// VALID
	// one block only, so no verdict: uwsgi 3.00× (no CI).
}
