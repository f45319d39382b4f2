package diff

import (
	"fmt"
	"strings"
	"testing"

	"bench/results"
)

// made is a run of four cells with response times around the given number of microseconds, and CPU time
// that does not depend on them.
func made(topology string, us int64) *results.Run {
	run := &results.Run{Manifest: results.Manifest{Kind: results.KindCompare, Host: results.Host{CPU: "A", Cores: 2}}}
	for block := range 4 {
		h := results.NewHistogram()
		for i := range int64(400) {
			_ = h.RecordValue(us + us*i/4000 + int64(block))
		}
		run.Cells = append(run.Cells, &results.Cell{
			Topology: topology, Scenario: "page", Load: "rate-100", Mode: results.OpenLoop, Block: block + 1, Duration: 4,
			Grade: results.Valid, Counts: results.Counts{Intended: 400, Sent: 400, OK: 400},
			Intervals: []results.Interval{{
				Hists: map[results.Series]*results.Packed{{Kind: results.Response}: results.Pack(h)},
			}},
		})
	}
	return run
}

func Example() {
	r := Build("old", made("uwsgi", 1000), "new", made("uwsgi", 1100))
	for _, c := range r.Changes {
		fmt.Printf("%s %.2f %s\n", c.Metric, c.Ratio.Value, verdicts[c.Better])
	}
	// Output:
	// p50 1.10 worse
	// p99 1.10 worse
}

func TestEqualRunsShowNoDifference(t *testing.T) {
	d := Build("old", made("uwsgi", 1000), "new", made("uwsgi", 1000)).Document()
	if !strings.HasPrefix(d.Headline, "No difference is shown") || d.Outcome.Label != "COMPARED" {
		t.Errorf("%s: %s", d.Outcome.Label, d.Headline)
	}
}

func TestRunsOfDifferentMachinesAreMarked(t *testing.T) {
	other := made("uwsgi", 1000)
	other.Manifest.Host.Cores = 64
	d := Build("old", made("uwsgi", 1000), "new", other).Document()
	if d.Outcome.Label != "UNLIKE" || !strings.Contains(strings.Join(d.Lead, " "), "cores: 2 and 64") {
		t.Errorf("%s: %v", d.Outcome.Label, d.Lead)
	}
}

func TestRunsWithoutACommonLoad(t *testing.T) {
	r := Build("old", made("uwsgi", 1000), "new", made("runserver", 1000))
	if d := r.Document(); d.Outcome.Label != "NOTHING IN COMMON" || len(r.Only) != 2 {
		t.Errorf("%s: %v", d.Outcome.Label, r.Only)
	}
}
