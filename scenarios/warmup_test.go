package scenarios

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"bench/results"
	"bench/servers"
	"bench/targets"
)

func TestSettled(t *testing.T) {
	of := func(counts ...float64) (all []slice) {
		for _, n := range counts {
			all = append(all, slice{n, 0.1})
		}
		return all
	}
	for _, row := range []struct {
		slices        []slice
		steady, known bool
	}{
		{nil, true, false}, {of(100, 100), true, false}, {of(100, 100, 100), true, true}, {of(10, 60, 100), false, true},
		{of(10, 100, 103, 101), true, true}, {of(100, 120, 80), true, true}, {of(0, 0, 0), false, true},
		{of(1000, 1000, 1200), false, true}, {of(10, 10, 12), true, true}, // 2 more of 10 are chance, 200 of 1,000 are none
	} {
		if steady, known := settled(row.slices); steady != row.steady || known != row.known {
			t.Errorf("settled(%v) = %v, %v; want %v, %v", row.slices, steady, known, row.steady, row.known)
		}
	}
}

// warm simulates warm-ups of six slices at most, whose counts scatter as Poisson ones on a machine whose speed
// wavers, and returns how many settled, and how far below its final rate the server then was on average.
func warm(mean, waver float64, cold func(slice int) float64) (settles, bias float64) {
	const runs = 4000
	rng := rand.New(rand.NewPCG(7, 13))
	for range runs {
		var all []slice
		for i := range 6 {
			rate := mean * (1 - cold(i)) * math.Exp(waver*rng.NormFloat64()-waver*waver/2)
			n := math.Max(0, math.Round(rate+math.Sqrt(rate)*rng.NormFloat64()))
			all = append(all, slice{n, 0.1})
			if steady, known := settled(all); steady && known {
				settles++
				bias += cold(i + 1)
				break
			}
		}
	}
	return settles / runs, bias / math.Max(1, settles)
}

// The truth is the simulated server's: its rate is constant, or approaches its final one as told. (A third of the
// cells of a real run had not settled by the criterion before, medians of three slices within 25 %.)
func TestWarmUpsSettle(t *testing.T) {
	steady := func(int) float64 { return 0 }
	for _, row := range []struct{ mean, waver float64 }{
		{20, 0.1}, {20, 0.3}, {100, 0.1}, {100, 0.3}, {2000, 0.05}, {2000, 0.2},
	} {
		if settles, _ := warm(row.mean, row.waver, steady); settles < 0.98 {
			t.Errorf("%g responses a slice, wavering by %g: %.1f %% settled; want nearly all", row.mean, row.waver, 100*settles)
		}
	}
	for _, row := range []struct{ mean, half float64 }{{50, 0.5}, {50, 1}, {500, 0.5}, {500, 1}} {
		cooling := func(i int) float64 { return 0.9 * math.Pow(0.5, float64(i)/row.half) }
		settles, bias := warm(row.mean, 0.05, cooling)
		t.Logf("%g responses a slice, cold half as much after %g slices: %.1f %% settled, %.1f %% below the final rate",
			row.mean, row.half, 100*settles, 100*bias)
		if settles < 0.95 || bias > 0.1 {
			t.Errorf("%g responses a slice: %.1f %% settled, then %.1f %% below the final rate", row.mean, 100*settles, 100*bias)
		}
	}
}

// The bound of what is cold is an expectation over which worker gets a request: counted here by drawing them.
func TestColdShareBoundsFirstResponses(t *testing.T) {
	s := Scenario{Name: "s", Mix: targets.Mix{Targets: []targets.Target{{Name: "a"}, {Name: "b"}}}}
	c := &servers.Cluster{
		Boot: results.Boot{FirstRequestMS: 500}, Slowest: 100 * time.Millisecond, Responses: map[string]uint64{"s/a": 3},
	}
	// One worker, as a cluster without processes has: target b is cold, and costs 100 ms of a second.
	if got := coldShare(c, s, time.Second); math.Abs(got-0.1) > 1e-9 {
		t.Errorf("coldShare = %g; want 0.1", got)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, row := range []struct{ workers, n int }{{2, 3}, {4, 10}, {8, 5}} {
		var cold float64
		const runs = 20000
		for range runs {
			seen := map[int]bool{}
			for range row.n {
				seen[rng.IntN(row.workers)] = true
			}
			cold += float64(row.workers - len(seen))
		}
		want := cold / runs
		if got := coldWorkers(row.workers, uint64(row.n)); math.Abs(got-want) > 0.05 {
			t.Errorf("%d workers after %d requests: %g cold; drawn: %g", row.workers, row.n, got, want)
		}
	}
}
