package scenarios

import (
	"testing"
	"time"

	"bench/results"
)

// A soak is a minute where service times vary little, longer where they vary much, and bounded.
func TestSoakTime(t *testing.T) {
	for variability, want := range map[float64]time.Duration{
		0: time.Minute, 1: time.Minute, 2: 150 * time.Second, 3: 5 * time.Minute, 10: 10 * time.Minute,
	} {
		if got := SoakTime(variability); got != want {
			t.Errorf("variability %g: %v; want %v", variability, got, want)
		}
	}
}

// A soak is missed where more requests are slow than chance explains, undecided where chance may, and met where
// fewer are slow than allowed.
func TestSoakVerdicts(t *testing.T) {
	objectives, err := results.ParseObjectives("p99<100ms")
	if err != nil {
		t.Fatal(err)
	}
	c := Capacity{Objectives: objectives}
	for _, row := range []struct {
		says string
		slow func(second int) int // of 100 requests
		want string
	}{
		{"none is slow", func(int) int { return 0 }, results.Met},
		{"one in 200", func(s int) int { return s % 2 }, results.Met},
		{"three in a hundred", func(int) int { return 3 }, results.Missed},
		{"a single episode", func(s int) int { return map[int]int{30: 80}[s] }, results.Undecided},
	} {
		cell := &results.Cell{Duration: 60, Grade: results.Valid}
		for second := range 60 {
			h := results.NewHistogram()
			for i := range 100 {
				us := int64(10_000)
				if i < row.slow(second) {
					us = 200_000
				}
				_ = h.RecordValue(us)
			}
			counts := results.Counts{}
			counts.Add(results.OK, 100)
			cell.Counts.Add(results.OK, 100)
			cell.Intervals = append(cell.Intervals, results.Interval{
				Start: time.Duration(second) * time.Second, Length: time.Second, Counts: counts,
				Hists: map[results.Series]*results.Packed{{Kind: results.Response, Target: "home"}: results.Pack(h)},
			})
		}
		if got, excess := c.verdict(cell); got != row.want {
			t.Errorf("%s: %s, with an excess of %.2f; want %s", row.says, got, excess, row.want)
		}
	}
}
