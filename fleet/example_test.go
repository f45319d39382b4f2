package fleet_test

import (
	"fmt"
	"time"

	"bench/fleet"
)

func ExampleClock() {
	clock := fleet.Clock(fleet.Monotonic)
	before := clock()
	time.Sleep(time.Millisecond)
	fmt.Println(clock()-before >= time.Millisecond)
	// Output: true
}
