package pacing_test

import (
	"fmt"
	"time"

	"bench/loadgen/pacing"
)

func Example() {
	p, err := pacing.Parse("ramp 10/s 100/s over 10s")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Due(0), p.Due(100).Round(time.Millisecond), p.Rate(5*time.Second))
	fmt.Println(pacing.Count(p, pacing.Length(p)), "requests in", pacing.Length(p))
	// Output:
	// 0s 3.732s 55
	// 550 requests in 10s
}

func ExamplePoisson() {
	p := pacing.Poisson{Of: pacing.Constant{PerSecond: 100}, Seed: 7}
	schedule := pacing.NewSchedule(p)
	for n := range uint64(3) {
		fmt.Println(schedule.Due(n).Round(time.Millisecond))
	}
	again, err := pacing.Parse(p.String())
	fmt.Println(p, again.Due(2) == p.Due(2), err)
	// Output:
	// 20ms
	// 51ms
	// 61ms
	// poisson 7 constant 100/s true <nil>
}
