package scenarios

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bench/loadgen"
	"bench/results"
)

// Checked is a closed loop that was measured as a comparison does, and by another tool in turns.
type Checked struct {
	Ours, Theirs []float64 // responses per second
	Cell         *results.Cell
}

// Check boots an arm and measures a scenario's closed loop in turns: a cell of bench's, of that length at least,
// before each measurement of the other tool, and one after the last. Before a cell, the same load runs as long as it
// does before the other tool counts. Nothing is sealed.
func (r *Runner) Check(
	ctx context.Context, arm Arm, s Scenario, turns int, before, length time.Duration,
	other func(ctx context.Context, url string) (float64, error),
) (found Checked, err error) {
	cluster, err := r.Site.Boot(ctx, arm.Topology, r.App)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	if err := r.warmUp(ctx, cluster, time.Second, s); err != nil {
		return found, err
	}
	cell := Cell{Seed: 1, Load: Load{Name: "closed", Scenario: s, Mode: loadgen.Closed, Duration: time.Second}}
	rate, _, err := r.maxThroughput(ctx, cell, cluster)
	if err != nil {
		return found, err
	}
	if rate == 0 {
		return found, fmt.Errorf("%s does not answer %s", arm.Name, s.Name)
	}
	cell.Load.Duration = length
	cell.Load = cell.Load.forRate(rate)
	lead := cell
	lead.Load.Duration = before
	for turn := 0; ; turn++ {
		if _, err := r.runCell(ctx, lead, arm, cluster); err != nil {
			return found, err
		}
		if found.Cell, err = r.runCell(ctx, cell, arm, cluster); err != nil {
			return found, err
		}
		found.Ours = append(found.Ours, found.Cell.Throughput())
		if turn == turns {
			return found, nil
		}
		theirs, err := other(ctx, cluster.URL())
		if err != nil {
			return found, errors.Join(err, cluster.Died())
		}
		found.Theirs = append(found.Theirs, theirs)
	}
}

// responsesPerConnection is how many responses a closed loop has to see for each connection.
const responsesPerConnection = 10

// forRate makes a closed loop as long as it takes for enough responses at a rate, and waits for the
// last ones as long as several rounds of its connections take.
func (l Load) forRate(perSecond float64) Load {
	round := time.Duration(float64(l.Scenario.Connections) / perSecond * float64(time.Second))
	l.Duration = max(l.Duration, (responsesPerConnection*round + 50*time.Millisecond).Round(100*time.Millisecond))
	l.Drain = max(l.Drain, min(3*round, l.Scenario.Timeout))
	return l
}
