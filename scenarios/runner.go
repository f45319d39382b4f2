package scenarios

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/servers"
	"bench/targets"
)

// Runner carries out an experiment.
type Runner struct {
	Site     *servers.Site
	App      targets.App
	Measurer loadgen.Measurer
	Guard    loadgen.Guard // for the requests of the preflight
	Out      *results.Directory
	Emit     func(Event) // may be nil; a paired run calls it from two goroutines
	// SharedMachine accepts cells that other programs disturbed: they are DEGRADED, and not void.
	SharedMachine bool
	// LeaveOut continues without arms that cannot be booted in the preflight.
	LeaveOut bool

	apart time.Duration // between the times that the baseline is asked in the preflight; 0: pageClock
}

// ErrTooFew means that fewer than two topologies were left to compare.
var ErrTooFew = errors.New("fewer than two topologies give the same responses")

// Run checks the arms, finds the load steps and measures. Every finished cell is sealed into Out
// and stays there, even if ctx ends or an error occurs. It returns the experiment as it was run:
// without the arms that were excluded, and with the rates of the load steps.
func (r *Runner) Run(ctx context.Context, e Experiment) (Experiment, error) {
	e, err := r.preflight(ctx, e)
	if err != nil {
		return e, err
	}
	planned := len(e.Cells())
	run := &progress{measuring: time.Now(), of: planned, spare: max(leastSpare, planned/spareShare)}
	length := newLength(e, r.Out.Manifest().Started)
	var measured time.Duration
	for more, why := true, ""; more; {
		cells := run.numbered(e.block(length.done + 1))
		for i := 0; i < len(cells); {
			boot := sameBoot(cells[i:])
			spent, err := r.runBoot(ctx, e, cells[i:i+boot], run, length)
			measured += spent
			m := r.Out.Manifest()
			m.Measured = measured.Round(time.Millisecond).Seconds()
			if err := errors.Join(err, r.Out.SetManifest(m)); err != nil {
				return e, err
			}
			i += boot
		}
		if more, why = length.next(time.Now()); why != "" {
			m := r.Out.Manifest()
			m.Blocks, m.Plan = length.done, append(m.Plan, why)
			if err := r.Out.SetManifest(m); err != nil {
				return e, err
			}
		}
	}
	if err := r.ownCores(ctx, e, run); err != nil {
		return e, err
	}
	e.Preset.Blocks = length.done
	m := r.Out.Manifest()
	m.Planned = run.at
	return e, r.Out.SetManifest(m)
}

// sameBoot is the number of leading cells that share a boot: one arm in one block.
func sameBoot(cells []Cell) int {
	n := slices.IndexFunc(cells, func(c Cell) bool { return c.Block != cells[0].Block || c.Arm != cells[0].Arm })
	if n < 0 {
		return len(cells)
	}
	return n
}

// preflight boots every arm once, to check that all give the same responses and to estimate their
// maximum throughputs, from which the load steps follow.
func (r *Runner) preflight(ctx context.Context, e Experiment) (Experiment, error) {
	var baseline map[string]response
	var arms []Arm
	var excluded []string
	var found speeds
	var concurrency int
	var booting time.Duration
	for _, arm := range e.Arms {
		r.say("checking " + arm.Name)
		responses, checked, err := r.preflightArm(ctx, e, arm, baseline == nil)
		var unbootable *servers.BootError
		if r.LeaveOut && errors.As(err, &unbootable) && ctx.Err() == nil {
			why := firstLine(err)
			if err := r.exclude(arm, why, "`bench up` boots it alone and shows its logs."); err != nil {
				return e, err
			}
			excluded = append(excluded, arm.Name+": "+why)
			continue
		}
		if err != nil {
			return e, err
		}
		if bad := unexpected(responses); baseline == nil && len(bad) > 0 {
			return e, fmt.Errorf("%w: %s does not give the responses that the scenario expects: %s", ErrUnexpected, arm.Name,
				strings.Join(bad, "; "))
		}
		if baseline == nil {
			baseline = responses
			if err := r.warnOfRedirects(e, responses); err != nil {
				return e, err
			}
		} else if diff := append(differences(baseline, responses), unexpected(responses)...); len(diff) > 0 {
			if err := r.exclude(arm, "its responses differ: "+strings.Join(diff, "; "), sameWork); err != nil {
				return e, err
			}
			excluded = append(excluded, arm.Name+": "+strings.Join(diff, "; "))
			continue
		}
		arms, found = append(arms, arm), append(found, checked.speeds)
		concurrency, booting = max(concurrency, checked.concurrency), booting+checked.boot
	}
	if len(arms) < 2 && len(e.Arms) >= 2 {
		return e, fmt.Errorf("%w: %s", ErrTooFew, strings.Join(excluded, "; "))
	}
	e.Arms = arms
	e = e.scheduled(found, concurrency, booting/time.Duration(len(arms))+stopping, time.Since(r.Out.Manifest().Started))
	m := r.Out.Manifest()
	m.Plan = e.Describe()
	why := e.slowness()
	if why != "" {
		m.Plan = append(m.Plan, why)
	}
	r.emit(Scheduled{Plan: m.Plan, Estimate: e.Estimate(), Why: why})
	return e, r.Out.SetManifest(m)
}

