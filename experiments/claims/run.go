package claims

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"bench/experiments"
	"bench/loadgen"
	"bench/results"
	"bench/scenarios"
	"bench/scenarios/claims"
	"bench/servers"
	"bench/targets"
)

const bootTimeout = time.Minute

// Run tests claims.
func Run(ctx context.Context, env experiments.Env, spec Spec) (experiments.Result, error) {
	started := time.Now()
	plan, err := spec.Plan()
	if err != nil {
		return experiments.Result{}, err
	}
	test := test{plan: plan, stacks: map[string]*experiments.Stack{}, runners: map[string]*scenarios.Runner{}}
	defer func() { _ = test.close() }() // an error before the run began is what counts
	if err := test.open(ctx, env); err != nil {
		return experiments.Result{}, err
	}
	m := env.Manifest(ctx, test.first)
	m.Kind, m.Profile, m.Seed, m.Blocks = results.KindClaims, servers.Controlled, spec.Seed, plan.preset.blocks
	m.Plan = plan.Lines()
	test.sittings = seat(test.claims, plan.preset)
	for _, s := range test.sittings {
		arms, err := test.stacks[s.claims[0].Needs()].Arms(s.arms())
		if err != nil {
			return experiments.Result{}, err
		}
		m.Topologies = append(m.Topologies, arms...)
	}
	for _, c := range test.claims {
		if err := checkTimelines(c, test.stacks[c.Needs()]); err != nil {
			return experiments.Result{}, err
		}
		m.Scenarios = addScenarios(m.Scenarios, c)
	}
	return experiments.Conduct(ctx, env, experiments.Task{
		Manifest: m, Spec: test.asked(), Request: spec, Findings: test.found, Started: started, Estimate: plan.Estimate(),
		Measure: func(ctx context.Context, run *experiments.Run) error {
			test.run = run
			for needs, stack := range test.stacks {
				test.runners[needs] = run.Runner(stack)
			}
			err := test.measure(ctx)
			run.Beside(test.close())
			return err
		},
	})
}

// asked is what the run was asked to test, with the boots that are the arms of each claim.
func (t *test) asked() results.ClaimsSpec {
	asked := results.ClaimsSpec{Preset: t.plan.preset.name}
	for _, c := range t.plan.Claims {
		r := record(c)
		at := slices.IndexFunc(t.sittings, func(s sitting) bool { return slices.Contains(s.names(), c.Name) })
		for i := range r.Arms {
			if at >= 0 {
				r.Arms[i].Topology = t.sittings[at].nameOf(c.Name, r.Arms[i].Name)
			}
		}
		asked.Claims = append(asked.Claims, r)
	}
	return asked
}

// open opens a stack for each set of services that claims need, with the topologies of those claims. Claims that
// cannot be tested here are left.
func (t *test) open(ctx context.Context, env experiments.Env) error {
	together := map[string][]claims.Claim{}
	var needs []string
	for i, c := range t.plan.Claims {
		c, why, err := fit(ctx, env, t.plan.Project, c)
		if err != nil {
			return err
		}
		if why != nil {
			t.skip(*why)
			continue
		}
		t.plan.Claims[i] = c
		if together[c.Needs()] == nil {
			needs = append(needs, c.Needs())
		}
		together[c.Needs()] = append(together[c.Needs()], c)
	}
	for _, need := range needs {
		if err := t.openFor(ctx, env, together[need]); err != nil {
			return err
		}
	}
	if t.first != nil {
		return nil
	}
	var err error
	t.first, err = env.Open(ctx, t.plan.Project, nil, bootTimeout) // nothing will be booted
	return err
}

// openFor opens the stack of claims that need the same services.
func (t *test) openFor(ctx context.Context, env experiments.Env, together []claims.Claim) error {
	project := t.plan.Project
	if services := together[0].Services; len(services) > 0 {
		project.App.Services = services
	}
	if own := together[0].Interpreter; own != "" {
		project.App.Python = own
	}
	var all []servers.Topology
	for _, c := range together {
		all = append(all, topologies(c)...)
	}
	stack, err := env.Open(ctx, project, all, bootTimeout)
	if err != nil && len(together[0].Services) > 0 && ctx.Err() == nil {
		for _, c := range together {
			t.skip(results.SkippedClaim{Claim: c.Name, Why: "Its services cannot be run here: " + err.Error()})
		}
		return nil
	}
	if err != nil {
		return err
	}
	t.stacks[together[0].Needs()] = stack
	if t.first == nil {
		t.first = stack
	}
	t.claims = append(t.claims, together...)
	return nil
}

