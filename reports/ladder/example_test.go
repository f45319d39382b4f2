package ladder_test

import (
	"fmt"

	"bench/reports/ladder"
	"bench/results"
)

// A ladder needs two rungs.
func ExampleBuild() {
	_, err := ladder.Build(&results.Run{Manifest: results.Manifest{
		Kind: results.KindLadder, Spec: []byte(`{"ladder": "mine", "rungs": [{"name": "only"}]}`),
	}})
	fmt.Println(err)
	// Output: building the report: the ladder has 1 rungs, and a step needs two
}
