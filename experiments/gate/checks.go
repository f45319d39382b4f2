package gate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"bench/experiments"
	"bench/reports/gate"
	"bench/results"
	"bench/scenarios"
	"bench/targets"
)

// Checks are boots of both versions without load. They compare responses and count queries, and give a
// head that does not work its verdict: by the statistics of failures, boot by boot, since one
// boot or one response that fails may be chance. A version that works needs one check.

// mostBaseFails is the number of checks after which a base that never worked ends the gate as unfit.
const mostBaseFails = 3

// check checks both versions until both work, or the verdict is clear; false: there is nothing to
// measure.
func (s *series) check(ctx context.Context) (ready bool, err error) {
	var counters scenarios.Counters
	baseFails := 0
	for number := 1; ; number++ {
		s.runner.Say(fmt.Sprintf("booting both versions to check their responses (%d)", number))
		began := time.Now()
		c, err := s.checked(ctx, number)
		if err != nil {
			return false, err
		}
		if c, err = s.common(ctx, c); err != nil {
			return false, err
		}
		if err := s.update(func(f *results.GateFindings) {
			f.Checks = append(f.Checks, results.GateCheck{Base: c.Base.Record(), Head: c.Head.Record()})
		}); err != nil {
			return false, err
		}
		base, head := works(c.Base), works(c.Head)
		if base && head {
			counters.Add(c)
			if err := s.counted(c, counters); err != nil {
				return false, err
			}
		}
		if !base {
			baseFails++
		}
		long := time.Since(began)
		switch {
		case !base && (baseFails >= mostBaseFails || len(c.Base.Broken) > 0):
			return false, s.fail(&scenarios.ArmError{Arm: results.Base, Err: reason(c.Base)})
		case s.judge().Failures.Verdict == gate.Regression:
			return false, nil
		case base && head && !gate.Unproven(s.measured.Gate.Counters):
			return true, nil
		case s.count > 0:
		case gate.Unproven(s.measured.Gate.Counters):
			if time.Since(s.started)+long > s.spec.Budget { // that is what the whole budget is for
				return false, nil
			}
		case time.Since(s.started)+long+pairTime*gate.FewestPairs > s.spec.Budget:
			return base && head, nil
		}
	}
}

func (s *series) checked(ctx context.Context, number int) (scenarios.BootCheck, error) {
	if s.checks != nil {
		return s.checks(ctx, s.paired, number)
	}
	return s.runner.CheckArms(ctx, s.paired, number)
}

// works reports whether a version booted and gave every response at least once.
func works(c scenarios.CheckedArm) bool { return c.NotBooted == nil && len(c.Broken) == 0 }

// reason is why a version does not work.
func reason(c scenarios.CheckedArm) error {
	if c.NotBooted != nil {
		return c.NotBooted
	}
	return fmt.Errorf("%w: not the responses that the scenario expects: %s", scenarios.ErrUnexpected, listed(c.Broken))
}

func listed(broken map[string]string) string {
	var list []string
	for _, target := range slices.Sorted(maps.Keys(broken)) {
		list = append(list, target+" "+broken[target])
	}
	return strings.Join(list, "; ")
}

// common leaves out the targets to which only head responds as expected: what the versions have in
// common is compared. A target that neither responds to is a mistake in the scenario, and stays.
func (s *series) common(ctx context.Context, c scenarios.BootCheck) (scenarios.BootCheck, error) {
	if c.Base.NotBooted != nil || c.Head.NotBooted != nil || len(s.paired.Scenario.Mix.Sessions) > 0 {
		return c, nil
	}
	var kept []targets.Target
	var out []string
	for _, t := range s.paired.Scenario.Mix.Targets {
		what, broken := c.Base.Broken[t.Name]
		if _, also := c.Head.Broken[t.Name]; broken && !also {
			out = append(out, t.Name+" "+what)
			continue
		}
		kept = append(kept, t)
	}
	if len(out) == 0 || len(kept) == 0 {
		return c, nil
	}
	s.paired.Scenario.Mix.Targets = kept
	if err := s.leaveOut("base does not give the response that is expected of " + strings.Join(out, ", ")); err != nil {
		return c, err
	}
	// It was base's mistake only in what is not compared.
	return s.checked(ctx, 1)
}

// leaveOut says that a part of the mix is not compared.
func (s *series) leaveOut(why string) error {
	d := notCompared(why)
	s.run.Warn(d)
	m := s.run.Out.Manifest()
	m.Diagnostics = append(m.Diagnostics, d)
	return s.run.Out.SetManifest(m)
}

func notCompared(why string) results.Diagnostic {
	return results.Diagnostic{Code: "targets-not-compared", Message: why + ": left out",
		Severity: results.Warning, Hint: "Only what both versions serve is compared."}
}

// counted records what the checks counted so far.
func (s *series) counted(c scenarios.BootCheck, counters scenarios.Counters) error {
	return s.update(func(f *results.GateFindings) {
		if f.Differences == nil {
			f.Differences = c.Differences()
		}
		f.Counters = counters.All()
		f.Queries = slices.ContainsFunc(f.Counters, func(c results.Counter) bool { return c.Name == "queries" })
	})
}

// commonMix is head's scenario with the targets that base's mix has as well, and the names of the others.
func commonMix(base, head scenarios.Scenario) (common scenarios.Scenario, only []string) {
	has := map[string]bool{}
	for _, t := range base.Mix.Targets {
		has[request(t)] = true
	}
	common = head
	common.Mix.Targets = nil
	for _, t := range head.Mix.Targets {
		if has[request(t)] {
			common.Mix.Targets = append(common.Mix.Targets, t)
		} else {
			only = append(only, t.Name)
		}
	}
	return common, only
}

// request is what makes two targets the same request.
func request(t targets.Target) string {
	return fmt.Sprintf("%s %s %v %q", t.Method, t.Path, t.Header, t.Body)
}

// mix is the scenario of both versions: where each has a mix of its own, what the mixes have in common.
func mix(spec Spec, versions [2]side) (scenarios.Scenario, []results.Diagnostic, error) {
	head, err := experiments.OneScenario(spec.Scenario, versions[1].project)
	if err != nil || head.Name != results.MixScenario || len(versions[0].project.Mix.Targets) == 0 {
		return head, nil, err
	}
	base, err := experiments.OneScenario(spec.Scenario, versions[0].project)
	if err != nil || len(head.Mix.Sessions)+len(base.Mix.Sessions) > 0 {
		return head, nil, err
	}
	common, only := commonMix(base, head)
	switch {
	case len(only) == 0:
		return head, nil, nil
	case len(common.Mix.Targets) == 0:
		return head, nil, experiments.Misusef("the mixes of %s and %s have no target in common: there is nothing to compare",
			versions[0].name, versions[1].name)
	}
	return common, []results.Diagnostic{notCompared("only head's mix has " + strings.Join(only, ", "))}, nil
}