// close closes all stacks; it may be called more than once.
func (t *test) close() (err error) {
	if t.first != nil {
		err = t.first.Close()
	}
	for _, stack := range t.stacks {
		err = errors.Join(err, stack.Close())
	}
	return err
}

// checkTimelines reports incidents that cannot be done to an arm of a claim, before anything starts.
func checkTimelines(c claims.Claim, stack *experiments.Stack) error {
	for _, arm := range c.Arms {
		for _, step := range c.StepsOf(arm) {
			if timed, is := step.Does.(interface{ CheckTimeline(servers.Blueprint) error }); is {
				if err := experiments.Check(stack.Project.App, stack.Site.Placed(), arm.Arm, timed.CheckTimeline); err != nil {
					return fmt.Errorf("claim %s, step %s on %s: %w", c.Name, step.Name, arm.Name, err)
				}
			}
		}
	}
	return nil
}

// addScenarios adds those of a claim that are not there yet.
func addScenarios(list []results.ScenarioRecord, c claims.Claim) []results.ScenarioRecord {
	for _, step := range c.Steps {
		for _, s := range step.Does.Scenarios() {
			known := func(r results.ScenarioRecord) bool { return r.Name == s.Name }
			if !slices.ContainsFunc(list, known) {
				list = append(list, s.Record())
			}
		}
	}
	return list
}

// fit is a claim as it can be tested on the project here, or why it cannot be.
func fit(ctx context.Context, env experiments.Env, project targets.Project, c claims.Claim) (
	claims.Claim, *results.SkippedClaim, error,
) {
	if mix, has := experiments.ProjectScenario(project, 0); project.App.Dir != "" {
		own, can := c.On(mix)
		switch {
		case !has:
			return c, nil, experiments.NoMix(project)
		case !can:
			return c, &results.SkippedClaim{
				Claim: c.Name, Why: "Its requests go to the project that comes with bench.",
				Hint: "Test it with --app " + experiments.Bundled + ", or write a claim about your app: --file.",
			}, nil
		}
		c = own
	}
	if why := c.StaysHere(); env.Fleet != nil && why != "" {
		return c, &results.SkippedClaim{
			Claim: c.Name, Why: "On hosts of a fleet, " + why + ".", Hint: "Test it without --fleet.",
		}, nil
	}
	if c.Interpreter != "" {
		path := servers.LookPath(c.Interpreter, env.Path)
		if path == "" {
			return c, &results.SkippedClaim{
				Claim: c.Name, Why: c.Interpreter + " is not on PATH.",
				Hint: "Install that interpreter, and for it what the app and the servers of the claim need.",
			}, nil
		}
		c.Interpreter, project.App.Python = path, path
	}
	all := topologies(c)
	lacks, err := env.Unbootable(ctx, project.App, all)
	if err != nil {
		return c, nil, err
	}
	for i, lack := range lacks {
		if lack != nil {
			reason, hint := experiments.Lack(lack)
			return c, &results.SkippedClaim{Claim: c.Name, Why: all[i].Name + ": " + reason + ".", Hint: hint}, nil
		}
	}
	return c, nil, nil
}

// test is a test of claims under way.
type test struct {
	plan   Plan
	claims []claims.Claim // those that can be tested

	sittings []sitting
	found    results.ClaimsFindings
	run      *experiments.Run
	// By the services that claims need.
	stacks  map[string]*experiments.Stack
	runners map[string]*scenarios.Runner
	first   *experiments.Stack
}

func (t *test) skip(why results.SkippedClaim) { t.found.Skipped = append(t.found.Skipped, why) }

// measure holds one sitting after another. A claim whose topology does not boot is left; the others are not.
func (t *test) measure(ctx context.Context) error {
	for i := range t.sittings {
		if err := t.sit(ctx, i); err != nil {
			return err
		}
		if err := t.run.Out.SetFindings(t.found); err != nil {
			return err
		}
	}
	return nil
}

