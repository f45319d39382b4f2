package tune_test

import (
	"fmt"
	"time"

	"bench/experiments/tune"
)

// A plan is decided before anything starts.
func ExampleSpec_Plan() {
	plan, err := tune.Spec{
		App: "bundled", Topology: "uwsgi", Params: []string{"workers=1..4", "threads=1,2,4"}, Profile: "controlled",
		SLO: "p99<200ms", Slice: 700 * time.Millisecond, Finals: 5,
	}.Plan()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(plan.Lines()[0])
	_, err = tune.Spec{
		App: "bundled", Topology: "uwsgi", Params: []string{"wokers=1..4"}, SLO: "p99<200ms", Slice: time.Second, Finals: 5,
	}.Plan()
	fmt.Println(err)
	// Output:
	// uwsgi: 12 settings of workers=1..4 and threads=1,2,4, under p99<200ms
	// --param wokers: uwsgi has no such parameter; it has workers, threads, static, reload
}
