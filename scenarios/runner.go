package scenarios

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
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
	Guard    loadgen.Guard // of the answers that are compared before anything is measured
	Out      *results.Directory
	Emit     func(Event) // may be nil; a duel calls it from two goroutines
}

// ErrTooFew means that fewer than two topologies were left to compare.
var ErrTooFew = errors.New("fewer than two topologies give the same answers")

// Run verifies, calibrates and measures. Every finished cell is sealed into Out; when ctx
// ends, or an error does it, those stay. It returns the experiment as it was run: without
// the arms that were excluded, and with the ladder's rates.
func (r *Runner) Run(ctx context.Context, e Experiment) (Experiment, error) {
	e, err := r.preflight(ctx, e)
	if err != nil {
		return e, err
	}
	cells := e.Cells()
	run := &progress{measuring: time.Now(), of: len(cells)}
	var measured time.Duration
	for i := 0; i < len(cells); {
		boot := sameBoot(cells[i:])
		spent, err := r.runBoot(ctx, e, cells[i:i+boot], run)
		measured += spent
		m := r.Out.Manifest()
		m.Measured = measured.Round(time.Millisecond).Seconds()
		if err := errors.Join(err, r.Out.SetManifest(m)); err != nil {
			return e, err
		}
		i += boot
	}
	return e, nil
}

// sameBoot is the number of leading cells that share a boot: one arm in one block.
func sameBoot(cells []Cell) int {
	n := slices.IndexFunc(cells, func(c Cell) bool { return c.Block != cells[0].Block || c.Arm != cells[0].Arm })
	if n < 0 {
		return len(cells)
	}
	return n
}

// preflight boots every arm once: to check that all give the same answers, and to learn
// roughly their greatest rates, from which the ladder follows.
func (r *Runner) preflight(ctx context.Context, e Experiment) (Experiment, error) {
	var baseline map[string]answer
	var arms []Arm
	var excluded []string
	var greatest []float64
	for i, arm := range e.Arms {
		r.say("checking " + arm.Name)
		answers, rate, err := r.preflightArm(ctx, e, arm)
		if err != nil {
			return e, err
		}
		if bad := unexpected(answers); i == 0 && len(bad) > 0 {
			return e, fmt.Errorf("%w: %s does not give the answers that the scenario expects: %s", ErrUnexpected, arm.Name,
				strings.Join(bad, "; "))
		}
		if baseline == nil {
			baseline = answers
		} else if diff := differences(baseline, answers); len(diff) > 0 {
			if err := r.exclude(arm, diff); err != nil {
				return e, err
			}
			excluded = append(excluded, arm.Name+": "+strings.Join(diff, "; "))
			continue
		}
		arms, greatest = append(arms, arm), append(greatest, rate)
	}
	if len(arms) < 2 && len(e.Arms) >= 2 {
		return e, fmt.Errorf("%w: %s", ErrTooFew, strings.Join(excluded, "; "))
	}
	e.Arms, e.Rates = arms, e.Preset.LoadSteps(greatest)
	e.Preset = e.Preset.stretched(slices.Min(greatest))
	m := r.Out.Manifest()
	m.Plan = e.Describe()
	return e, r.Out.SetManifest(m)
}

// ErrUnexpected means that the app does not answer as the scenario expects.
var ErrUnexpected = errors.New("preflight failed")

func (r *Runner) exclude(arm Arm, diff []string) error {
	m := r.Out.Manifest()
	why := "it gives other answers: " + strings.Join(diff, "; ")
	for i := range m.Topologies {
		if m.Topologies[i].Name == arm.Name {
			m.Topologies[i].Excluded = why
		}
	}
	m.Diagnostics = append(m.Diagnostics, topologyDiagnostic("excluded", arm.Name, why,
		"Make the topologies serve the same app in the same way; compare works only on equal work."))
	return r.Out.SetManifest(m)
}

// A closed-loop run that looks for a rate is repeated four times as long until it has seen enough answers to tell
// a rate, or is as long as it may get.
const (
	rateRun        = 400 * time.Millisecond
	longestRateRun = 16 * rateRun
	enoughAnswers  = 50
)

