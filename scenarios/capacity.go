package scenarios

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/servers"
	"bench/targets"
)

// Capacity looks for the greatest rate at which a topology keeps its objectives, at one size
// after the other.
type Capacity struct {
	Scenario   Scenario
	Objectives []results.Objective
	Width      float64       // relative, of the interval that is looked for
	Budget     time.Duration // of one size's trials
	Boots      int           // in which a lower bound has to hold
	Most       float64       // rate beyond which the generator is not to be trusted
	Warmup     time.Duration // at most
	Seed       uint64
}

// CapacitySize is one topology of a capacity run.
type CapacitySize struct {
	Arm    Arm
	Value  int // of the swept parameter
	Unseen bool
}

// leastRate is the rate below which no capacity is of use.
const leastRate = 1

// How the service times and the region of the limit are found.
const (
	singleTime    = 2 * time.Second
	targetTime    = 1200 * time.Millisecond // of each target of a mix
	saturatedTime = 2500 * time.Millisecond
	guessBelow    = 0.93 // of the closed loop's rate
)

// ErrUnfit means that the machine let no trial be measured.
var ErrUnfit = errors.New("this machine is no measure")

// Size searches one size. Every trial is sealed into Out as a cell.
func (r *Runner) Size(ctx context.Context, c Capacity, size CapacitySize) (found results.Size, err error) {
	run := &sizeRun{Runner: r, Capacity: c, size: size, started: time.Now()}
	defer func() { err = errors.Join(err, run.close()) }()
	found = results.Size{Topology: size.Arm.Name, Value: size.Value, Unseen: size.Unseen}
	saturated, err := run.demands(ctx, &found)
	if err != nil {
		return found, err
	}
	search, err := NewSearch(SearchOptions{
		Goals: len(c.goals()), Guess: guessBelow * saturated, Least: leastRate, Most: c.Most,
		Width: c.Width, Boots: c.Boots, Targets: DefaultTargets(), Budget: c.Budget,
	})
	if err != nil {
		return found, err
	}
	for trial, more := search.Next(); more; trial, more = search.Next() {
		r.say(fmt.Sprintf("%s: trial %d, %.4g/s for %v, boot %d", size.Arm.Name, trial.Number, trial.Rate, trial.Duration, trial.Boot))
		outcome, err := run.trial(ctx, trial)
		var died *diedError
		if errors.As(err, &died) {
			found.Died, found.DiedAt = died.why, trial.Rate
			outcome = failed(trial, c.goals()) // its capacity is below that rate
		} else if err != nil {
			// What was found until then is kept.
			return run.found(found, search), err
		}
		search.Add(outcome)
	}
	return run.found(found, search), nil
}

// found is what a search knows.
func (s *sizeRun) found(size results.Size, search *Search) results.Size {
	for i, goal := range s.goals() {
		if len(search.Trials()) == 0 {
			break
		}
		known := search.Range(i)
		size.Goals = append(size.Goals, results.Bound{Goal: goalName(goal), Low: known.Low, High: known.High, Confirmed: known.Confirmed, Fitted: known.Fitted, Undecided: known.Undecided})
		size.Generator = size.Generator || i == 0 && known.High == 0 && known.Low > 0
	}
	size.Boots, size.Elapsed = s.boots, time.Since(s.started).Seconds()
	return size
}

// goals are what trials are judged by: the objectives, and beside them limits twice as long,
// which say how soon it gets much worse.
func (c Capacity) goals() [][]results.Objective {
	var loose []results.Objective
	for _, o := range c.Objectives {
		if o.Metric != "errors" {
			o.Limit *= 2
		}
		loose = append(loose, o)
	}
	return [][]results.Objective{c.Objectives, loose}
}

func goalName(goal []results.Objective) string {
	var name string
	for i, o := range goal {
		if i > 0 {
			name += ", "
		}
		name += o.String()
	}
	return name
}

// sizeRun is the search of one size under way.
type sizeRun struct {
	*Runner
	Capacity
	size    CapacitySize
	cluster *servers.Cluster
	boot    int // of cluster, as the search counts
	boots   int // that there were
	floor   time.Duration
	started time.Time
}

func (s *sizeRun) close() error {
	if s.cluster == nil {
		return nil
	}
	err := s.cluster.Close()
	s.cluster = nil
	return err
}

