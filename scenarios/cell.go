package scenarios

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"bench/loadgen"
	"bench/results"
	"bench/servers"
)

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
	record := cell.record(arm, plan, cluster.Boot)
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
	if len(cell.Load.Sources) > 0 { // of several processes on this machine
		watch.machine.sent = time.Duration(m.Generator.CPUSeconds * float64(time.Second))
	}
	noteResponses(cluster, cell.Load.Scenario, m)
	died := cluster.Died()
	if err := ctx.Err(); err != nil {
		return nil, err // interrupted: half a cell does not count
	}
	if err != nil {
		return nil, err
	}
	measured(record, m)
	record.Usage, record.Hosts, record.Incidents = usage, watch.byHost(), happened
	judgeIncidents(record)
	if died != nil {
		record.Diagnose(results.Invalid, results.ServerDied, record.Topology+": "+firstLine(died),
			"The cell is void. Its logs are stored with it.")
		return record, nil
	}
	if err := errors.Join(beforeErr, afterErr, watchErr); err != nil {
		record.Diagnose(results.Degraded, "no-statistics", record.Topology+": "+firstLine(err),
			"This cell lacks the servers' own figures.")
	} else {
		record.Server = after.Since(before)
		record.Server.Merge(watch.peaks, nil)
	}
	judgeWarmth(record, cold, first)
	judgeServer(record, cell)
	watch.judge(record, r.SharedMachine)
	limit(record, cluster.Blueprint().Concurrency, servers.UsableCores())
	return record, nil
}

// record is what is known of a cell before it is measured.
func (c Cell) record(arm Arm, plan loadgen.Plan, boot results.Boot) *results.Cell {
	record := &results.Cell{
		Index: c.Index, Topology: arm.Name, Scenario: c.Load.Scenario.Name, Load: c.Load.Name,
		Mode: string(c.Load.Mode), Rate: c.Load.Rate(), Connections: plan.Conns.Max, NewConns: c.Load.New,
		Block: c.Block, Position: c.Position, Seed: c.Seed, Started: time.Now().UTC(), Boot: boot,
		LeadIn: c.Load.LeadIn.Seconds(), Duration: plan.Duration.Seconds(),
	}
	if plan.Pacer != nil {
		record.Pacer = plan.Pacer.String()
	}
	return record
}

// measured adds what the load generator has measured.
func measured(record *results.Cell, m loadgen.Measurement) {
	record.Elapsed, record.Successful, record.Thirds = m.Elapsed.Seconds(), m.Within.OK, m.Thirds[:]
	record.Intervals, record.Counts, record.Moments, record.Slow = m.Intervals, m.Counts, m.Moments, m.Slow
	record.Opened, record.Clamped, record.Generator, record.Loop = m.Opened, m.Clamped, m.Generator, m.Loop
	record.Grade, record.Diagnostics = m.Grade, m.Diagnostics
}

// firstLine is an error without the log that may follow it.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// judgeServer adds diagnostics for what the servers or the machine did to distort the cell.
func judgeServer(c *results.Cell, cell Cell) {
	if n := c.Server.Total(results.Respawns); n > 0 {
		c.Diagnose(results.Invalid, results.ServerDied, fmt.Sprintf("%.0f worker processes died and were replaced", n),
			"The cell is void. Its logs are stored with it.")
	}
	if share := c.Server.StealSeconds / c.Elapsed; share > 0.05 {
		c.Diagnose(results.Degraded, "steal", fmt.Sprintf("the hypervisor took %.0f %% of a core", share*100),
			"Repeat on a quieter machine.")
	}
	if c.Server.ListenOverflows > 0 {
		c.Diagnose(results.Valid, "listen-overflow",
			fmt.Sprintf("the listen queue was full for %d connections, which the kernel retried after 1, 3 or 7 s",
				c.Server.ListenOverflows), "")
	}
	var servers time.Duration
	for _, spent := range results.CPUByTier(c.Usage) {
		servers += spent
	}
	if generator := c.Generator.CPUSeconds; cell.Load.Mode == loadgen.Closed && generator > servers.Seconds() &&
		generator > c.Elapsed/2 {
		c.Diagnose(results.Valid, "generator-bound", fmt.Sprintf(
			"the generator used %.2f s of CPU, the servers %.2f s: this throughput is a lower bound for the servers",
			generator, servers.Seconds()), "")
	}
}