// ErrUnexpected means that the app does not respond as the scenario expects.
var ErrUnexpected = errors.New("preflight failed")

// warnOfRedirects notes scenarios that measure nothing but redirects.
func (r *Runner) warnOfRedirects(e Experiment, responses map[string]response) error {
	m := r.Out.Manifest()
	for _, s := range e.Scenarios {
		m.Diagnostics = append(m.Diagnostics, redirected(s, responses)...)
	}
	return r.Out.SetManifest(m)
}

// sameWork is the hint for an arm whose responses differ.
const sameWork = "Make all topologies serve the same app in the same way: only equal work can be compared."

func (r *Runner) exclude(arm Arm, why, hint string) error {
	m := r.Out.Manifest()
	for i := range m.Topologies {
		if m.Topologies[i].Name == arm.Name {
			m.Topologies[i].Excluded = why
		}
	}
	m.Diagnostics = append(m.Diagnostics, topologyDiagnostic("excluded", arm.Name, why, hint))
	return r.Out.SetManifest(m)
}

// checked is what the preflight learns of an arm.
type checked struct {
	speeds      []speed // by scenario
	concurrency int     // 0: not limited, or unknown
	boot        time.Duration
}

// stopping is about how long it takes to stop a topology.
const stopping = 300 * time.Millisecond

func (r *Runner) preflightArm(
	ctx context.Context, e Experiment, arm Arm, first bool,
) (map[string]response, checked, error) {
	cluster, err := r.Site.Boot(ctx, arm.Topology, r.App)
	if err != nil {
		return nil, checked{}, err
	}
	defer cluster.Close()
	asked := time.Now()
	responses, err := Verify(ctx, cluster.URL(), r.Guard, e.Scenarios)
	if err != nil {
		return nil, checked{}, fmt.Errorf("%w: checking %s: %w", ErrUnexpected, arm.Name, errors.Join(err, cluster.Died()))
	}
	if len(unexpected(responses)) > 0 {
		return responses, checked{}, cluster.Close() // nothing to measure
	}
	if err := r.warmUp(ctx, cluster, e.Preset.Warmup, e.Scenarios...); err != nil {
		return nil, checked{}, err
	}
	r.emit(Booted{Arm: arm.Name, Boot: cluster.Boot})
	found := checked{
		concurrency: max(0, cluster.Blueprint().Concurrency),
		boot:        time.Duration((cluster.Boot.BootMS + cluster.Boot.WarmupMS) * float64(time.Millisecond)),
	}
	for i, s := range e.Scenarios {
		find := r.sideSpeed
		if i == 0 {
			find = r.mainSpeed
		}
		rate, err := find(ctx, Cell{Seed: e.Seed, Load: Load{
			Name: "rate-search", Scenario: s, Mode: loadgen.Closed, Duration: probeRun, Drain: s.Timeout,
		}}, cluster)
		if err != nil {
			return nil, checked{}, err
		}
		found.speeds = append(found.speeds, rate)
	}
	if err := r.askAgain(ctx, cluster, e, first, asked, responses); err != nil {
		return nil, checked{}, err
	}
	return responses, found, cluster.Close()
}

// pageClock is a time after which every clock on a page has moved on.
const pageClock = 1100 * time.Millisecond

// askAgain adds what every target answers now to what it answered before, twice; of the first arm, with
// which the others are compared, not too soon after that.
func (r *Runner) askAgain(
	ctx context.Context, cluster *servers.Cluster, e Experiment, first bool, asked time.Time,
	responses map[string]response,
) error {
	if len(e.Arms) < 2 {
		return nil // nothing is compared
	}
	if first {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(asked.Add(cmp.Or(r.apart, pageClock)))):
		}
	}
	for range 2 {
		again, err := Verify(ctx, cluster.URL(), r.Guard, e.Scenarios)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnexpected, errors.Join(err, cluster.Died()))
		}
		for name, a := range responses {
			a.also(again[name])
			responses[name] = a
		}
	}
	return nil
}

// The rate search tries a few connections, and for the main scenario all of them if their last
// responses do not take long, because the load steps follow from that speed.
const (
	probeRun         = 250 * time.Millisecond
	probeConnections = 8
	quickDrain       = 600 * time.Millisecond
)

