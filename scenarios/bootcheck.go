package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"bench/results"
	"bench/servers"
)

// BootCheck is a boot of both arms without load, in which every target is requested several times.
type BootCheck struct {
	Base, Head CheckedArm
}

// CheckedArm is how one arm fared in it.
type CheckedArm struct {
	// NotBooted is why it did not boot, or died; nil: it ran to the end.
	NotBooted error
	Asked     uint64 // requests
	Failed    uint64 // of these, without the response that the scenario expects
	// Broken are the targets that never gave that response, with what they gave.
	Broken map[string]string
	// Flaky are the targets that did not give it each time, likewise.
	Flaky map[string]string

	responses map[string]response
}

// Arm is how an arm fared.
func (c *BootCheck) Arm(arm int) *CheckedArm { return [...]*CheckedArm{&c.Base, &c.Head}[arm] }

// Record is what the run directory keeps.
func (c *CheckedArm) Record() results.CheckedArm {
	record := results.CheckedArm{Asked: c.Asked, Failed: c.Failed}
	if c.NotBooted != nil {
		record.NotBooted = c.NotBooted.Error()
	}
	var wrong []string
	for _, of := range []map[string]string{c.Broken, c.Flaky} {
		for target, what := range of {
			wrong = append(wrong, target+" "+what)
		}
	}
	slices.Sort(wrong)
	record.Wrong = strings.Join(wrong, "; ")
	return record
}

// How many rounds of requests determine the counters: fewer where a round takes long, or where a check
// only repeats another one.
const (
	mostRounds   = 8
	fewestRounds = 2
	roundsTime   = 5 * time.Second
)

// CheckArms boots both arms, each with what counts its queries, and requests every target once before it
// is warm and several times after. What fails is what it finds: an error of an arm is part of the check.
func (r *Runner) CheckArms(ctx context.Context, p PairedRun, number int) (c BootCheck, err error) {
	var clusters [2]*servers.Cluster
	defer func() { err = errors.Join(err, closeAll(clusters)) }()
	rounds := mostRounds
	if number > 1 {
		rounds = fewestRounds
	}
	failed := p.both(p.order(-number), func(arm int) (err error) {
		a := p.Arms[arm]
		if clusters[arm], err = a.Site.Boot(ctx, p.Topology, a.Checked); err != nil {
			return err
		}
		if a.From == nil { // else the guards of those hosts are asked
			if err := r.Guard.Check(clusters[arm].URL()); err != nil {
				return err
			}
		}
		return r.of(a).checkArm(ctx, clusters[arm], p, rounds, c.Arm(arm))
	})
	if ctx.Err() != nil {
		return c, context.Cause(ctx)
	}
	for arm, a := range p.Arms {
		c.Arm(arm).NotBooted = FailedArms(failed)[a.Name]
	}
	return c, nil
}

// checkArm requests every target of an arm.
func (r *Runner) checkArm(ctx context.Context, cluster *servers.Cluster, p PairedRun, rounds int, c *CheckedArm) error {
	c.responses = map[string]response{}
	client := r.Client()
	right := map[string]bool{}
	wrong := map[string]string{}
	began := time.Now()
	for round := 0; round <= rounds && (round <= fewestRounds || time.Since(began) < roundsTime); round++ {
		if round == 1 {
			if err := r.warmUp(ctx, cluster, p.Warmup, p.Scenario); err != nil {
				return errors.Join(err, cluster.Died())
			}
			began = time.Now()
		}
		for i := range p.Scenario.Mix.Targets {
			t := &p.Scenario.Mix.Targets[i]
			got, err := ask(ctx, client, cluster.URL(), t)
			if died := cluster.Died(); died != nil || ctx.Err() != nil {
				return errors.Join(died, ctx.Err())
			}
			c.Asked++
			switch {
			case err != nil:
				c.Failed++
				wrong[t.Name] = err.Error()
			case !got.okay:
				c.Failed++
				wrong[t.Name] = fmt.Sprintf("(status %d %s, %d bytes)", got.status, http.StatusText(got.status), got.length)
				if got.cause != "" {
					wrong[t.Name] += ": " + got.cause
				}
			default:
				right[t.Name] = true
				c.note(t.Name, got, round)
			}
		}
	}
	c.Broken, c.Flaky = map[string]string{}, map[string]string{}
	for target, what := range wrong {
		if right[target] {
			c.Flaky[target] = what
		} else {
			c.Broken[target] = what
		}
	}
	return nil
}

