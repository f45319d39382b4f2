package scenarios

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/servers"
)

// Preflight is what a duel needs to know of the base before its first pair.
type Preflight struct {
	MaxThroughput float64       // closed loop
	Rate          float64       // of each arm
	Busy          float64       // share of the cores in use at that rate
	Slow          time.Duration // slower than most of base's answers at that rate
	// Differences are the endpoints whose answers differ between the arms.
	Differences []string
	Counters    []results.Counter
}

// utilization is the share of the cores, and of the greatest rate, at which a duel runs, both
// arms together: high enough to see queueing, low enough that its noise does not drown
// everything (shift ÷ noise is best near 0.4).
const utilization = 0.4

// slowFrom is the base's quantile, in percent, beyond which an answer counts as slow. The
// share beyond the 95 % quantile has twice the noise in a pair (39 % against 14 %): there are
// too few such answers.
const slowFrom = 85

// QueriesHeader is the field in which an app may say how many database queries an answer
// took.
const QueriesHeader = "X-Bench-Queries"

// Preflight compares the arms' answers, and finds the rate.
func (r *Runner) Preflight(ctx context.Context, d PairedRun) (c Preflight, err error) {
	var answers [2]map[string]answer
	for arm, a := range d.Arms {
		r.say("booting " + a.Name + " to check its answers")
		if answers[arm], err = r.answersOf(ctx, d, arm, &c); err != nil {
			return c, &ArmError{a.Name, err}
		}
	}
	if bad := unexpected(answers[0]); len(bad) > 0 {
		return c, &ArmError{results.Base, fmt.Errorf("%w: not the answers that the scenario expects: %s", ErrUnexpected,
			strings.Join(bad, "; "))}
	}
	if bad := unexpected(answers[1]); len(bad) > 0 {
		return c, &ArmError{results.Head, fmt.Errorf("%w: not the answers that the scenario expects, which base gives: %s",
			ErrUnexpected, strings.Join(bad, "; "))}
	}
	c.Differences = differences(answers[0], answers[1])
	c.Counters = counters(answers[0], answers[1])
	r.say("finding the rate")
	err = r.findRate(ctx, d, &c)
	return c, err
}

// answersOf boots one arm and asks it everything once; of base it learns the greatest rate.
func (r *Runner) answersOf(
	ctx context.Context, d PairedRun, arm int, c *Preflight,
) (answers map[string]answer, err error) {
	a := d.Arms[arm]
	cluster, err := a.Site.Boot(ctx, d.Topology, a.App)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	if answers, err = Verify(ctx, cluster.URL(), r.Guard, []Scenario{d.Scenario}); err != nil {
		return nil, errors.Join(err, cluster.Died())
	}
	if len(unexpected(answers)) > 0 {
		return answers, nil
	}
	if err := r.warmUp(ctx, cluster, d.Scenario, 2*d.Warmup); err != nil {
		return nil, err
	}
	if err := steady(ctx, cluster.URL(), r.Guard, d.Scenario, answers); err != nil || arm != 0 {
		return answers, errors.Join(err, cluster.Died())
	}
	closedRun := Cell{Seed: d.Seed, Load: Load{
		Name: results.ClosedRun, Scenario: d.Scenario, Mode: loadgen.Closed, Duration: time.Second,
	}}
	m, err := r.measure(ctx, closedRun, cluster)
	c.MaxThroughput = float64(m.Within.OK) / closedRun.Load.Duration.Seconds()
	return answers, err
}

// findRate runs a pair's alternating load: at the share of the greatest rate, and then at what
// that showed to be the share of the cores. A request costs more CPU time when requests come
// one by one and two versions share the caches than in a closed loop.
func (r *Runner) findRate(ctx context.Context, d PairedRun, c *Preflight) (err error) {
	var clusters [2]*servers.Cluster
	defer func() { err = errors.Join(err, closeAll(clusters)) }()
	order := [2]int{0, 1}
	if err := r.bootBoth(ctx, d, order, &clusters); err != nil {
		return err
	}
	most := max(1, c.MaxThroughput*utilization/2)
	d.Rate = most
	const tries = 3
	for try := 1; ; try++ {
		cells, err := r.alternate(ctx, d, 0, order, clusters)
		if err != nil {
			return err
		}
		for arm, cell := range cells {
			if why := silent(cell); why != "" {
				return &ArmError{d.Arms[arm].Name, fmt.Errorf("finding the rate: %s", why)}
			}
		}
		c.Rate, c.Busy = d.Rate, busyShare(cells)
		response := results.Total(cells[0].Intervals, results.Response)
		c.Slow = time.Duration(response.ValueAtPercentile(slowFrom)) * time.Microsecond
		next := min(most, max(1, d.Rate*utilization/c.Busy))
		if try == tries || c.Busy == 0 || math.Abs(next/d.Rate-1) < rateWithin {
			return nil
		}
		d.Rate = next
	}
}

// rateWithin is how near the rate has to be to the one that is meant.
const rateWithin = 0.1

// busyShare is the share of the cores that a pair's two cells used, with the generator. It is
// one process, whose CPU time each of them counts whole.
func busyShare(cells [2]*results.Cell) float64 {
	busy := max(cells[0].Generator.CPUSeconds/cells[0].Elapsed, cells[1].Generator.CPUSeconds/cells[1].Elapsed)
	for _, cell := range cells {
		busy += results.TotalCPU(cell.Usage).Seconds() / cell.Elapsed
	}
	return busy / float64(runtime.GOMAXPROCS(0)) // knows a container's quota, unlike the number of cores
}

// silent is why a server did not answer a cell's load; empty where it did.
func silent(c *results.Cell) string {
	for _, cause := range c.Diagnostics {
		if cause.FromServer() {
			return cause.Message
		}
	}
	if c.Counts.OK == 0 {
		return "no request was answered right"
	}
	return ""
}

func (r *Runner) measure(ctx context.Context, cell Cell, cluster *servers.Cluster) (loadgen.Measurement, error) {
	plan, err := cell.Plan(cluster.URL())
	if err != nil {
		return loadgen.Measurement{}, err
	}
	m, err := r.Measurer.Measure(ctx, plan, loadgen.Watch{})
	return m, errors.Join(err, cluster.Died(), ctx.Err())
}

func counters(base, head map[string]answer) (all []results.Counter) {
	for name, b := range base {
		h := head[name]
		_, target, _ := strings.Cut(name, "/")
		all = append(all, results.Counter{Target: target, Name: "status", Base: b.status, Head: h.status})
		if !b.varies && !h.varies {
			all = append(all, results.Counter{Target: target, Name: "bytes", Base: b.length, Head: h.length})
		}
		if b.queries >= 0 && h.queries >= 0 {
			all = append(all, results.Counter{Target: target, Name: "queries", Base: b.queries, Head: h.queries})
		}
	}
	slices.SortFunc(all, func(a, b results.Counter) int {
		return strings.Compare(a.Target+a.Name, b.Target+b.Name)
	})
	return all
}