// sit holds a sitting, or leaves its claims if the time is up.
func (t *test) sit(ctx context.Context, at int) error {
	s := t.sittings[at]
	if limit := t.plan.preset.limit; limit > 0 && time.Since(t.run.Started) > limit {
		for _, c := range s.claims {
			t.skip(results.SkippedClaim{
				Claim: c.Name, Why: fmt.Sprintf("There was no time for it within %v.", limit),
				Hint: "Test it by itself: --claim " + c.Name + ", or all without --quick.",
			})
		}
		return nil
	}
	for block := 1; block <= s.blocks && t.inTime(at, block); block++ {
		if err := t.block(ctx, at, block); err != nil {
			return err
		}
	}
	return nil
}

// inTime reports whether there is time for a block of a sitting: for the fewest in any case, and for more as long
// as the sittings so far have not used up their share. It does not depend on what was measured.
func (t *test) inTime(at, block int) bool {
	var before, all time.Duration
	for i, s := range t.sittings {
		if all += s.lasts(); i <= at {
			before = all
		}
	}
	limit := t.plan.preset.limit
	share := time.Duration(float64(limit) * float64(before) / float64(all))
	return limit == 0 || block <= fewestBlocks || time.Since(t.run.Started) < share
}

// block does the steps of a sitting's claims to each of its boots, in random order.
func (t *test) block(ctx context.Context, at, block int) error {
	boots := t.sittings[at].boots
	random := rand.New(rand.NewPCG(t.plan.spec.Seed, uint64(at)<<32|uint64(block)))
	for position, i := range random.Perm(len(boots)) {
		if !slices.ContainsFunc(boots[i].users, t.wanted) {
			continue
		}
		err := t.visit(ctx, boots[i], block, position+1)
		if failed := (*servers.BootError)(nil); errors.As(err, &failed) && ctx.Err() == nil {
			t.giveUp(boots[i], "A topology did not boot: "+failed.Err.Error(),
				"`bench up "+failed.Topology.String()+"` shows more.")
			continue
		}
		if errors.Is(err, loadgen.ErrTooFew) {
			t.giveUp(boots[i], err.Error(), "")
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wanted reports whether the claim of an arm is still tested.
func (t *test) wanted(u user) bool {
	return !slices.ContainsFunc(t.found.Skipped, func(s results.SkippedClaim) bool { return s.Claim == u.claim })
}

// giveUp leaves the claims whose server does not boot, or for whose load this machine has too few files or ports.
func (t *test) giveUp(b boot, why, hint string) {
	for _, u := range b.users {
		if t.wanted(u) {
			t.skip(results.SkippedClaim{Claim: u.claim, Why: why + ".", Hint: hint})
		}
	}
}

func (t *test) visit(ctx context.Context, b boot, block, position int) error {
	runner := *t.runners[b.needs]
	runner.App = b.arm.App(runner.App)
	if b.arm.Relay {
		site := *runner.Site
		site.Host.Relay = true
		runner.Site = &site
	}
	visit := scenarios.Visit{
		Arm: scenarios.Arm{Name: b.name, Topology: b.arm.Topology}, Block: block, Position: position,
		Warmup: t.plan.preset.warmup,
	}
	host := runner.App.HostHeader()
	for _, step := range b.steps {
		for _, s := range step.Does.Scenarios() {
			s.Mix = s.Mix.WithHost(host)
			visit.Scenarios = append(visit.Scenarios, s)
		}
	}
	return runner.Visit(ctx, visit, func(ctx context.Context, v *scenarios.Visited) error {
		for _, step := range b.steps {
			seen, err := step.Does.Do(ctx, v, claims.Occasion{
				Step: step.Name, Stretch: t.plan.preset.stretch, Seed: seedOf(t.plan.spec.Seed, step.Name, block), Host: host,
			})
			if err != nil {
				return err
			}
			t.saw(visit, step.Name, seen)
		}
		return nil
	})
}

// saw keeps what a step has seen.
func (t *test) saw(v scenarios.Visit, step string, seen claims.Seen) {
	for _, measure := range slices.Sorted(maps.Keys(seen.Values)) {
		t.found.Observations = append(t.found.Observations, results.Observation{
			Topology: v.Arm.Name, Step: step, Block: v.Block, Measure: measure, Value: seen.Values[measure],
		})
	}
	for _, c := range seen.Checks {
		t.found.Checks = append(t.found.Checks, results.ClaimCheck{
			Topology: v.Arm.Name, Step: step, Block: v.Block, Name: c.Name, Passed: c.Passed, Saw: c.Saw,
		})
	}
}
