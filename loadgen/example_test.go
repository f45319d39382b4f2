package loadgen_test

import (
	"errors"
	"fmt"
	"time"

	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/targets"
)

// A plan is plain data, and what request n is and when it is due depends only on n: any number of
// senders can have a part each.
func ExamplePlan() {
	plan := loadgen.Plan{
		URL:  "http://127.0.0.1:8000",
		Mode: loadgen.Open, Pacer: pacing.Constant{PerSecond: 100}, Duration: 10 * time.Second,
		Mix:     targets.Mix{Targets: []targets.Target{{Name: "home", Method: "GET", Path: "/"}}},
		Conns:   loadgen.Conns{Max: 64},
		Timeout: time.Second,
	}
	if err := plan.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(plan)
	for _, part := range plan.Split(3) {
		first := part.Part.Nth(0)
		fmt.Printf("%v: %d requests, the first due at %v, on %d connections\n",
			part.Part, part.Intended(), plan.Pacer.Due(first), part.Connections())
	}
	// Output:
	// open loop, constant 100/s for 10s, up to 64 connections
	// part 1 of 3: 334 requests, the first due at 0s, on 22 connections
	// part 2 of 3: 333 requests, the first due at 10ms, on 21 connections
	// part 3 of 3: 333 requests, the first due at 20ms, on 21 connections
}

// Load goes only to this machine and to hosts that were named.
func ExampleGuard() {
	guard := loadgen.Guard{Hosts: []string{"staging.example"}}
	for _, url := range []string{"http://127.0.0.1:8000", "http://staging.example", "http://example.com"} {
		fmt.Println(url, "refused:", errors.Is(guard.Check(url), loadgen.ErrRefused))
	}
	// Output:
	// http://127.0.0.1:8000 refused: false
	// http://staging.example refused: false
	// http://example.com refused: true
}
