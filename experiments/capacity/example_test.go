package capacity_test

import (
	"fmt"
	"time"

	"bench/experiments/capacity"
)

// A sweep becomes configurations, some of which are predicted before they are measured.
func ExampleSpec_Plan() {
	plan, err := capacity.Spec{
		App: "bundled", Topology: "uwsgi", Scenario: "io", Profile: "controlled", SLO: "p99<100ms",
		Sweep: "workers=1,2", Validate: capacity.Auto, Headroom: capacity.Auto,
		Budget: time.Minute, Width: 0.05, Seed: 1,
	}.Plan()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, config := range plan.Configurations() {
		fmt.Println(config.Arm.Name, config.HeldOut)
	}
	fmt.Println(plan.Estimate() > 4*time.Minute)
	// Output:
	// uwsgi-workers=1 false
	// uwsgi-workers=2 false
	// uwsgi-workers=3 true
	// true
}
