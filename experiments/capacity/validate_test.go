package capacity

import (
	"slices"
	"testing"

	"bench/results"
	"bench/scenarios"
	"bench/servers"
)

func TestHeldOutValues(t *testing.T) {
	for _, row := range []struct {
		says         string
		values, want []int
	}{
		{"one value: the next", []int{1}, []int{2}},
		{"neighbours have nothing between them", []int{1, 2}, []int{3}},
		{"between the two largest, and half as large again", []int{1, 2, 4}, []int{3, 6}},
		{"in any order", []int{4, 1, 2}, []int{3, 6}},
	} {
		if got := heldOutValues(row.values); !slices.Equal(got, row.want) {
			t.Errorf("%s: heldOutValues(%v) = %v; want %v", row.says, row.values, got, row.want)
		}
	}
}

// A recommendation that turns out wrong is followed by the configuration that may have been right.
func TestNextConfigurations(t *testing.T) {
	workers := servers.Topology{Name: "uwsgi"}
	machines := servers.Topology{Name: "nginx-uwsgi"}.With("cpu", "20")
	for _, row := range []struct {
		says string
		base servers.Topology
		of   results.Check
		want []int
	}{
		{"it meets the SLO and should", workers, results.Check{Value: 2, Expected: true, Met: true}, nil},
		{"it misses the SLO and should", workers, results.Check{Value: 2}, nil},
		{"too small: one more", workers, results.Check{Value: 2, Expected: true}, []int{3}},
		{"one fewer meets it, too: try fewer still", workers, results.Check{Value: 2, Met: true}, []int{1}},
		{"there is nothing below one", workers, results.Check{Value: 1, Met: true}, nil},
		{"more workers fit on this host", workers, results.Check{Value: 4, Expected: true}, []int{5}},
		{"more machines do not", machines, results.Check{Value: 4, Expected: true}, nil},
		{"meeting it only at the lower rate of a slow machine is not enough", workers,
			results.Check{Value: 2, Expected: true, Met: true, RateAtSpeed: 90}, []int{3}},
	} {
		last := scenarios.Configuration{Arm: scenarios.Arm{Topology: row.base}, Value: 4}
		s := &search{plan: Plan{configurations: []scenarios.Configuration{last}}}
		s.plan.record.Sweep = "workers"
		var got []int
		for _, next := range s.nextConfigurations([]results.Check{row.of}) {
			got = append(got, next.Value)
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%s: %v; want %v", row.says, got, row.want)
		}
	}
}
