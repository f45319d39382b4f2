package jobs_test

import (
	"fmt"

	"bench/fleet/jobs"
)

func ExampleJob() {
	j := jobs.Job{Args: []string{"compare", "--topologies", "all"}, State: jobs.Running, Machine: "bench1"}
	fmt.Println(j.Command(), "on", j.Machine, "is over:", j.Over())
	// Output: bench compare --topologies all on bench1 is over: false
}
