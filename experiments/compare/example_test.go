package compare_test

import (
	"fmt"

	"bench/experiments/compare"
)

// A plan is decided before anything starts.
func ExampleSpec_Plan() {
	plan, err := compare.Spec{
		App: "bundled", Topologies: "runserver,uwsgi:workers=2,threads=4", Profile: "controlled",
		Scenarios: []string{"json"}, Preset: "quick", Blocks: 2, Seed: 1,
	}.Plan()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, arm := range plan.Experiment.Arms {
		fmt.Println(arm.Name, "is", arm.Topology)
	}
	for _, load := range plan.Experiment.Loads() {
		fmt.Println(load.Scenario.Name, load.Name, load.Duration)
	}
	// Output:
	// runserver is runserver:profile=controlled
	// uwsgi is uwsgi:profile=controlled,threads=4,workers=2
	// json closed 700ms
	// json closed-new 300ms
}

// Mistakes in a spec are reported before anything starts, too.
func ExampleSpec_Plan_mistake() {
	_, err := compare.Spec{App: "bundled", Topologies: "uwsgi,uwsgi", Preset: "quick"}.Plan()
	fmt.Println(err)
	// Output: topology uwsgi is given twice
}
