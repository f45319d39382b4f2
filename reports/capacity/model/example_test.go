package model_test

import (
	"fmt"

	"bench/reports/capacity/model"
)

// Two workers with one thread each, on a machine with two cores: a request takes 4 ms of CPU time and
// waits 16 ms for a database.
func ExampleSystem() {
	servers := model.System{
		Configuration: model.Configuration{Queues: 1, Workers: 2, Threads: 1},
		Cores:         2, Slowdown: 1,
		Kinds: []model.Kind{{Weight: 1, Work: 0.004, Wait: 0.016}},
	}
	for _, limit := range servers.Limits() {
		fmt.Printf("%s: %.0f/s\n", limit.Resource, limit.Rate)
	}
	busy := servers.Simulate(80, 20_000, 1)
	fmt.Printf("at 80/s, more than half are answered within 25 ms: %v\n", busy.Quantile(0.5) < 0.025)
	// Output:
	// worker concurrency: 100/s
	// CPU cores: 500/s
	// at 80/s, more than half are answered within 25 ms: false
}

// The measured cost of a request predicts what three workers can do.
func ExampleModel_Predict() {
	m := model.Model{
		Cores: 2, Slowdown: 1,
		Kinds:      []model.Kind{{Weight: 1, Work: 0.004, Wait: 0.016}},
		Goals:      []model.Goal{{Percentile: 99, Limit: 0.100}},
		Correction: model.Correct([]model.Speed{{Value: 1.02, SE: 0.01}, {Value: 1.00, SE: 0.01}}),
		Precision:  model.Precision{Requests: 20_000},
	}
	predicted := m.Predict(model.Configuration{Queues: 1, Workers: 3, Threads: 1}, false)
	fmt.Println("first limit:", predicted.Limits[0].Resource)
	fmt.Println("below it:", predicted.Capacity.High < predicted.Limits[0].Rate*1.1)
	// Output:
	// first limit: worker concurrency
	// below it: true
}

func ExampleErlangC() {
	fmt.Printf("with 4 workers, %.0f %% wait at 2 Erlangs, and %.0f %% at 3.8\n",
		model.ErlangC(2, 4)*100, model.ErlangC(3.8, 4)*100)
	// Output: with 4 workers, 17 % wait at 2 Erlangs, and 89 % at 3.8
}
