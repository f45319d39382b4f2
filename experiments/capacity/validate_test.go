package capacity

import (
	"slices"
	"testing"

	"bench/results"
	"bench/scenarios"
	"bench/servers"
)

func TestSizesThatAreChosenToBePredicted(t *testing.T) {
	for _, row := range []struct {
		says         string
		values, want []int
	}{
		{"one size: the next", []int{1}, []int{2}},
		{"neighbours have nothing between them", []int{1, 2}, []int{3}},
		{"between the two greatest, and half as many again", []int{1, 2, 4}, []int{3, 6}},
		{"in whatever order they are given", []int{4, 1, 2}, []int{3, 6}},
	} {
		if got := unseenValues(row.values); !slices.Equal(got, row.want) {
			t.Errorf("%s: unseenValues(%v) = %v; want %v", row.says, row.values, got, row.want)
		}
	}
}

// A recommendation that turns out wrong is followed by the size that it may have meant.
func TestNextSizes(t *testing.T) {
	workers := servers.Topology{Name: "uwsgi"}
	machines := servers.Topology{Name: "nginx-uwsgi"}.With("cpu", "20")
	for _, row := range []struct {
		says string
		base servers.Topology
		of   results.Check
		want []int
	}{
		{"it met what it should", workers, results.Check{Value: 2, Expected: true, Met: true}, nil},
		{"it missed what it should miss", workers, results.Check{Value: 2}, nil},
		{"too small: one more", workers, results.Check{Value: 2, Expected: true}, []int{3}},
		{"one less would do, too: one less still", workers, results.Check{Value: 2, Met: true}, []int{1}},
		{"there is no size below one", workers, results.Check{Value: 1, Met: true}, nil},
		{"more workers fit on this machine", workers, results.Check{Value: 4, Expected: true}, []int{5}},
		{"more machines do not", machines, results.Check{Value: 4, Expected: true}, nil},
		{"right at the machine's own speed alone is not right", workers,
			results.Check{Value: 2, Expected: true, Met: true, RateAtSpeed: 90}, []int{3}},
	} {
		s := &search{plan: Plan{sizes: []scenarios.Configuration{{Arm: scenarios.Arm{Topology: row.base}, Value: 4}}}}
		s.plan.record.Sweep = "workers"
		var got []int
		for _, next := range s.nextSizes([]results.Check{row.of}) {
			got = append(got, next.Value)
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%s: %v; want %v", row.says, got, row.want)
		}
	}
}
