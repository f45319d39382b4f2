package load_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"bench/reports/load"
	"bench/reports/page"
	"bench/results"
)

// The page of a load from several workers has a row for each, says which was lost, and draws those that
// measured something; that of a load from one process has no such section.
func TestWorkersOfALoad(t *testing.T) {
	const workers = `,"workers": [
		{"name": "gen1", "host": "a", "clock_offset_ns": 600000012345, "clock_bound_ns": 126000, "start_late_ns": -2000,
		 "counts": {"intended": 10, "ok": 10}, "response_us": {"count": 10, "min": 100, "p50": 1020, "p99": 3940},
		 "cpu_seconds": 0.25, "grade": "VALID"},
		{"name": "gen2", "host": "b", "counts": {"intended": 4, "ok": 4},
		 "response_us": {"count": 4, "min": 90, "p50": 900, "p99": 5000}, "grade": "INVALID", "lost": "its link went down"}]`
	for _, more := range []string{"", workers} {
		report, err := load.Build(&results.Run{
			Manifest: results.Manifest{Kind: results.KindLoad, Findings: json.RawMessage(`{
				"target": "http://127.0.0.1:8000/", "grade": "VALID", "response_us": {"count": 14, "p50": 1000, "p99": 5000}` +
				more + `}`)},
			Cells: []*results.Cell{{Mode: results.OpenLoop}},
		})
		if err != nil {
			t.Fatal(err)
		}
		sections := report.Document().Filled()
		i := slices.IndexFunc(sections, func(s page.Section) bool { return s.ID == "workers" })
		if more == "" {
			if i >= 0 {
				t.Errorf("%+v; want no section on workers", sections[i])
			}
			continue
		}
		if i < 0 {
			t.Fatal("there is no section on workers")
		}
		rows, want := sections[i].Tables[0].Rows, []string{
			"gen1", "a", "10m0.000012s", "126µs", "-2µs", "10", "10", "1.02 ms", "3.94 ms", "0.25 s", "VALID",
		}
		if len(rows) != 2 || !slices.Equal(rows[0], want) || !strings.Contains(rows[1][10], "LOST: its link went down") {
			t.Errorf("%q; want %q, and a second one that was lost", rows, want)
		}
		if f := sections[i].Figures; len(f) != 1 || len(f[0].Series[0].Points) != 2 || f[0].Series[0].Points[1].High != 5000 {
			t.Errorf("%+v; want a figure with both workers", f)
		}
	}
}