func (r *Runner) mainSpeed(ctx context.Context, cell Cell, cluster *servers.Cluster) (speed, error) {
	found, err := r.sideSpeed(ctx, cell, cluster)
	if err == nil && found.most > found.tried && float64(found.most) < found.few*quickDrain.Seconds() {
		var rate float64
		rate, _, err = r.maxThroughput(ctx, cell, cluster)
		found.all = max(found.few, rate)
	}
	return found, err
}

func (r *Runner) sideSpeed(ctx context.Context, cell Cell, cluster *servers.Cluster) (speed, error) {
	most := cell.Load.Scenario.Connections
	tried := min(most, probeConnections)
	cell.Load.Scenario.Connections = tried
	rate, _, err := r.maxThroughput(ctx, cell, cluster)
	rate = max(leastSpeed, rate)
	found := speed{few: rate, all: rate, full: tried, tried: tried, most: most}
	if workers := cluster.Blueprint().Concurrency; workers > 0 {
		found.full = min(tried, 2*workers)
	}
	return found, err
}

// leastSpeed is what a topology that hardly responds is taken to do.
const leastSpeed = 0.2

// runBoot boots one arm for one block and runs its cells. It returns the time spent
// measuring.
func (r *Runner) runBoot(
	ctx context.Context, e Experiment, cells []Cell, run *progress, known *length,
) (spent time.Duration, err error) {
	arm := e.Arms[cells[0].Arm]
	var cluster *servers.Cluster
	defer func() {
		if cluster != nil {
			err = errors.Join(err, cluster.Close())
		}
	}()
	for _, cell := range cells {
		started := run.next(cell, arm)
		for again := 0; ; again++ {
			if cluster == nil {
				if cluster, err = r.bootWarm(ctx, e, arm); err != nil {
					return spent, err
				}
				r.emit(Booted{arm.Name, cell.Block, cluster.Boot})
			}
			r.emit(started)
			record, err := r.runCell(ctx, cell, arm, cluster)
			if err != nil {
				return spent, err
			}
			record.Again = again
			spent += time.Duration(record.Elapsed * float64(time.Second))
			if err := r.Out.Seal(record, cluster.Evidence()); err != nil {
				return spent, err
			}
			r.emit(cellDone(run.at, run.of, record))
			if isDead(record) || has(record, results.ProcessStopped) || cluster.IsDisturbed() {
				// The cell is void, or did something to the cluster: what follows gets a new one.
				died := cluster
				cluster = nil
				if err := died.Close(); err != nil {
					return spent, err
				}
			}
			known.add(cell, record)
			for _, estimate := range known.estimates(cell, e.Arms) {
				r.emit(estimate)
			}
			if disturbed(record) == "" || isDead(record) || !run.repeats(&cell, again) {
				break
			}
			if err := awaitQuiet(ctx); err != nil {
				return spent, err
			}
		}
	}
	return spent, nil
}

func (r *Runner) bootWarm(ctx context.Context, e Experiment, arm Arm) (*servers.Cluster, error) {
	cluster, err := r.Site.Boot(ctx, arm.Topology, r.App)
	if err != nil {
		return nil, err
	}
	if err := r.warmUp(ctx, cluster, e.Preset.Warmup, e.Scenarios...); err != nil {
		return nil, errors.Join(err, cluster.Close())
	}
	return cluster, nil
}

func isDead(c *results.Cell) bool {
	return slices.ContainsFunc(c.Diagnostics, func(d results.Diagnostic) bool { return d.Code == results.ServerDied })
}

// runCell measures one cell on a running cluster.
func (r *Runner) runCell(ctx context.Context, cell Cell, arm Arm, cluster *servers.Cluster) (*results.Cell, error) {
	return r.runCellAt(ctx, cell, arm, cluster, func() {})
}

