package gate

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"bench/experiments"
	"bench/loadgen"
	"bench/reports/gate"
	"bench/results"
	"bench/scenarios"
	"bench/targets"
)

// A pair in which an arm fails is void, and weighed with the failures: a single one is chance.
func TestAnArmThatFails(t *testing.T) {
	boom := errors.New("boom")
	var left atomic.Int64 // failures, once the pairs have begun
	engine := instant{fail: func(p loadgen.Plan) error {
		if p.Mode == loadgen.Closed && p.Duration == closedRun && left.Add(-1) >= 0 {
			return boom
		}
		return nil
	}}
	s, env, m := pairing(t, engine, func(e experiments.Event) {
		if estimate, is := e.(experiments.EstimateSoFar); is && estimate.Step == 1 {
			left.Store(1)
		}
	})
	s.count = 3
	if _, err := measured(t, s, env, m); err != nil {
		t.Fatal(err)
	}
	f := s.measured.Gate
	failed := 0
	for _, c := range f.Checks {
		if c.Pair == 1 && (c.Base.NotBooted != "") != (c.Head.NotBooted != "") {
			failed++
		}
	}
	if r := s.judge(); failed != 1 || f.FailedArm != "" || r.Void < 1 || r.Pairs > 2 || r.Verdict == gate.Regression {
		t.Errorf("%+v, failed arm %q, %s; want a void pair of three", f.Checks, f.FailedArm, r.Headline())
	}
}

// What the checks before the first pair lead to: a version that fails now and then is measured, one that
// never works gets its verdict, and neither one wrong response nor one failed boot is it.
func TestChecks(t *testing.T) {
	broken := func(c scenarios.CheckedArm) scenarios.CheckedArm {
		c.Failed, c.Broken = 3, map[string]string{"home": "(status 500, 9 bytes)"}
		return c
	}
	right := scenarios.CheckedArm{Asked: 9}
	dead := scenarios.CheckedArm{NotBooted: errors.New("no module named shop")}
	flaky := scenarios.CheckedArm{Asked: 9, Failed: 1, Flaky: map[string]string{"home": "(status 500, 9 bytes)"}}
	type both = func(number int) (base, head scenarios.CheckedArm)
	always := func(base, head scenarios.CheckedArm) both {
		return func(int) (scenarios.CheckedArm, scenarios.CheckedArm) { return base, head }
	}
	for _, row := range []struct {
		says        string
		check       both
		verdict     gate.Verdict // without pairs
		reason      string
		pairs       bool
		least, most int // checks
	}{
		{"both work", always(right, right), "", "", true, 1, 1},
		{"one wrong response of head", always(right, flaky), "", "", true, 1, 1},
		{"one boot of head that fails", func(n int) (scenarios.CheckedArm, scenarios.CheckedArm) {
			if n == 1 {
				return right, dead
			}
			return right, right
		}, "", "", true, 2, 2},
		{"a head that never boots", always(right, dead), gate.Regression, "no module named shop", false, 10, 13},
		{"a head with a page that never works", always(right, broken(right)), gate.Regression,
			"home (status 500", false, 10, 13},
		{"a base that never boots", always(dead, right), gate.Unfit, "base failed: no module named shop", false, 3, 3},
		{"an expectation that neither meets", always(broken(right), broken(right)), gate.Unfit,
			"not the responses that the scenario expects", false, 1, 1},
	} {
		t.Run(row.says, func(t *testing.T) {
			s, env, m := pairing(t, instant{}, func(experiments.Event) {})
			n := 0
			s.checks = func(_ context.Context, _ scenarios.PairedRun, number int) (c scenarios.BootCheck, err error) {
				n = number
				c.Base, c.Head = row.check(number)
				return c, nil
			}
			s.count = 1
			if _, err := measured(t, s, env, m); err != nil {
				t.Fatal(err)
			}
			if n < row.least || n > row.most || (len(s.measured.Cells) > 0) != row.pairs {
				t.Errorf("%d checks, %d cells; want %d to %d checks, pairs: %v\n%+v", n, len(s.measured.Cells), row.least,
					row.most, row.pairs, s.measured.Gate.Checks)
			}
			if r := s.judge(); !row.pairs && (r.Verdict != row.verdict || !strings.Contains(r.Reason, row.reason)) {
				t.Errorf("%s; want %s, %q", r.Headline(), row.verdict, row.reason)
			}
		})
	}
}

// Of unlike mixes, what both have is compared.
func TestTheCommonMixIsCompared(t *testing.T) {
	scenario := func(paths ...string) (s scenarios.Scenario) {
		s.Name = results.MixScenario
		for i, path := range paths {
			s.Mix.Targets = append(s.Mix.Targets,
				targets.Target{Name: path[1:], Method: "GET", Path: path, Weight: uint32(1 + i)})
		}
		return s
	}
	for _, row := range []struct {
		base, head []string
		common     int
		only       string
	}{
		{[]string{"/a", "/b"}, []string{"/a", "/b"}, 2, ""},
		{[]string{"/a", "/b"}, []string{"/a", "/new", "/b"}, 2, "new"},
		{[]string{"/a", "/gone"}, []string{"/a"}, 1, ""},
		{[]string{"/a"}, []string{"/b"}, 0, "b"},
	} {
		common, only := commonMix(scenario(row.base...), scenario(row.head...))
		if len(common.Mix.Targets) != row.common || strings.Join(only, ",") != row.only {
			t.Errorf("%v and %v: %d in common, only head's %v", row.base, row.head, len(common.Mix.Targets), only)
		}
	}
}

// A page that only head serves is left out, whichever mix asks for it.
func TestAPageThatOnlyHeadServesIsLeftOut(t *testing.T) {
	s, env, m := pairing(t, instant{}, func(experiments.Event) {})
	mix := &s.paired.Scenario.Mix
	mix.Targets = append(mix.Targets, targets.Target{Name: "new", Method: "GET", Path: "/new", Weight: 1})
	s.checks = func(_ context.Context, p scenarios.PairedRun, _ int) (c scenarios.BootCheck, err error) {
		c.Base, c.Head = scenarios.CheckedArm{Asked: 9}, scenarios.CheckedArm{Asked: 9}
		if len(p.Scenario.Mix.Targets) == 2 {
			c.Base.Failed, c.Base.Broken = 9, map[string]string{"new": "(status 404 Not Found, 9 bytes)"}
		}
		return c, nil
	}
	s.count = 1
	result, err := measured(t, s, env, m)
	if err != nil || len(s.measured.Cells) == 0 || len(s.paired.Scenario.Mix.Targets) != 1 {
		t.Fatalf("%v, %d cells of %d targets", err, len(s.measured.Cells), len(s.paired.Scenario.Mix.Targets))
	}
	run, err := results.Load(result.Dir)
	if err != nil || len(run.Manifest.Diagnostics) != 1 ||
		!strings.Contains(run.Manifest.Diagnostics[0].Message, "new (status 404") {
		t.Errorf("%v, %+v", err, run.Manifest.Diagnostics)
	}
}