// ensure boots the number asked for, unless it runs.
func (s *sizeRun) ensure(ctx context.Context, boot int) (err error) {
	if s.cluster != nil && s.boot == boot {
		return nil
	}
	if err := s.close(); err != nil {
		return err
	}
	if s.cluster, err = s.Site.Boot(ctx, s.size.Arm.Topology, s.App); err != nil {
		return err
	}
	s.boot, s.boots = boot, s.boots+1
	return s.warmUp(ctx, s.cluster, s.Scenario, s.Warmup)
}

// demands measures what the model needs, and about where to search: one connection alone, for
// the service times; then more than there are workers, for the greatest rate.
func (s *sizeRun) demands(ctx context.Context, found *results.Size) (rate float64, err error) {
	s.say(s.size.Arm.Name + ": service times")
	if err := s.ensure(ctx, 1); err != nil {
		return 0, err
	}
	found.Queues, found.Workers, found.Threads = s.cluster.Blueprint().Queueing()
	found.Tier = s.cluster.Blueprint().WorkersTier()
	answers, err := Verify(ctx, s.cluster.URL(), s.Guard, []Scenario{s.Scenario})
	if err != nil {
		return 0, errors.Join(err, s.cluster.Died())
	}
	if bad := unexpected(answers); len(bad) > 0 {
		return 0, fmt.Errorf("%w: not the answers that the scenario expects: %s", ErrUnexpected, bad[0])
	}
	single, err := s.cell(ctx, s.closed(results.Single, 1, singleTime))
	if err != nil {
		return 0, err
	}
	response := results.Total(single.Intervals, results.Response)
	found.FloorP50, found.FloorP99 = response.ValueAtPercentile(50), response.ValueAtPercentile(99)
	s.floor = time.Duration(found.FloorP50) * time.Microsecond
	if err := s.byTarget(ctx); err != nil {
		return 0, err
	}
	many := max(16, 2*found.Queues*found.Workers*max(1, found.Threads))
	saturated, err := s.cell(ctx, s.closed(results.Saturated, many, saturatedTime))
	if err != nil {
		return 0, err
	}
	if isDead(saturated) {
		err = s.close() // the trials get a cluster that lives
	}
	return float64(saturated.Answered) / saturated.Duration, err
}

// byTarget measures each target of a mix alone: what the mix costs is not spread evenly over
// its requests, and a queue feels that.
func (s *sizeRun) byTarget(ctx context.Context) error {
	if len(s.Scenario.Mix.Targets) < 2 || len(s.Scenario.Mix.Sessions) > 0 {
		return nil
	}
	for _, target := range s.Scenario.Mix.Targets {
		load := s.closed(results.Single+"-"+results.FileName(target.Name), 1, targetTime)
		load.Scenario.Mix.Targets = []targets.Target{target}
		if _, err := s.cell(ctx, load); err != nil {
			return err
		}
	}
	return nil
}

func (s *sizeRun) closed(name string, connections int, d time.Duration) Load {
	scenario := s.Scenario
	scenario.Connections = connections
	return Load{Name: name, Scenario: scenario, Mode: loadgen.Closed, Duration: d}
}

// open is the load of a trial.
func (s *sizeRun) open(name string, rate float64, d time.Duration) Load {
	scenario := s.Scenario
	var longest time.Duration
	for _, o := range s.Objectives {
		if o.Metric != "errors" {
			longest = max(longest, time.Duration(o.Limit)*time.Microsecond)
		}
	}
	// As many as would be under way if every request took twice the limit: the pool must not
	// be what keeps the server from being overloaded.
	scenario.Connections = min(mostConnections, max(openConnections, int(2*rate*longest.Seconds())))
	return Load{Name: name, Scenario: scenario, Mode: loadgen.Open, Rate: rate, Duration: LeadIn(d) + d, Drain: 2 * longest}
}

// mostConnections bounds the connections of a trial: a development server starts a thread for
// each.
const mostConnections = 512

// diedError is a topology that died under a load, and again when that was repeated.
type diedError struct{ why string }

func (e *diedError) Error() string { return e.why }

// tries is how often a trial is repeated that could not be measured.
const tries = 3

