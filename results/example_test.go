package results_test

import (
	"fmt"
	"os"
	"time"

	"bench/results"
)

// A cell is sealed as soon as it is measured. Whatever happens to the program after that, the
// directory loads with it; only the status says that the run did not finish.
func ExampleDirectory_Seal() {
	root, err := os.MkdirTemp("", "runs-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(root)
	started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	d, err := results.Create(root, results.Manifest{
		Kind: results.KindCompare, Name: "compare", Started: started, Topologies: []results.TopologyRecord{{Name: "uwsgi"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	histogram := results.NewHistogram()
	_ = histogram.RecordValue(1500) // microseconds
	var counts results.Counts
	counts.Add(results.OK, 1)
	err = d.Seal(&results.Cell{
		Index: 1, Topology: "uwsgi", Scenario: "page", Load: "closed", Mode: results.ClosedLoop, Connections: 1, Block: 1,
		Started: started, Duration: 1, Elapsed: 1, Counts: counts, Successful: 1, Grade: results.Valid,
		Intervals: []results.Interval{{Length: time.Second, Counts: counts, Hists: map[results.Series]*results.Packed{
			{Kind: results.Response, Target: "home"}: results.Pack(histogram),
		}}},
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	run, err := results.Load(d.Path)
	if err != nil {
		fmt.Println(err)
		return
	}
	response := results.Summarize(results.Total(run.Cells[0].Intervals, results.Response))
	fmt.Println(run.Manifest.Status, results.CellName(run.Cells[0]), response.P50, "µs")
	// Output: PARTIAL 001-uwsgi-page-closed-r1 1500 µs
}

// However it was written, an objective prints in one canonical form.
func ExampleParseObjectives() {
	objectives, err := results.ParseObjectives("p99<0.25s, errors < 0.1%")
	fmt.Println(objectives, err)
	_, err = results.ParseObjectives("p99 under 250")
	fmt.Println(err)
	// Output:
	// [p99 < 250ms errors < 0.1%] <nil>
	// parsing "p99 under 250": column 14: no '<'; write a limit such as p99 < 250ms or errors < 0.1%
}
