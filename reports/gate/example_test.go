package gate_test

import (
	"fmt"
	"time"

	"bench/reports/gate"
	"bench/results"
)

// A gate judges pairs: here, of a head that costs more CPU time and nothing else.
func ExampleJudge() {
	run := gate.Run{Run: &results.Run{}, Gate: &results.Gate{GateFindings: results.GateFindings{SlowMicros: 4000}}}
	run.Manifest.Status = results.Complete
	for pair := 1; pair <= 20; pair++ {
		noise := time.Duration(pair%3) * 10 * time.Millisecond
		run.Cells = append(run.Cells,
			cell(results.Base, pair, 2*time.Second+noise), cell(results.Head, pair, 2200*time.Millisecond-noise))
	}
	cpu := gate.Metrics()[:1]
	report := gate.Judge(run, cpu)
	fmt.Printf("%s: %+.1f %%\n", report.Verdict, (report.Metrics[0].Ratio.Value-1)*100)
	// Output: regression: +9.0 %
}

// cell is an arm of a pair with a thousand requests, which took the given CPU time.
func cell(arm string, pair int, cpu time.Duration) *results.Cell {
	took := results.NewHistogram()
	_ = took.RecordValue(3000)
	c := &results.Cell{Topology: arm, Load: results.Interleaved, Block: pair, Grade: results.Valid}
	c.Counts.Add(results.OK, 1000)
	c.Usage = []results.Usage{{Tier: "app"}, {At: time.Second, Tier: "app", CPU: cpu}}
	c.Intervals = []results.Interval{{Counts: c.Counts, Length: time.Second, Hists: map[results.Series]*results.Packed{
		{Kind: results.Response, Target: "home"}: results.Pack(took),
	}}}
	return c
}
