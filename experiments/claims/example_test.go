package claims_test

import (
	"fmt"

	"bench/experiments/claims"
)

// A plan is decided before anything starts.
func ExampleSpec_Plan() {
	plan, err := claims.Spec{App: "bundled", Claims: []string{"small-sites"}, Preset: "quick"}.Plan()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(plan.Lines()[0])
	_, err = claims.Spec{App: "bundled", Preset: "quick", Blocks: 1}.Plan()
	fmt.Println(err)
	// Output:
	// small-sites: Small sites need no nginx
	// --blocks 1: want 2 to 1000; a single one has no interval
}
