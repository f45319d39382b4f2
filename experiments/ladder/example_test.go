package ladder_test

import (
	"fmt"
	"strings"

	"bench/experiments/ladder"
)

// A plan is decided before anything starts: the rungs, from the lowest, and the detours.
func ExampleSpec_Plan() {
	plan, err := ladder.Spec{
		App: "bundled", Ladder: ladder.DefaultLadder, Scenario: "io", Profile: "controlled", Preset: "quick", Seed: 1,
	}.Plan()
	if err != nil {
		fmt.Println(err)
		return
	}
	first, last := plan.Ladder.Rungs[0], plan.Ladder.Rungs[len(plan.Ladder.Rungs)-1]
	fmt.Println(first.Name, "is", first.Topology)
	fmt.Println(last.Name, "adds", last.Adds)
	for _, line := range plan.Lines() {
		if strings.HasPrefix(line, "io:") {
			fmt.Println(line)
		}
	}
	// Output:
	// one-thread is runserver:threads=off
	// cache adds a cache in the proxy, for responses that say for how long they may be kept
	// io: closed loop on up to 64 keep-alive connections for at least 700ms
	// io: open loop at 0.6 times the slowest topology's maximum throughput, on at most 64 connections, for 450ms each
}
