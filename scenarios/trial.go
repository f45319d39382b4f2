package scenarios

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"bench/loadgen"
	"bench/results"
)

// open is the load of a trial.
func (s *searchRun) open(name string, rate float64, leadIn, d time.Duration) Load {
	scenario := s.Scenario
	var longest, drain time.Duration
	for _, o := range s.Objectives {
		if o.Metric == "errors" {
			drain = scenario.Timeout // until then, a missing response is merely slow
		} else {
			longest = max(longest, time.Duration(o.Limit)*time.Microsecond)
		}
	}
	// As many as would be in flight if every request took twice the limit: the pool must not
	// protect the server from overload.
	scenario.Connections = min(mostConnections, max(openConnections, int(2*rate*longest.Seconds())))
	return Load{
		Name: name, Scenario: scenario, Mode: loadgen.Open, Pacer: users(rate),
		Duration: leadIn + d, LeadIn: leadIn, Drain: max(drain, 2*longest),
	}
}

// mostConnections bounds the connections of a trial: a development server starts a thread for each.
const mostConnections = 512

// diedError means that a topology died under a load, and again when that was repeated.
type diedError struct{ why string }

func (e *diedError) Error() string { return e.why }

// tries is how often a trial is attempted that cannot be measured.
const tries = 3

// trial carries out one. A trial that the machine disturbed is repeated; a topology that dies gets
// one more chance.
func (s *searchRun) trial(ctx context.Context, t Trial) (Outcome, error) {
	deaths := 0
	var why string
	for try := range tries {
		if err := s.ensure(ctx, t.Boot); err != nil {
			return Outcome{}, err
		}
		name := fmt.Sprintf("%s-%d", results.TrialLoad, t.Number)
		if try > 0 {
			name += fmt.Sprintf("-again%d", try)
		}
		cell, err := s.cell(ctx, s.open(name, t.Rate, t.LeadIn, t.Duration))
		if err != nil {
			return Outcome{}, err
		}
		if isDead(cell) {
			why = reason(cell, results.ServerDied)
			if err := s.close(); err != nil {
				return Outcome{}, err
			}
			if deaths++; deaths > 1 {
				return Outcome{}, &diedError{why}
			}
			continue
		}
		o := Outcome{Trial: t, Settled: s.settled, Beyond: has(cell, "generator-saturated") || has(cell, "generator-limits")}
		for _, goal := range s.goals() {
			o.Goals = append(o.Goals, judged(cell, goal))
		}
		s.settled = 0
		if err := s.calm(ctx); err != nil {
			return o, err
		}
		if why = disturbed(cell); why == "" || o.Beyond {
			return o, nil
		}
	}
	return Outcome{}, fmt.Errorf("%w: %.4g/s at %s could not be measured in %d tries: %s", ErrUnfit, t.Rate,
		s.config.Arm.Name, tries, why)
}

// lethal is how many times worse a death is than all requests being slow.
const lethal = 100

// failed is the outcome of a trial that nothing survived.
func failed(t Trial, goals [][]results.Objective) Outcome {
	o := Outcome{Trial: t}
	for _, goal := range goals {
		all := make([]Batches, len(goal))
		for i, objective := range goal {
			all[i].Allowed = objective.Allowed()
			for range int(t.Duration.Seconds()) {
				// More than every request: earlier passes at this load must not outweigh it.
				all[i].Part, all[i].All = append(all[i].Part, t.Rate*lethal), append(all[i].All, t.Rate)
			}
		}
		o.Goals = append(o.Goals, all)
	}
	return o
}

// cell runs one load on the cluster that is up, and seals it.
func (s *searchRun) cell(ctx context.Context, load Load) (*results.Cell, error) {
	index := s.Out.Cells() + 1
	cell := Cell{Index: index, Load: load, Block: s.boots, Position: 1, Seed: rand.NewPCG(s.Seed, uint64(index)).Uint64()}
	s.emit(CellStarted{Arm: s.config.Arm.Name, Scenario: load.Scenario.Name, Load: load.Name, Block: s.boots, Cell: index})
	record, err := s.runCell(ctx, cell, s.config.Arm, s.cluster)
	if err != nil {
		return nil, err
	}
	if err := s.Out.Seal(record, s.cluster.Evidence()); err != nil {
		return nil, err
	}
	s.emit(cellDone(index, 0, record))
	return record, nil
}

// calm waits until an overload has passed, that is until a single request is answered nearly as
// fast as without load. If it does not pass, the next trial gets a fresh cluster.
func (s *searchRun) calm(ctx context.Context) error {
	const most = 5 * time.Second
	for began := time.Now(); time.Since(began) < most; {
		probe := Cell{Load: s.closed("calm", 1, 50*time.Millisecond), Seed: s.Seed}
		m, err := s.measure(ctx, probe, s.cluster)
		if err != nil {
			if ctx.Err() == nil && s.cluster.Died() != nil {
				break
			}
			return err
		}
		p50 := time.Duration(results.Percentile(results.Total(m.Intervals, results.Response), 50)) * time.Microsecond
		if m.Counts.OK > 0 && p50 <= max(3*s.floor, s.floor+2*time.Millisecond) {
			return nil
		}
	}
	return s.close()
}

// At measures one configuration in a boot of its own, open loop, at one rate after another, each for
// the duration d. The next rate may depend on the cells so far; a rate that could not be measured
// because of the machine has nil for its cell.
func (r *Runner) At(
	ctx context.Context, c Capacity, config Configuration, name string, d time.Duration,
	next func([]*results.Cell) (rate float64, more bool),
) (cells []*results.Cell, err error) {
	s := &searchRun{Runner: r, Capacity: c, config: config, started: time.Now(), floor: time.Hour}
	defer func() { err = errors.Join(err, s.close()) }()
	for rate, more := next(nil); more; rate, more = next(cells) {
		cell, err := s.once(ctx, fmt.Sprintf("%s-%d", name, len(cells)+1), rate, d)
		if err != nil {
			return cells, err
		}
		cells = append(cells, cell)
	}
	return cells, nil
}

// once measures one rate, again if the machine disturbed it.
func (s *searchRun) once(ctx context.Context, name string, rate float64, d time.Duration) (*results.Cell, error) {
	for try := range tries {
		if err := s.ensure(ctx, 1); err != nil {
			return nil, err
		}
		load := name
		if try > 0 {
			load += fmt.Sprintf("-again%d", try)
		}
		cell, err := s.cell(ctx, s.open(load, rate, LeadIn(d), d))
		if err != nil {
			return nil, err
		}
		if isDead(cell) {
			return cell, s.close()
		}
		if err := s.calm(ctx); err != nil {
			return nil, err
		}
		if disturbed(cell) == "" {
			return cell, nil
		}
	}
	return nil, nil
}

// Met reports whether a cell of At meets the objectives in the seconds after its lead-in.
func (c Capacity) Met(cell *results.Cell) bool {
	if isDead(cell) {
		return false // perhaps before the first second that counts
	}
	for _, b := range judged(cell, c.Objectives) {
		if over, _ := b.Excess(); over >= 0 || math.IsNaN(over) {
			return false
		}
	}
	return cell.Counts.OK > 0
}
