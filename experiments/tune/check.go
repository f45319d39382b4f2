package tune

import (
	"context"
	"fmt"

	"bench/experiments"
	"bench/loadgen/accuracy"
	"bench/reports/tune"
	"bench/results"
)

// Targets of a race, against the grid that measures every setting as often as a finalist.
const (
	leastShare = 0.95
	mostTime   = 1.0 / 3
)

// Check carries out a race and then the whole grid, and sets what the race chose against the best of the grid, by
// the grid's own measurement of both, and the time of one against that of the other.
func Check(ctx context.Context, env experiments.Env, spec Spec) ([]accuracy.Row, error) {
	var reports [2]*tune.Report
	for i, exhaustive := range []bool{false, true} {
		spec.Exhaustive = exhaustive
		result, err := Run(ctx, env, spec)
		if err != nil {
			return nil, err
		}
		run, err := results.Load(result.Dir)
		if err != nil {
			return nil, err
		}
		if reports[i], err = tune.Build(run); err != nil {
			return nil, err
		}
	}
	return compared(spec, reports[0], reports[1])
}

// compared are the rows of a race and a grid.
func compared(spec Spec, race, grid *tune.Report) ([]accuracy.Row, error) {
	chosen, best := race.Best, grid.Best
	of := map[string]float64{}
	for _, s := range grid.Settings {
		of[s.Name] = s.Throughput.Value
	}
	share, known := grid.Share(chosen)
	if !known {
		const format = "the grid has no throughput of %q, which the race chose, or of any other"
		return nil, experiments.Invalidf(format, chosen)
	}
	time := elapsed(race) / elapsed(grid)
	verdict := func(met bool) string {
		if met {
			return "ok"
		}
		return "MISSED"
	}
	return []accuracy.Row{
		{
			Test: "tune", Tool: spec.Topology, Setting: chosen + " against the grid's best, " + best,
			Measured: fmt.Sprintf("%.0f %% in blocks that did not choose the best (%.0f and %.0f/s in all)", 100*share,
				of[chosen], of[best]), Wanted: "at least 95 %",
			Verdict: verdict(share >= leastShare),
		},
		{
			Test: "tune", Tool: spec.Topology, Setting: "time of the race against that of the grid",
			Measured: fmt.Sprintf("%.2f (%.0f of %.0f s)", time, elapsed(race), elapsed(grid)), Wanted: "at most 0.33",
			Verdict: verdict(time <= mostTime),
		},
	}, nil
}

// elapsed is how long the rounds took, in seconds.
func elapsed(r *tune.Report) (sum float64) {
	for _, round := range r.Rounds {
		sum += round.Elapsed
	}
	return sum
}
