package scenarios

import (
	"fmt"
	"testing"
	"time"

	"bench/loadgen"
	"bench/loadgen/pacing"
	"bench/results"
)

// Stored runs are judged by when their requests were due: the same seed gives the same requests
// at the same times, however this code changes. The times are those of bench 1.
func TestCellsKeepTheirArrivals(t *testing.T) {
	numbers := []uint64{0, 1, 15, 16, 17, 31, 32, 255, 256, 5000, 100000}
	staggered := func(second bool) pacing.Pacer {
		return pacing.Staggered{Of: users(120), By: 4166666 * time.Nanosecond, Second: second}
	}
	for _, row := range []struct {
		pacer    pacing.Pacer
		seed     uint64
		text     string
		due      string
		intended uint64
	}{
		{users(300), 11, "poisson 11 constant 300/s",
			"[4094780 5491754 57529029 61655983 64940991 110715797 " +
				"113938212 836828272 850774952 16584150976 332305264039]", 305},
		{users(47.3), 18446744073709551557, "poisson 18446744073709551557 constant 47.3/s",
			"[8193076 21645765 604258031 630124952 659902642 918945932 " +
				"992336767 5240467570 5241323482 106428995317 2122291836278]", 33},
		{staggered(false), 7, "staggered 4.166666ms first poisson 7 constant 120/s",
			"[16316466 42420629 184114413 194213556 198903913 312061259 " +
				"312061259 2179570898 2187814948 42676490942 834499571145]", 115},
		{staggered(true), 7, "staggered 4.166666ms second poisson 7 constant 120/s",
			"[20483132 46587295 188281079 190046890 194737247 307894593 " +
				"314064862 2175404232 2191981614 42680657608 834503737811]", 116},
	} {
		load := Load{Scenario: testScenario(), Mode: loadgen.Open, Pacer: row.pacer, Duration: time.Second}
		cell := Cell{Load: load, Seed: row.seed}
		plan, err := cell.Plan("http://127.0.0.1:1")
		if err != nil {
			t.Fatal(err)
		}
		read, err := pacing.Parse(plan.Pacer.String())
		if err != nil {
			t.Fatal(err)
		}
		for says, pacer := range map[string]pacing.Pacer{"the plan's": plan.Pacer, "read back": read} {
			var due []int64
			for _, n := range numbers {
				due = append(due, int64(pacer.Due(n)))
			}
			if fmt.Sprint(due) != row.due || pacing.Count(pacer, time.Second) != row.intended || pacer.String() != row.text {
				t.Errorf("%s, %s: %v, %d of them; want %q, %s, %d",
					says, pacer, due, plan.Intended(), row.text, row.due, row.intended)
			}
		}
	}
}

// A cell records when its requests were due.
func TestCellsRecordTheirPacer(t *testing.T) {
	r, e, _ := urlRunner(t, nil, page("x"))
	if _, err := r.Run(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	run, err := results.Load(r.Out.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range run.Cells {
		if c.Mode != results.OpenLoop {
			if c.Pacer != "" {
				t.Errorf("%s: pacer %q in a closed loop", results.CellName(c), c.Pacer)
			}
			continue
		}
		p, err := pacing.Parse(c.Pacer)
		if err != nil || p.Due(99) != (pacing.Poisson{Of: pacing.Constant{PerSecond: c.Rate}, Seed: c.Seed}).Due(99) {
			t.Errorf("%s: pacer %q, %v; want Poisson arrivals at %g/s by seed %d",
				results.CellName(c), c.Pacer, err, c.Rate, c.Seed)
		}
	}
}