func (r *Runner) preflightArm(ctx context.Context, e Experiment, arm Arm) (map[string]answer, float64, error) {
	cluster, err := r.Site.Boot(ctx, arm.Topology, r.App)
	if err != nil {
		return nil, 0, err
	}
	defer cluster.Close()
	answers, err := Verify(ctx, cluster.URL(), r.Guard, e.Scenarios)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: checking %s: %w", ErrUnexpected, arm.Name, errors.Join(err, cluster.Died()))
	}
	if err := r.warmUp(ctx, cluster, e.Scenarios[0], e.Preset.Warmup); err != nil {
		return nil, 0, err
	}
	r.emit(Booted{Arm: arm.Name, Boot: cluster.Boot})
	closedRun := Cell{Seed: e.Seed, Load: Load{
		Name: "calibration", Scenario: e.Scenarios[0], Mode: loadgen.Closed, Duration: rateRun,
	}}
	var rate float64
	for ; closedRun.Load.Duration <= longestRateRun; closedRun.Load.Duration *= 4 {
		m, err := r.measure(ctx, closedRun, cluster)
		if err != nil {
			return nil, 0, err
		}
		if rate = float64(m.Within.OK) / closedRun.Load.Duration.Seconds(); m.Within.OK >= enoughAnswers {
			break
		}
	}
	return answers, max(1, rate), cluster.Close()
}

