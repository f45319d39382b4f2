package capacity_test

import (
	"fmt"

	"bench/reports/capacity"
	"bench/results"
)

// A run that ended before its first search has a report too.
func ExampleBuild() {
	run := &results.Run{Manifest: results.Manifest{
		Kind:       results.KindCapacity,
		Spec:       []byte(`{"slo": "p99<100ms", "sweep": "workers"}`),
		Findings:   []byte(`{"configurations": []}`),
		Status:     results.Partial,
		Topologies: []results.TopologyRecord{{Name: "uwsgi", Ref: "uwsgi:workers=1"}},
		Scenarios:  []results.ScenarioRecord{{Name: "io"}},
	}}
	report, err := capacity.Build(run)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Headline())
	fmt.Println(report.Document().Outcome.Label)
	// Output:
	// Nothing was measured.
	// INVALID, PARTIAL
}
