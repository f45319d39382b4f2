package load_test

import (
	"encoding/json"
	"fmt"

	"bench/reports/load"
	"bench/results"
)

func Example() {
	report, err := load.Build(&results.Run{
		Manifest: results.Manifest{Kind: results.KindLoad, Findings: json.RawMessage(`{
			"target": "http://127.0.0.1:8000/", "grade": "VALID", "pacer": "constant 300/s", "duration_s": 10,
			"rate": {"offered": 300, "achieved": 299.9}, "response_us": {"count": 3000, "p50": 1200, "p99": 41000},
			"slo": [{"objective": "p99 < 50ms", "value": 41000, "verdict": "met"}]}`)},
		Cells: []*results.Cell{{Mode: results.OpenLoop}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	d := report.Document()
	fmt.Println(d.Title)
	fmt.Println(d.Tiles[0].Name, d.Tiles[0].Value)
	// Output:
	// How does http://127.0.0.1:8000/ respond?
	// p99 of the response time 41.0 ms
}
