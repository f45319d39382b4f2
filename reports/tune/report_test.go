package tune

import (
	"testing"
	"time"

	"bench/results"
)

// cell is a closed loop of one second in the last round, all of whose responses took so long.
func cell(topology string, block, again int, perSecond uint64, took time.Duration) *results.Cell {
	h := results.NewHistogram()
	if err := h.RecordValues(took.Microseconds(), int64(perSecond)); err != nil {
		panic(err)
	}
	counts := results.Counts{Intended: perSecond, Sent: perSecond, OK: perSecond}
	return &results.Cell{
		Topology: topology, Scenario: "page", Load: results.FinalLoad + "-c8", Mode: "closed", Connections: 8,
		Block: block, Again: again, Duration: 1, Elapsed: 1, Counts: counts, Successful: perSecond, Grade: results.Valid,
		Intervals: []results.Interval{{Length: time.Second, Counts: counts, Hists: map[results.Series]*results.Packed{
			{Kind: results.Response}: results.Pack(h),
		}}},
	}
}

// A neighbour slows a setting in one block; what is measured again takes that cell's place, in either direction.
func TestWhatWasMeasuredAgainTakesItsPlace(t *testing.T) {
	const fast, slow = 10 * time.Millisecond, time.Second
	run := &results.Run{Manifest: results.Manifest{
		Kind: results.KindTune, Spec: []byte(`{"slo": "p99<200ms", "topology": "x", "baseline": "b"}`),
		Topologies: []results.TopologyRecord{{Name: "a"}, {Name: "b"}}, Scenarios: []results.ScenarioRecord{{Name: "page"}},
	}}
	for block := 1; block <= 4; block++ {
		a, b := cell("a", block, 0, 1000, fast), cell("b", block, 0, 800, fast)
		if block == 2 {
			a, b = cell("a", block, 0, 1000, slow), cell("b", block, 0, 8000, fast)
			run.Cells = append(run.Cells, cell("a", block, 1, 1000, fast), cell("b", block, 1, 800, fast))
		}
		run.Cells = append(run.Cells, a, b)
	}
	r, err := Build(run)
	if err != nil {
		t.Fatal(err)
	}
	if r.Best != "a" || r.RunnerUp != "b" || len(r.Settings) != 2 {
		t.Fatalf("best %q, runner-up %q of %d settings; want a before b", r.Best, r.RunnerUp, len(r.Settings))
	}
	for i, want := range []float64{1000, 800} {
		if s := r.Settings[i]; s.Boots != 4 || s.Throughput.Low < 0.99*want || s.Throughput.High > 1.01*want {
			t.Errorf("%s: %+v in %d boots; want %g/s in each of four", s.Name, s.Throughput, s.Boots, want)
		}
	}
}