// runBoot boots one arm for one block and runs its cells. It returns the time spent
// measuring.
func (r *Runner) runBoot(
	ctx context.Context, e Experiment, cells []Cell, run *progress,
) (spent time.Duration, err error) {
	arm := e.Arms[cells[0].Arm]
	var cluster *servers.Cluster
	defer func() {
		if cluster != nil {
			err = errors.Join(err, cluster.Close())
		}
	}()
	for _, cell := range cells {
		if cluster == nil {
			if cluster, err = r.bootWarm(ctx, e, arm); err != nil {
				return spent, err
			}
			r.emit(Booted{arm.Name, cell.Block, cluster.Boot})
		}
		r.emit(run.next(cell, arm))
		record, err := r.runCell(ctx, cell, arm, cluster)
		if err != nil {
			return spent, err
		}
		spent += time.Duration(record.Elapsed * float64(time.Second))
		if err := r.Out.Seal(record, cluster.Evidence()); err != nil {
			return spent, err
		}
		r.emit(cellDone(run.at, run.of, record))
		if isDead(record) {
			// The cell is void; the ones that follow get a cluster that lives.
			died := cluster
			cluster = nil
			if err := died.Close(); err != nil {
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
	if err := r.warmUp(ctx, cluster, e.Scenarios[0], e.Preset.Warmup); err != nil {
		return nil, errors.Join(err, cluster.Close())
	}
	return cluster, nil
}

func isDead(c *results.Cell) bool {
	return slices.ContainsFunc(c.Diagnostics, func(cause results.Diagnostic) bool { return cause.Code == results.ServerDied })
}

// runCell measures one cell on a running cluster.
func (r *Runner) runCell(ctx context.Context, cell Cell, arm Arm, cluster *servers.Cluster) (*results.Cell, error) {
	return r.runCellAt(ctx, cell, arm, cluster, func() {})
}

// runCellAt is runCell that calls a function as the last thing before the load starts.
func (r *Runner) runCellAt(
	ctx context.Context, cell Cell, arm Arm, cluster *servers.Cluster, ready func(),
) (*results.Cell, error) {
	plan, err := cell.Plan(cluster.URL())
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
	var before servers.Counters
	var beforeErr error
	watch := startWatch(ctx, cluster)
	m, err := r.Measurer.Measure(watch.ctx, plan, loadgen.Watch{Start: func() {
		before, beforeErr = cluster.Counters(ctx)
		watch.begin()
		ready()
	}})
	after, afterErr := cluster.Counters(ctx)
	usage, watchErr := watch.stop()
	died := cluster.Died()
	if err := ctx.Err(); err != nil {
		return nil, err // interrupted: half a cell is no cell
	}
	if err != nil {
		return nil, err
	}
	record.Duration, record.Elapsed, record.Successful = plan.Duration.Seconds(), m.Elapsed.Seconds(), m.Within.OK
	record.Intervals, record.Counts, record.Usage = m.Intervals, m.Counts, usage
	record.Opened, record.Clamped, record.Generator = m.Opened, m.Clamped, m.Generator
	record.Grade, record.Diagnostics = m.Grade, m.Diagnostics
	if died != nil {
		record.Grade = results.Invalid
		record.Diagnostics = append(record.Diagnostics, topologyDiagnostic(results.ServerDied, record.Topology, firstLine(died),
			"The cell is void. Its logs are beside it."))
		return record, nil
	}
	if err := errors.Join(beforeErr, afterErr, watchErr); err != nil {
		record.Grade = record.Grade.Worse(results.Degraded)
		record.Diagnostics = append(record.Diagnostics, topologyDiagnostic("no-statistics", record.Topology, firstLine(err),
			"The servers' own figures are missing for this cell."))
	} else {
		record.Server = after.Since(before)
		record.Server.Merge(watch.peaks, nil)
	}
	if !record.Boot.Settled {
		record.Diagnostics = append(record.Diagnostics, results.Diagnostic{
			Code:    "not-settled",
			Message: fmt.Sprintf("the latency had not settled when the warm-up ended after %.0f ms", record.Boot.WarmupMS),
			Hint:    "Use --thorough, which warms up for longer.",
		})
	}
	judgeServer(record, cell)
	return record, nil
}

// firstLine is an error without the log that may follow it.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// judgeServer adds what the servers and the machine did to spoil the cell.
func judgeServer(c *results.Cell, cell Cell) {
	add := func(g results.Grade, code, message, remedy string) {
		c.Grade = c.Grade.Worse(g)
		c.Diagnostics = append(c.Diagnostics, results.Diagnostic{Code: code, Message: message, Hint: remedy})
	}
	if n := c.Server.Total(results.Respawns); n > 0 {
		add(results.Invalid, results.ServerDied, fmt.Sprintf("%.0f worker processes died and were replaced", n),
			"The cell is void. Its logs are beside it.")
	}
	if share := c.Server.StealSeconds / c.Elapsed; share > 0.05 {
		add(results.Degraded, "steal", fmt.Sprintf("the hypervisor took away %.0f %% of a core", share*100),
			"Repeat on a quieter machine.")
	}
	if c.Server.ListenOverflows > 0 {
		add(results.Valid, "listen-overflow",
			fmt.Sprintf("%d connections met a full listen queue and were retried by the kernel after 1, 3 or 7 s",
				c.Server.ListenOverflows), "")
	}
	var servers time.Duration
	for _, spent := range results.CPUByTier(c.Usage) {
		servers += spent
	}
	if generator := c.Generator.CPUSeconds; cell.Load.Mode == loadgen.Closed && generator > servers.Seconds() &&
		generator > c.Elapsed/2 {
		add(results.Valid, "generator-bound", fmt.Sprintf(
			"the generator used %.2f s of CPU, the servers %.2f s: they could do more than this rate, which is a lower bound",
			generator, servers.Seconds()), "")
	}
}

// watch samples a cluster during a cell and ends the load when a process dies.
type watch struct {
	ctx     context.Context
	cancel  context.CancelFunc
	cluster *servers.Cluster
	done    chan struct{}

	mu      sync.Mutex // guards what follows
	started time.Time
	usage   []results.Usage
	peaks   map[string]results.Counters // that the servers showed
	err     error
}

const (
	usageEvery = time.Second
	peaksEvery = 200 * time.Millisecond // a queue comes and goes
)

func startWatch(ctx context.Context, cluster *servers.Cluster) *watch {
	w := &watch{cluster: cluster, started: time.Now(), done: make(chan struct{})}
	w.ctx, w.cancel = context.WithCancel(ctx)
	go w.loop()
	return w
}

// begin makes now the start of the cell: what the servers used until then, for connections
// that were opened ahead of the load, is no part of it.
func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.started, w.usage = time.Now(), nil
	w.sample()
}

func (w *watch) loop() {
	defer close(w.done)
	usage, peaks := time.NewTicker(usageEvery), time.NewTicker(peaksEvery)
	defer usage.Stop()
	defer peaks.Stop()
	for {
		select {
		case <-usage.C:
			w.mu.Lock()
			w.sample()
			w.mu.Unlock()
		case <-peaks.C:
			seen := results.Server{Counters: w.cluster.Peaks(w.ctx)}
			w.mu.Lock()
			seen.Merge(w.peaks, nil)
			w.peaks = seen.Counters
			w.mu.Unlock()
		case <-w.cluster.Dead():
			w.cancel()
			return
		case <-w.ctx.Done():
			return
		}
	}
}

// sample reads the usage. The mutex is held, or the loop has ended.
func (w *watch) sample() {
	usage, err := w.cluster.Usage()
	if err != nil {
		w.err = err
		return
	}
	at := time.Since(w.started).Round(time.Millisecond)
	for i := range usage {
		usage[i].At = at
	}
	w.usage = append(w.usage, usage...)
}

func (w *watch) stop() ([]results.Usage, error) {
	w.cancel()
	<-w.done
	w.sample()
	return w.usage, w.err
}