// note keeps a response: the fewest queries of those of a warm server, since each worker may have a
// cache that one of its responses has to fill, and whether they are alike.
func (c *CheckedArm) note(target string, got response, round int) {
	kept, seen := c.responses[target]
	switch {
	case !seen, round == 1 && kept.cold:
		varies := seen && kept.length != got.length
		if seen {
			got.also(kept)
		}
		kept = got
		kept.varies = varies
	default:
		kept.also(got)
		kept.varies = kept.varies || got.length != kept.length
		kept.variesQueries = kept.variesQueries || got.queries != kept.queries
		kept.queries = min(kept.queries, got.queries)
	}
	kept.cold = round == 0
	c.responses[target] = kept
}

// Differences are the endpoints whose responses differ between the arms.
func (c *BootCheck) Differences() []string { return differences(c.Base.responses, c.Head.responses) }

// Counters are the counters of several checks.
type Counters struct {
	boots   int
	tallies map[[2]string]*tally // by target and name
}

// tally is a counter over the boots: the least and the greatest of each arm.
type tally struct {
	least, most [2]int
	varies      bool
	boots       int
}

// Add counts a check in which both arms gave the responses that are expected.
func (c *Counters) Add(check BootCheck) {
	if c.tallies == nil {
		c.tallies = map[[2]string]*tally{}
	}
	c.boots++
	for target, base := range check.Base.responses {
		head, both := check.Head.responses[target]
		if !both {
			continue
		}
		c.add(target, "status", [2]int{base.status, head.status}, false)
		if !base.varies && !head.varies {
			c.add(target, "bytes", [2]int{base.length, head.length}, false)
		}
		if base.queries >= 0 && head.queries >= 0 {
			c.add(target, "queries", [2]int{base.queries, head.queries}, base.variesQueries || head.variesQueries)
		}
	}
}

func (c *Counters) add(target, name string, values [2]int, varies bool) {
	t := c.tallies[[2]string{target, name}]
	if t == nil {
		t = &tally{least: values, most: values}
		c.tallies[[2]string{target, name}] = t
	}
	t.boots++
	t.varies = t.varies || varies
	for arm, v := range values {
		t.varies = t.varies || v != t.least[arm]
		t.least[arm], t.most[arm] = min(t.least[arm], v), max(t.most[arm], v)
	}
}

// All are the counters so far. Where the arms' boots overlap, both have the same value.
func (c *Counters) All() (all []results.Counter) {
	for key, t := range c.tallies {
		base, head := t.least[0], t.least[0]
		switch {
		case t.least[1] > t.most[0]:
			base, head = t.most[0], t.least[1]
		case t.most[1] < t.least[0]:
			base, head = t.least[0], t.most[1]
		}
		all = append(all, results.Counter{Target: key[0], Name: key[1], Base: base, Head: head,
			Boots: t.boots, Varies: t.varies})
	}
	slices.SortFunc(all, func(a, b results.Counter) int {
		return strings.Compare(a.Target+a.Name, b.Target+b.Name)
	})
	return all
}

// FailedArms are the errors of arms within an error, by the arm's name.
func FailedArms(err error) map[string]error {
	failed := map[string]error{}
	var look func(error)
	look = func(err error) {
		if arm := (*ArmError)(nil); errors.As(err, &arm) {
			if joined, is := err.(interface{ Unwrap() []error }); is {
				for _, e := range joined.Unwrap() {
					look(e)
				}
				return
			}
			failed[arm.Arm] = arm.Err
		}
	}
	look(err)
	return failed
}
