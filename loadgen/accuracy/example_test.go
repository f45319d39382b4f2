package accuracy_test

import (
	"fmt"
	"time"

	"bench/loadgen/accuracy"
)

// A queueing server's service times are a pure function of the request's number, so that the
// server and the check of its figures know the same times.
func ExampleService() {
	times, err := accuracy.Service{Law: "exponential", Mean: 10 * time.Millisecond, Seed: 1}.Times()
	if err != nil {
		fmt.Println(err)
		return
	}
	var sum time.Duration
	const n = 100_000
	for i := range uint64(n) {
		sum += times(i)
	}
	first := times(7)
	fmt.Println("mean of 100000:", (sum / n).Round(time.Millisecond), "repeatable:", first == times(7))
	// Output:
	// mean of 100000: 10ms repeatable: true
}
