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

// Preflight is what a paired run needs to know before its first pair.
type Preflight struct {
	MaxThroughput float64       // closed loop
	Rate          float64       // of each arm
	Busy          float64       // share of the cores in use at that rate
	Slow          time.Duration // slower than most of base's responses at that rate
	// Differences are the endpoints whose responses differ between the arms.
	Differences []string
	Counters    []results.Counter
}

// utilization is the share of the cores, and of the maximum throughput, at which a paired run
// loads both arms together: high enough for queueing to show, low enough that its noise does not
// drown everything (shift ÷ noise is best near 0.4).
const utilization = 0.4

// slowFrom is the base's quantile, in percent, above which a response counts as slow. The share
// above the 95 % quantile has more than twice the noise in a pair (39 % against 14 %): there are
// too few such responses.
const slowFrom = 85

// QueriesHeader is the header in which an app may report how many database queries a response
// took.
const QueriesHeader = "X-Bench-Queries"

// Preflight compares the arms' responses and finds the rate.
func (r *Runner) Preflight(ctx context.Context, p PairedRun) (c Preflight, err error) {
	var responses [2]map[string]response
	for arm, a := range p.Arms {
		r.say("booting " + a.Name + " to check its responses")
		if responses[arm], err = r.responsesOf(ctx, p, arm, &c); err != nil {
			return c, &ArmError{a.Name, err}
		}
	}
	if bad := unexpected(responses[0]); len(bad) > 0 {
		return c, &ArmError{results.Base, fmt.Errorf("%w: not the responses that the scenario expects: %s", ErrUnexpected,
			strings.Join(bad, "; "))}
	}
	if bad := unexpected(responses[1]); len(bad) > 0 {
		return c, &ArmError{results.Head, fmt.Errorf("%w: unlike base's, its responses are not what the scenario expects: %s",
			ErrUnexpected, strings.Join(bad, "; "))}
	}
	c.Differences = differences(responses[0], responses[1])
	c.Counters = counters(responses[0], responses[1])
	r.say("finding the rate")
	err = r.findRate(ctx, p, &c)
	return c, err
}

// responsesOf boots one arm and requests every target once; for base it also measures the maximum
// throughput.
func (r *Runner) responsesOf(
	ctx context.Context, p PairedRun, arm int, c *Preflight,
) (responses map[string]response, err error) {
	a := p.Arms[arm]
	cluster, err := a.Site.Boot(ctx, p.Topology, a.App)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	if responses, err = Verify(ctx, cluster.URL(), r.Guard, []Scenario{p.Scenario}); err != nil {
		return nil, errors.Join(err, cluster.Died())
	}
	if len(unexpected(responses)) > 0 {
		return responses, nil
	}
	if err := r.warmUp(ctx, cluster, 2*p.Warmup, p.Scenario); err != nil {
		return nil, err
	}
	if err := steady(ctx, cluster.URL(), r.Guard, p.Scenario, responses); err != nil || arm != 0 {
		return responses, errors.Join(err, cluster.Died())
	}
	closedRun := Cell{Seed: p.Seed, Load: Load{
		Name: results.ClosedRun, Scenario: p.Scenario, Mode: loadgen.Closed, Duration: time.Second,
	}}
	c.MaxThroughput, _, err = r.maxThroughput(ctx, closedRun, cluster)
	return responses, err
}

// findRate runs a pair's interleaved load, first at the share of the maximum throughput, and then
// at the rate that this showed to be the share of the cores. A request costs more CPU time when
// requests come one by one and two versions share the caches than in a closed loop.
func (r *Runner) findRate(ctx context.Context, p PairedRun, c *Preflight) (err error) {
	var clusters [2]*servers.Cluster
	defer func() { err = errors.Join(err, closeAll(clusters)) }()
	order := [2]int{0, 1}
	if err := r.bootBoth(ctx, p, order, &clusters); err != nil {
		return err
	}
	most := max(1, c.MaxThroughput*utilization/2)
	p.Rate = most
	const tries = 3
	for try := 1; ; try++ {
		cells, err := r.interleave(ctx, p, 0, order, clusters)
		if err != nil {
			return err
		}
		for arm, cell := range cells {
			if why := silent(cell); why != "" {
				return &ArmError{p.Arms[arm].Name, fmt.Errorf("finding the rate: %s", why)}
			}
		}
		c.Rate, c.Busy = p.Rate, busyShare(cells)
		response := results.Total(cells[0].Intervals, results.Response)
		c.Slow = time.Duration(results.Percentile(response, slowFrom)) * time.Microsecond
		next := min(most, max(1, p.Rate*utilization/c.Busy))
		if try == tries || c.Busy == 0 || math.Abs(next/p.Rate-1) < rateWithin {
			return nil
		}
		p.Rate = next
	}
}

// rateWithin is how close the rate has to be to the one aimed at.
const rateWithin = 0.1

// busyShare is the share of the cores that a pair's two cells used, including the generator: one
// process, whose CPU time each cell counts in full.
func busyShare(cells [2]*results.Cell) float64 {
	busy := max(cells[0].Generator.CPUSeconds/cells[0].Elapsed, cells[1].Generator.CPUSeconds/cells[1].Elapsed)
	for _, cell := range cells {
		busy += results.TotalCPU(cell.Usage).Seconds() / cell.Elapsed
	}
	return busy / float64(runtime.GOMAXPROCS(0)) // respects a container's quota, unlike the number of cores
}

// silent is why a server did not respond to a cell's load; empty if it did.
func silent(c *results.Cell) string {
	for _, d := range c.Diagnostics {
		if d.FromServer() {
			return d.Message
		}
	}
	if c.Counts.OK == 0 {
		return "no response was successful"
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

func counters(base, head map[string]response) (all []results.Counter) {
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
