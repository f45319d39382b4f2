package history_test

import (
	"fmt"
	"time"

	"bench/reports/history"
	"bench/results"
)

// Ten runs; the last five cost more.
func ExampleTrend() {
	var entries []results.Entry
	for day, cpu := range []float64{2, 2.01, 1.99, 2, 2.02, 2.4, 2.41, 2.39, 2.4, 2.42} {
		entries = append(entries, results.Entry{
			At: time.Date(2026, 1, day+1, 0, 0, 0, 0, time.UTC), App: "shop", Topology: "uwsgi", Scenario: "page",
			Commit: fmt.Sprintf("c%d", day), Fingerprint: "f1", Metrics: map[string]float64{"cpu_ms_per_request": cpu},
		})
	}
	for _, series := range history.Trend(entries, "shop", "uwsgi", "cpu_ms_per_request", "c0") {
		for _, c := range series.Changes {
			fmt.Printf("from %s on: %.2f ms instead of %.2f ms\n", c.Commit, c.After, c.Before)
		}
		fmt.Printf("the latest runs against c0: %.2f\n", series.Drift.Ratio)
	}
	// Output:
	// from c5 on: 2.40 ms instead of 2.00 ms
	// the latest runs against c0: 1.20
}
