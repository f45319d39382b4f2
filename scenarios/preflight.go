package scenarios

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"bench/loadgen"
	"bench/servers"
)

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
	if err := r.rebase(e.Arms[0].Name, arms[0].Name); err != nil {
		return e, err
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
	m.Diagnostics = append(m.Diagnostics, excluded(arm.Name, why, hint))
	return r.Out.SetManifest(m)
}

// rebase lets the first arm that can be booted be what the others are compared with, where the first cannot.
func (r *Runner) rebase(from, to string) error {
	m := r.Out.Manifest()
	if from == to || m.Baseline != from {
		return nil
	}
	m.Baseline = to
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
	responses, err := r.verify(ctx, cluster.URL(), e.Scenarios)
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
		again, err := r.verify(ctx, cluster.URL(), e.Scenarios)
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