// trial carries out one. What the machine spoilt is repeated; a topology that dies is given
// one more chance.
func (s *sizeRun) trial(ctx context.Context, t Trial) (Outcome, error) {
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
		cell, err := s.cell(ctx, s.open(name, t.Rate, t.Duration))
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
		o := Outcome{Trial: t, Beyond: has(cell, "generator-saturated") || has(cell, "generator-limits")}
		for _, goal := range s.goals() {
			o.Goals = append(o.Goals, judged(cell, goal, LeadIn(t.Duration), t.Duration))
		}
		if err := s.calm(ctx); err != nil {
			return o, err
		}
		if why = spoilt(cell); why == "" || o.Beyond {
			return o, nil
		}
	}
	return Outcome{}, fmt.Errorf("%w: %.4g/s at %s could not be measured in %d tries: %s", ErrUnfit, t.Rate, s.size.Arm.Name, tries, why)
}

// lethal is how many times worse than all requests being slow a death is.
const lethal = 100

// failed is the outcome of a trial that nothing survived.
func failed(t Trial, goals [][]results.Objective) Outcome {
	o := Outcome{Trial: t}
	for _, goal := range goals {
		all := make([]Batches, len(goal))
		for i, objective := range goal {
			all[i].Allowed = allowed(objective)
			for range int(t.Duration.Seconds()) {
				// More than every request: what passed before at this load does not outweigh it.
				all[i].Part, all[i].All = append(all[i].Part, t.Rate*lethal), append(all[i].All, t.Rate)
			}
		}
		o.Goals = append(o.Goals, all)
	}
	return o
}

// cell runs one load on the cluster that is up, and seals it.
func (s *sizeRun) cell(ctx context.Context, load Load) (*results.Cell, error) {
	index := s.Out.Cells() + 1
	cell := Cell{Index: index, Load: load, Block: s.boots, Position: 1, Seed: rand.NewPCG(s.Seed, uint64(index)).Uint64()}
	record, err := s.runCell(ctx, cell, s.size.Arm, s.cluster)
	if err != nil {
		return nil, err
	}
	judgeMachine(record, s.Site.Host.Cores)
	return record, s.Out.Seal(record, s.cluster.Evidence())
}

// What others may use of the machine, as a share of all cores.
const (
	neighbourDegrades = 0.05
	neighbourInvalid  = 0.20
	countedTwice      = 0.10
)

// judgeMachine holds the utilisation law against the machine's own clock: what the tiers and
// the generator used, each counted by itself, must make up what the cores were busy. What is
// missing was used by somebody else; more than there was is an error of the instrument.
func judgeMachine(c *results.Cell, cores int) {
	if c.Server.BusySeconds == 0 || c.Elapsed == 0 {
		return
	}
	known := c.Generator.CPUSeconds + results.TotalCPU(c.Usage).Seconds()
	others := (c.Server.BusySeconds - known) / (float64(cores) * c.Elapsed)
	add := func(g results.Grade, code, message, remedy string) {
		c.Grade = c.Grade.Worse(g)
		c.Causes = append(c.Causes, results.Cause{Code: code, Message: message, Remedy: remedy})
	}
	switch {
	case others > neighbourDegrades:
		grade := results.Degraded
		if others > neighbourInvalid {
			grade = results.Invalid
		}
		add(grade, neighbourCode, fmt.Sprintf("something else used %.0f %% of the machine", others*100), "End what runs beside bench, or take a machine of its own.")
	case others < -countedTwice:
		add(results.Invalid, "utilization-law", fmt.Sprintf("the tiers and the generator used %.2f s of CPU, but the cores were busy for %.2f s only", known, c.Server.BusySeconds),
			"This is a defect of bench, or of the machine's accounting; please report it.")
	}
}

const neighbourCode = "busy-neighbour"

func has(c *results.Cell, code string) bool {
	return slices.ContainsFunc(c.Causes, func(cause results.Cause) bool { return cause.Code == code })
}

// spoilt says why a trial says nothing of the server, if it does not.
func spoilt(c *results.Cell) string {
	if c.Grade != results.Invalid {
		return ""
	}
	if has(c, results.NoRightAnswer) || has(c, results.ServerGone) {
		return "" // that is an answer, too
	}
	return reason(c, neighbourCode, "utilization-law", "littles-law", "generator-cpu", "generator-throttled", "generator-stopped", "generator-limits", "counts")
}

// reason is the message of the first of the causes that a cell has, or of its last one.
func reason(c *results.Cell, codes ...string) string {
	for _, code := range codes {
		if at := slices.IndexFunc(c.Causes, func(cause results.Cause) bool { return cause.Code == code }); at >= 0 {
			return c.Causes[at].Message
		}
	}
	return c.Causes[len(c.Causes)-1].Message
}

