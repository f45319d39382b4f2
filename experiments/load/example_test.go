package load_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"bench/experiments"
	"bench/experiments/load"
	"bench/loadgen"
	"bench/loadgen/native"
	"bench/loadgen/pacing"
	"bench/results"
	"bench/targets"
)

func Example() {
	folder, err := os.MkdirTemp("", "runs")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	done := results.Counts{Intended: 100, Sent: 100, OK: 100}
	kept, err := load.Keep(context.Background(), experiments.Env{Results: folder, Engine: native.Engine{}}, load.Load{
		Plan: loadgen.Plan{
			URL: "http://127.0.0.1:8000", Mode: loadgen.Open, Pacer: pacing.Constant{PerSecond: 100}, Duration: time.Second,
			Mix:   targets.Mix{Targets: []targets.Target{{Name: "home", Path: "/"}}},
			Conns: loadgen.Conns{Max: 32},
		},
		Measurement: loadgen.Measurement{
			Grade: results.Valid, Elapsed: time.Second,
			Outcome: loadgen.Outcome{
				Counts: done, Intervals: []results.Interval{{Length: time.Second, Counts: done}},
			},
		},
		Started: time.Now(),
		Result:  map[string]any{"schema": "bench.load/2", "target": "http://127.0.0.1:8000/", "grade": "VALID"},
	})
	fmt.Println(kept.Document.Title, err)
	// Output: How does http://127.0.0.1:8000/ respond? <nil>
}