// runCellAt is runCell with a function that is called last before the load starts. The clusters beside
// may be under load at the same time, and do not count as others' use of the machine.
func (r *Runner) runCellAt(
	ctx context.Context, cell Cell, arm Arm, cluster *servers.Cluster, ready func(), beside ...*servers.Cluster,
) (*results.Cell, error) {
	plan, err := cell.Plan(cluster.URL())
	if err != nil {
		return nil, err
	}
	if err := cell.Load.Timeline.Check(cluster.Blueprint(), plan.Duration); err != nil {
		return nil, err
	}
	incidents, err := cell.Load.Timeline.rehearse(cluster, plan.Duration)
	if err != nil {
		return nil, err
	}
	record := &results.Cell{
		Index: cell.Index, Topology: arm.Name, Scenario: cell.Load.Scenario.Name, Load: cell.Load.Name,
		Mode: string(cell.Load.Mode), Rate: cell.Load.Rate(), Connections: plan.Conns.Max, NewConns: cell.Load.New,
		Block: cell.Block, Position: cell.Position, Seed: cell.Seed, Started: time.Now().UTC(), Boot: cluster.Boot,
		LeadIn: cell.Load.LeadIn.Seconds(),
	}
	if plan.Pacer != nil {
		record.Pacer = plan.Pacer.String()
	}
	cold, first := coldShare(cluster, cell.Load.Scenario, plan.Duration), cluster.Loads == 0
	if cluster.Loads++; plan.Mode == loadgen.Open && cell.Load.LeadIn > 0 {
		cold = 0 // a lead-in is a warm-up, too
	}
	var before servers.Counters
	var beforeErr error
	watch := startWatch(ctx, cluster, beside...)
	m, err := r.Measurer.Measure(watch.ctx, plan, loadgen.Watch{Start: func() {
		before, beforeErr = cluster.Counters(ctx)
		watch.begin()
		ready()
		incidents.begin()
	}, Second: Seconds(arm.Name, plan, r.Emit)})
	happened := incidents.end()
	after, afterErr := cluster.Counters(ctx)
	usage, watchErr := watch.stop()
	noteResponses(cluster, cell.Load.Scenario, m)
	died := cluster.Died()
	if err := ctx.Err(); err != nil {
		return nil, err // interrupted: half a cell does not count
	}
	if err != nil {
		return nil, err
	}
	record.Duration, record.Elapsed, record.Successful = plan.Duration.Seconds(), m.Elapsed.Seconds(), m.Within.OK
	record.Thirds = m.Thirds[:]
	record.Intervals, record.Counts, record.Usage = m.Intervals, m.Counts, usage
	record.Opened, record.Clamped, record.Generator, record.Loop = m.Opened, m.Clamped, m.Generator, m.Loop
	record.Grade, record.Diagnostics = m.Grade, m.Diagnostics
	record.Incidents, record.Moments = happened, m.Moments
	judgeIncidents(record)
	if died != nil {
		record.Grade = results.Invalid
		record.Diagnostics = append(record.Diagnostics, topologyDiagnostic(
			results.ServerDied, record.Topology, firstLine(died), "The cell is void. Its logs are stored with it."))
		return record, nil
	}
	if err := errors.Join(beforeErr, afterErr, watchErr); err != nil {
		record.Grade = record.Grade.Worse(results.Degraded)
		record.Diagnostics = append(record.Diagnostics, topologyDiagnostic("no-statistics", record.Topology, firstLine(err),
			"This cell lacks the servers' own figures."))
	} else {
		record.Server = after.Since(before)
		record.Server.Merge(watch.peaks, nil)
	}
	judgeWarmth(record, cold, first)
	judgeServer(record, cell)
	watch.judge(record, r.SharedMachine)
	limit(record, cluster.Blueprint().Concurrency, usableCores())
	return record, nil
}

// firstLine is an error without the log that may follow it.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// judgeServer adds diagnostics for what the servers or the machine did to distort the cell.
func judgeServer(c *results.Cell, cell Cell) {
	add := func(g results.Grade, code, message, hint string) {
		c.Grade = c.Grade.Worse(g)
		c.Diagnostics = append(c.Diagnostics, results.Diagnostic{Code: code, Message: message, Hint: hint})
	}
	if n := c.Server.Total(results.Respawns); n > 0 {
		add(results.Invalid, results.ServerDied, fmt.Sprintf("%.0f worker processes died and were replaced", n),
			"The cell is void. Its logs are stored with it.")
	}
	if share := c.Server.StealSeconds / c.Elapsed; share > 0.05 {
		add(results.Degraded, "steal", fmt.Sprintf("the hypervisor took %.0f %% of a core", share*100),
			"Repeat on a quieter machine.")
	}
	if c.Server.ListenOverflows > 0 {
		add(results.Valid, "listen-overflow",
			fmt.Sprintf("the listen queue was full for %d connections, which the kernel retried after 1, 3 or 7 s",
				c.Server.ListenOverflows), "")
	}
	var servers time.Duration
	for _, spent := range results.CPUByTier(c.Usage) {
		servers += spent
	}
	if generator := c.Generator.CPUSeconds; cell.Load.Mode == loadgen.Closed && generator > servers.Seconds() &&
		generator > c.Elapsed/2 {
		add(results.Valid, "generator-bound", fmt.Sprintf(
			"the generator used %.2f s of CPU, the servers %.2f s: this throughput is a lower bound for the servers",
			generator, servers.Seconds()), "")
	}
}