// judged is how each objective fared in a trial, second by second. Answers that came after
// the load's end belong to its last second.
func judged(c *results.Cell, goal []results.Objective, leadIn, d time.Duration) []Batches {
	all := make([]Batches, len(goal))
	seconds := int(d / loadgen.IntervalLength)
	for i, o := range goal {
		all[i] = Batches{make([]float64, seconds), make([]float64, seconds), allowed(o)}
		for _, iv := range c.Intervals {
			if iv.Start < leadIn {
				continue
			}
			batch := min(int((iv.Start-leadIn)/loadgen.IntervalLength), seconds-1)
			part, whole := fared(iv, o)
			all[i].Part[batch], all[i].All[batch] = all[i].Part[batch]+part, all[i].All[batch]+whole
		}
	}
	return all
}

// allowed is the share that an objective allows.
func allowed(o results.Objective) float64 {
	switch o.Metric {
	case "errors":
		return o.Limit
	case "mean":
		return 1
	case "max":
		return 0
	}
	return 1 - o.Quantile/100
}

// fared is the part of an interval that an objective limits, and the whole that it is part of.
func fared(iv results.Interval, o results.Objective) (part, whole float64) {
	if o.Metric == "errors" {
		return float64(iv.Counts.Failed()), float64(iv.Counts.Intended)
	}
	h := results.Total([]results.Interval{iv}, results.Response)
	c := iv.Counts
	wrong := float64(c.HTTPError + c.BadBody + c.ConnectError + c.Reset + c.Unsent)
	if o.Metric == "mean" {
		// A request without a right answer counts as twice the limit.
		n := float64(h.TotalCount())
		return h.Mean()*n + 2*o.Limit*wrong, o.Limit * (n + wrong)
	}
	for _, bar := range h.Distribution() {
		if float64(bar.To) >= o.Limit {
			part += float64(bar.Count)
		}
	}
	// Requests without a right answer count as slower than any limit.
	return part + wrong, float64(c.Intended)
}

// calm waits until an overload has passed: until a lone request is answered nearly as fast as
// without any load. If it does not pass, the next trial gets a cluster that never had it.
func (s *sizeRun) calm(ctx context.Context) error {
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
		p50 := time.Duration(results.Total(m.Intervals, results.Response).ValueAtPercentile(50)) * time.Microsecond
		if m.Counts.OK > 0 && p50 <= max(3*s.floor, s.floor+2*time.Millisecond) {
			return nil
		}
	}
	return s.close()
}

// At measures one size, in a boot of its own, at rates given: open loop, each for so long. A
// rate that the machine did not let be measured has no cell.
func (r *Runner) At(ctx context.Context, c Capacity, size CapacitySize, name string, rates []float64, d time.Duration) (cells []*results.Cell, err error) {
	s := &sizeRun{Runner: r, Capacity: c, size: size, started: time.Now(), floor: time.Hour}
	defer func() { err = errors.Join(err, s.close()) }()
	for i, rate := range rates {
		cell, err := s.once(ctx, fmt.Sprintf("%s-%d", name, i+1), rate, d)
		if err != nil {
			return cells, err
		}
		cells = append(cells, cell) // nil where there is none
	}
	return cells, nil
}

// once measures one rate, and again what the machine spoilt.
func (s *sizeRun) once(ctx context.Context, name string, rate float64, d time.Duration) (*results.Cell, error) {
	for try := range tries {
		if err := s.ensure(ctx, 1); err != nil {
			return nil, err
		}
		load := name
		if try > 0 {
			load += fmt.Sprintf("-again%d", try)
		}
		cell, err := s.cell(ctx, s.open(load, rate, d))
		if err != nil {
			return nil, err
		}
		if isDead(cell) {
			return cell, s.close()
		}
		if err := s.calm(ctx); err != nil {
			return nil, err
		}
		if spoilt(cell) == "" {
			return cell, nil
		}
	}
	return nil, nil
}

// Met reports whether a cell of At keeps the objectives, by the seconds after its lead-in.
func (c Capacity) Met(cell *results.Cell, d time.Duration) bool {
	for _, b := range judged(cell, c.Objectives, LeadIn(d), d) {
		if over, _ := b.Excess(); over >= 0 || math.IsNaN(over) {
			return false
		}
	}
	return cell.Counts.OK > 0
}
