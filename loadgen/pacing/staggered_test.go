package pacing

import (
	"testing"
	"time"
)

// Both arms get every request of the plan, in turns one a little after the other, and the two
// schedules of a pair are mirror images.
func TestStagger(t *testing.T) {
	const by = 3 * time.Millisecond
	base := Poisson{Constant{PerSecond: 200}, 7}
	first, second := Staggered{Of: base, By: by}, Staggered{Of: base, By: by, Second: true}
	if again, err := Parse(second.String()); err != nil || again != Pacer(second) {
		t.Errorf("Parse(%q) = %v, %v", second, again, err)
	}
	read := NewSchedule(second)
	if allocs := testing.AllocsPerRun(10, func() { read.Due(5) }); allocs > 0 {
		t.Errorf("reading a due time allocates %g times", allocs)
	}
	var ahead [2]int
	var last [2]time.Duration
	for n := range uint64(2000) {
		due := [2]time.Duration{first.Due(n), second.Due(n)}
		if got := read.Due(n); got != due[1] {
			t.Fatalf("request %d is due at %v by the schedule, at %v by the pacer", n, got, due[1])
		}
		for arm, d := range due {
			if late := d - base.Due(n); late < 0 || late > by {
				t.Fatalf("request %d of arm %d is due %v after the plan; want 0 to %v", n, arm, late, by)
			}
			if d < last[arm] {
				t.Fatalf("request %d of arm %d is due before the one ahead of it", n, arm)
			}
		}
		last = due
		switch {
		case due[0] < due[1]:
			ahead[0]++
		case due[1] < due[0]:
			ahead[1]++
		}
		if n < staggerTurn && due[0] > due[1] {
			t.Errorf("request %d: the first arm starts behind", n)
		}
	}
	if ahead[0] < 900 || ahead[1] < 900 {
		t.Errorf("ahead: %v of 2000; want half each, except for a few that are due together", ahead)
	}
}
