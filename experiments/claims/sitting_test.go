package claims

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"bench/scenarios/claims"
)

// claimOf is a claim with the arms and steps that are given, each step done to each arm.
func claimOf(t *testing.T, name string, arms, steps []string) claims.Claim {
	t.Helper()
	text := "claim: x\nsource: me\narms:\n"
	for i, arm := range arms {
		text += fmt.Sprintf("  - {name: arm%d, %s}\n", i, arm)
	}
	text += "steps:\n"
	for _, step := range steps {
		text += "  - {" + step + "}\n"
	}
	text += "predictions:\n"
	for i := range arms {
		for _, step := range steps {
			during := strings.TrimPrefix(strings.SplitN(step, ",", 2)[0], "name: ")
			text += fmt.Sprintf("  - {name: p%d-%s, says: x, measure: memory, of: arm%d, during: %s, at_most: 1GiB}\n",
				i, during, i, during)
		}
	}
	c, err := claims.Parse(name, name+".yaml", []byte(text+"verdicts: {confirmed: x, refuted: x, depends: x}\n"), "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	uwsgi   = `topology: 'uwsgi:workers=2'`
	busy    = `name: busy, load: {scenario: page, duration: 1s}`
	longer  = `name: busy, load: {scenario: page, duration: 2s}`
	other   = `name: other, load: {scenario: cpu, duration: 1s}`
	resting = `name: resting, idle: {for: 1s}`
	killed  = `name: killed, load: {scenario: page, rate: 20/s, duration: 1s, timeline: [{at: 40%, kill: server}]}`
)

// Two arms share a boot if they are the same server, and nothing that one claim does to it would change what
// the other one measures.
func TestArmsThatShareABoot(t *testing.T) {
	for _, row := range []struct {
		says          string
		arms, steps   []string // of the second claim; the first one has uwsgi, busy
		boots, cells  int
		togetherIsOne bool
	}{
		{"the same", []string{uwsgi}, []string{busy}, 1, 1, true},
		{"another step", []string{uwsgi}, []string{other}, 1, 2, true},
		{"a step of that name that is another", []string{uwsgi}, []string{longer}, 1, 1, false},
		{"another topology", []string{`topology: 'uwsgi:workers=3'`}, []string{busy}, 1, 1, false},
		{"another environment", []string{uwsgi + ", env: {A: '1'}"}, []string{busy}, 1, 1, false},
		{"another app", []string{uwsgi + ", wsgi: 'a:b'"}, []string{busy}, 1, 1, false},
		{"a step that reads memory", []string{uwsgi}, []string{resting}, 1, 1, false},
		{"a step that disturbs", []string{uwsgi}, []string{killed}, 1, 1, false},
		{"two arms of one claim stay two", []string{uwsgi, uwsgi}, []string{busy}, 2, 2, true},
	} {
		first := claimOf(t, "first", []string{uwsgi}, []string{busy})
		second := claimOf(t, "second", row.arms, row.steps)
		sittings := seat([]claims.Claim{first, second}, presets[0])
		if got := len(sittings) == 1; got != row.togetherIsOne {
			t.Errorf("%s: %d sittings", row.says, len(sittings))
			continue
		}
		last, cells := sittings[len(sittings)-1], 0
		for _, b := range last.boots {
			cells += len(b.steps)
		}
		if len(last.boots) != row.boots || cells != row.cells {
			t.Errorf("%s: %d boots and %d steps; want %d and %d", row.says, len(last.boots), cells, row.boots, row.cells)
		}
	}
}

// However claims are seated, everything that predictions speak of is done to a boot, and no block is longer than
// the arms of a claim can wait for each other.
func TestSittingsHoldEveryClaim(t *testing.T) {
	plan, err := Spec{App: "bundled", Preset: "quick"}.Plan()
	if err != nil {
		t.Fatal(err)
	}
	sittings, seen := seat(plan.Claims, plan.preset), 0
	for _, s := range sittings {
		if len(s.claims) > 1 && s.each > longestBlock {
			t.Errorf("%v take %v", s.names(), s.each)
		}
		for _, c := range s.claims {
			seen++
			for _, arm := range c.Arms {
				at := slices.IndexFunc(s.boots, func(b boot) bool { return b.name == s.nameOf(c.Name, arm.Name) })
				for _, step := range c.StepsOf(arm) {
					if s.boots[at].step(step.Name) == nil {
						t.Errorf("%s is not done to %s of %s", step.Name, arm.Name, c.Name)
					}
				}
			}
		}
	}
	if seen != len(plan.Claims) || len(sittings) >= seen {
		t.Errorf("%d of %d claims in %d sittings", seen, len(plan.Claims), len(sittings))
	}
}

// A limit costs blocks first, and then length of loads, neither below its least. The quick preset keeps its word.
func TestALimitCostsBlocksThenLoads(t *testing.T) {
	for _, row := range []struct {
		says   string
		budget time.Duration
		blocks int
		within bool
		whole  bool // loads are as long as their files say
	}{
		{"of the quick preset", 0, fewestBlocks, true, false},
		{"a generous one", 30 * time.Minute, 6, true, true},
		{"one that nothing keeps to", time.Minute, fewestBlocks, false, false},
	} {
		plan, err := Spec{App: "bundled", Preset: "quick", Budget: row.budget}.Plan()
		if err != nil {
			t.Fatal(err)
		}
		p := plan.preset
		if p.blocks != row.blocks || p.stretch < claims.ShortestStretch || (p.stretch == 1) != row.whole {
			t.Errorf("%s: %d blocks, loads at %.2f; want %d, whole %v", row.says, p.blocks, p.stretch, row.blocks, row.whole)
		}
		if within := plan.Estimate() <= p.limit; within != row.within {
			t.Errorf("%s: the claims take %v; within %v: want %v", row.says, plan.Estimate(), p.limit, row.within)
		}
	}
}

// A server that cannot be tested leaves the claims that it is an arm of, and no other.
func TestOnlyTheClaimsOfAServerAreLeft(t *testing.T) {
	first := claimOf(t, "first", []string{uwsgi}, []string{busy})
	second := claimOf(t, "second", []string{uwsgi, `topology: 'uwsgi:workers=3'`}, []string{busy})
	s := seat([]claims.Claim{first, second}, presets[0])[0]
	var run test
	run.giveUp(s.boots[1], "there are too few files", "")
	if run.wanted(user{"second", "arm0"}) || !run.wanted(user{"first", "arm0"}) {
		t.Errorf("left: %+v", run.found.Skipped)
	}
	run.giveUp(s.boots[0], "it does not boot", "")
	if len(run.found.Skipped) != 2 || run.found.Skipped[0].Why != "there are too few files." {
		t.Errorf("each claim is left once, with its first reason: %+v", run.found.Skipped)
	}
}
