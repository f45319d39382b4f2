package experiments_test

import (
	"context"
	"fmt"
	"os"

	"bench/experiments"
	"bench/results"
)

// A view of a run subscribes to its events. This one prints their kinds; bench's own redraws a line
// on the terminal.
func ExampleConduct() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	env := experiments.Env{
		Results: dir, Engine: &instant{},
		Emit: func(e experiments.Event) { fmt.Println(e.Kind()) },
	}
	result, err := experiments.Conduct(context.Background(), env, experiments.Task{
		Manifest: results.Manifest{Kind: results.KindGate},
		Raw:      true, // it is not judged
		Measure: func(_ context.Context, run *experiments.Run) error {
			run.Emit(experiments.EstimateSoFar{Text: "pair 1 of 1", Step: 1, Of: 1})
			return nil
		},
	})
	fmt.Println(result.Dir != "", err)
	// Output:
	// doing
	// run-started
	// estimate
	// true <nil>
}
