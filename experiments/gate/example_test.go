package gate_test

import (
	"fmt"
	"time"

	"bench/experiments/gate"
)

// Mistakes in a gate are reported before any version is looked at.
func ExampleSpec_Validate() {
	spec := gate.Spec{Base: "v1.4", Topology: "uwsgi", Profile: "controlled", Budget: 20 * time.Second}
	fmt.Println(spec.Validate())
	spec.Budget, spec.Metrics = 4*time.Minute, []string{"p50_ms=3%"}
	fmt.Println(spec.Validate())
	// Output:
	// --budget 20s is too small: a verdict needs at least 5 pairs, about 50s
	// <nil>
}
