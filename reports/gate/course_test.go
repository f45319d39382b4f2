package gate

import (
	"math"
	"math/rand/v2"
	"testing"

	"bench/internal/proof"
)

// noises are sources of noise of spread 1 that are not the one the code assumes, beside it.
var noises = map[string]func(*rand.Rand) float64{
	"normal":  func(r *rand.Rand) float64 { return r.NormFloat64() },
	"laplace": func(r *rand.Rand) float64 { return coin(r) * r.ExpFloat64() / math.Sqrt2 },
	"uniform": func(r *rand.Rand) float64 { return (2*r.Float64() - 1) * math.Sqrt(3) },
	// Two of ten pairs are disturbed, and three times as noisy.
	"bursts": func(r *rand.Rand) float64 {
		s := 1 / math.Sqrt(0.8+0.2*9)
		if r.Float64() < 0.2 {
			s *= 3
		}
		return s * r.NormFloat64()
	},
}

func coin(r *rand.Rand) float64 { return float64(1 - 2*r.IntN(2)) }

// ended is a gate on one metric, whose pairs are drawn one by one.
func ended(m Metric, planned int, draw func() float64) *course {
	c := newCourse([]Metric{m}, nil, planned)
	for goOn := true; goOn; goOn = c.proceed(planned) {
		v := draw()
		c.add([]*Ratio{{v, v}}, nil)
	}
	return c
}

// What is called detectable is found, by the whole course of a gate: not a figure of the first test alone.
func TestDetectableIsDetected(t *testing.T) {
	proof.WithoutRace(t)
	// A power of 80 % instead of 90 % is found by 400 gates with a probability of 99 %.
	gates := proof.Size(400, 4000)
	for _, row := range []struct {
		spread  float64
		planned int
		metric  int
		noise   string
		least   float64
	}{
		{0.04, 24, 0, "normal", 0.82}, {0.08, 24, 0, "normal", 0.82}, {0.06, 16, 1, "normal", 0.82},
		{0.3, 30, 2, "normal", 0.82}, {0.12, 40, 1, "normal", 0.82},
		{0.06, 24, 0, "laplace", 0.8}, {0.06, 24, 0, "uniform", 0.8}, {0.06, 24, 0, "bursts", 0.8},
	} {
		m := Metrics()[row.metric]
		random := rand.New(rand.NewPCG(7, 8))
		at := m.detectable(row.spread, row.planned)
		found, counted := 0, map[Verdict]int{}
		for range gates {
			v := ended(m, row.planned, func() float64 {
				return math.Log(at) + row.spread*noises[row.noise](random)
			}).verdict()
			if counted[v]++; v == Regression {
				found++
			}
		}
		power := float64(found) / float64(gates)
		t.Logf("%s, spread %.0f %%, %d pairs, %s noise: +%.1f %% is detected in %.1f %%: %v", m.Name, row.spread*100,
			row.planned, row.noise, (at-1)*100, power*100, counted)
		if power < row.least || power > 0.9975 {
			t.Errorf("%s, spread %.0f %%, %d pairs, %s noise: +%.1f %% is detected in %.1f %% of gates; 90 %% are claimed",
				m.Name, row.spread*100, row.planned, row.noise, (at-1)*100, power*100)
		}
	}
}

// What was proven once is likely while the second test has not ended, and the gate takes a few pairs more
// than planned to end it: a slowdown that shows clearly is not left open because time ran out.
func TestAClearSlowdownIsConfirmedInTime(t *testing.T) {
	gates := proof.Size(300, 2000) // 95 % instead of 99 % are found with a probability of 99 %
	cpu := Metrics()[0]
	for _, row := range []struct {
		slower, spread float64
		planned        int
	}{{1.2, 0.04, 12}, {1.078, 0.01, 10}, {1.2, 0.04, 24}} {
		random := rand.New(rand.NewPCG(1, 2))
		counted, longest := map[Verdict]int{}, 0
		for range gates {
			c := ended(cpu, row.planned, func() float64 { return math.Log(row.slower) + row.spread*random.NormFloat64() })
			counted[c.verdict()]++
			longest = max(longest, c.pairs)
		}
		t.Logf("%+v: %v, at most %d pairs", row, counted, longest)
		if counted[Regression] < gates*98/100 || counted[Inconclusive]+counted[Pass] > 0 {
			t.Errorf("%+v: %v; want a regression, or that it is likely", row, counted)
		}
		if longest > row.planned+Extension(row.planned) {
			t.Errorf("%+v: %d pairs", row, longest)
		}
	}
}

// A gate that ends before the second test has said anything says what is likely, and what is missing.
func TestLikely(t *testing.T) {
	run := pairs(14, 1.2)
	run.Gate.ConfirmFrom = 14
	r := Judge(run, Metrics())
	if r.Verdict != Likely || r.Decided() || !r.Suspects() || len(r.Metrics) != 4 || r.Metrics[0].Missing < 4 ||
		r.Metrics[0].Missing > 8 {
		t.Errorf("%s, %+v; want a likely regression, and a few more pairs", r.Headline(), r.Metrics[0])
	}
	run.Gate.ConfirmFrom = 8
	if r := Judge(run, Metrics()); r.Verdict != Regression {
		t.Errorf("%s; want that seven pairs confirm it", r.Headline())
	}
	run.Manifest.Status = "PARTIAL"
	if r := Judge(run, Metrics()); r.Verdict != Regression {
		t.Errorf("interrupted: %s", r.Headline())
	}
}

// equalGates counts how gates on equal versions end: four metrics and five targets, whose noise a coin
// signs. A slow moment hits all of a pair's figures alike.
func equalGates(t *testing.T, gates, planned int, spread func(*rand.Rand, int) float64) map[Verdict]int {
	t.Helper()
	random := rand.New(rand.NewPCG(11, 12))
	targets := []string{"a", "b", "c", "d", "e"}
	counted := map[Verdict]int{}
	for range gates {
		c := newCourse(Metrics(), targets, planned)
		for goOn := true; goOn; goOn = c.proceed(planned) {
			shared, sign := random.NormFloat64(), coin(random)
			draw := func(own float64) *Ratio {
				v := sign * spread(random, c.pairs) * own * (0.7*shared + 0.7*random.NormFloat64())
				return &Ratio{v, v}
			}
			c.add([]*Ratio{draw(0.02), draw(0.035), draw(0.15), draw(0.03)},
				[]*Ratio{draw(0.05), draw(0.05), draw(0.08), draw(0.1), draw(0.2)})
		}
		counted[c.verdict()]++
	}
	return counted
}

// On equal versions, a regression is reported, or called likely, in fewer than one gate in a hundred: over
// all metrics and targets, with their second tests and the pairs beyond those planned.
func TestEqualVersionsAreFoundEqual(t *testing.T) {
	proof.WithoutRace(t)
	gates := proof.Size(600, 6000) // 3 % instead of 1 % are found with a probability of 92 %
	most := proof.Alarms{Runs: gates, Allowed: Alpha}.Most()
	for name, spread := range map[string]func(*rand.Rand, int) float64{
		"quiet":             func(*rand.Rand, int) float64 { return 1 },
		"four times louder": func(*rand.Rand, int) float64 { return 4 },
		"heavy tails":       func(r *rand.Rand, _ int) float64 { return math.Abs(math.Tan(1.5 * (r.Float64() - 0.5))) },
		"in bursts":         func(_ *rand.Rand, i int) float64 { return 1 + 5*float64((i/3)%2) },
		"growing":           func(_ *rand.Rand, i int) float64 { return 0.5 + float64(i)/5 },
	} {
		counted := equalGates(t, gates, 24, spread)
		t.Logf("%s: %v", name, counted)
		if alarms := counted[Regression] + counted[Likely]; alarms > most {
			t.Errorf("%s: %d alarms in %d gates; want at most %d", name, alarms, gates, most)
		}
		if decided := counted[Pass] + counted[Small]; name == "quiet" && decided < gates*90/100 {
			t.Errorf("%s: %d of %d pass; want 90 %%", name, decided, gates)
		}
	}
}

// A metric that the pairs cannot decide is left out, as is said first; the first metric never is.
func TestWhatCannotBeDecidedIsLeftOut(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	metrics := Metrics()[:3] // the third is the share of slow responses: here, of 40 requests
	decided := func(gates, planned int, spreads [3]float64) (passed, without int) {
		for range gates {
			c := newCourse(metrics, nil, planned)
			for goOn := true; goOn; goOn = c.proceed(planned) {
				var ratios []*Ratio
				for _, s := range spreads {
					v := s * random.NormFloat64()
					ratios = append(ratios, &Ratio{v, v})
				}
				c.add(ratios, nil)
			}
			if c.verdict() == Pass {
				passed++
				if _, is := c.undecidable(2); is {
					without++
				}
			}
		}
		return passed, without
	}
	const gates = 300
	if passed, without := decided(gates, 20, [3]float64{0.02, 0.03, 0.6}); passed < gates*9/10 || without < passed*9/10 {
		t.Errorf("10 requests a second: %d of %d pass, %d without the slow responses", passed, gates, without)
	}
	if passed, without := decided(gates, 20, [3]float64{0.02, 0.03, 0.12}); passed < gates*9/10 || without > gates/20 {
		t.Errorf("200 requests a second: %d of %d pass, %d without the slow responses", passed, gates, without)
	}
	if passed, _ := decided(gates, 20, [3]float64{0.3, 0.03, 0.12}); passed > gates/10 {
		t.Errorf("CPU time that nothing is known about: %d of %d pass", passed, gates)
	}
}

// A metric that the pairs would decide in every second gate of equal versions does not keep the others
// measuring, and one that got slower is not left out with it.
func TestWhatIsHardlyDecidedIsLeftOutUnlessItLooksWorse(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	const planned = 17
	passed := func(spread, slower float64) (passed int) {
		for range 200 {
			c := newCourse(Metrics(), nil, planned)
			for goOn := true; goOn; goOn = c.proceed(planned) {
				var ratios []*Ratio
				for i, s := range []float64{0.02, spread, 0.25, 0.02} {
					v := s * random.NormFloat64()
					if i == 1 {
						v += math.Log1p(slower)
					}
					ratios = append(ratios, &Ratio{v, v})
				}
				c.add(ratios, nil)
			}
			if c.verdict() == Pass {
				passed++
			}
		}
		return passed
	}
	for _, row := range []struct {
		spread, slower float64
		least, most    int // of 200 gates that pass
	}{
		{0.03, 0, 180, 200},
		{0.05, 0, 180, 200},
		{0.08, 0, 165, 200},
		{0.05, 0.1, 0, 2},
		{0.08, 0.1, 0, 10},
		{0.08, 0.2, 0, 1},
	} {
		if got := passed(row.spread, row.slower); got < row.least || got > row.most {
			t.Errorf("a median of %.0f %% noise that is %.0f %% slower: %d of 200 gates pass; want %d to %d",
				row.spread*100, row.slower*100, got, row.least, row.most)
		}
	}
}

// One target that is slower is found and named, although the mix is not slower by what matters.
func TestOneTargetOfFive(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	gates := proof.Size(200, 2000) // 85 % instead of 95 % are found with a probability of 99 %
	for slower, least := range map[float64]float64{1.3: 0.95, 1.2: 0.9} {
		found, others := 0, 0
		for range gates {
			c := newCourse(Metrics()[:1], []string{"a", "b", "c", "d", "e"}, 24)
			for goOn := true; goOn; goOn = c.proceed(24) {
				cpu := Ratio{0.01 + 0.02*random.NormFloat64(), 0}
				var targets []*Ratio
				for i := range 5 {
					v := 0.05 * random.NormFloat64()
					if i == 3 {
						v += math.Log(slower)
					}
					targets = append(targets, &Ratio{v, v})
				}
				c.add([]*Ratio{&cpu}, targets)
			}
			for i := range c.targets {
				switch v := c.targets[i].verdict(); {
				case v != Regression:
				case i == 3:
					found++
				default:
					others++
				}
			}
		}
		t.Logf("+%.0f %%: named in %d of %d gates, others in %d", (slower-1)*100, found, gates, others)
		if float64(found) < least*float64(gates) || others > gates/100+2 {
			t.Errorf("+%.0f %%: named in %d of %d gates, others in %d", (slower-1)*100, found, gates, others)
		}
	}
}

// Closed testing against its definition: all sets that contain a target, one by one.
func TestClosedIsTheLeastOfAllSets(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		evidence := make([]float64, 1+random.IntN(7))
		for i := range evidence {
			evidence[i] = math.Exp(4 * random.NormFloat64())
		}
		got := closed(evidence)
		for i := range evidence {
			want := math.Inf(1)
			for set := range 1 << len(evidence) {
				if set&(1<<i) == 0 {
					continue
				}
				sum, size := 0.0, 0.0
				for j, e := range evidence {
					if set&(1<<j) != 0 {
						sum, size = sum+e, size+1
					}
				}
				want = min(want, sum/size)
			}
			if math.Abs(got[i]/want-1) > 1e-12 {
				t.Fatalf("closed(%v)[%d] = %g; want %g", evidence, i, got[i], want)
			}
		}
	}
}

// The number of boots that counters need, against every way in which n of 2n equal boots can be head's.
func TestBootsForIsExact(t *testing.T) {
	for _, targets := range []int{1, 3, 5, 20} {
		n := BootsFor(targets)
		ways := func(n int) float64 { // by enumeration: the sets of n among 2n
			count := 0
			for set := range 1 << (2 * n) {
				ones := 0
				for s := set; s > 0; s &= s - 1 {
					ones++
				}
				if ones == n {
					count++
				}
			}
			return float64(count)
		}
		if p := float64(targets) / ways(n); p > exactAlpha {
			t.Errorf("%d targets: %d boots of each, a false alarm in %.3g; want %.3g", targets, n, p, exactAlpha)
		}
		if p := float64(targets) / ways(n-1); p <= exactAlpha {
			t.Errorf("%d targets: %d boots of each would do", targets, n-1)
		}
	}
}

// Whole gates on equal versions, all paths together: boots of which one in ten fails, responses of which one
// in a hundred does, and metrics and targets with noise of several kinds.
func TestFlakyEqualVersionsAreNoRegression(t *testing.T) {
	proof.WithoutRace(t)
	gates := proof.Size(400, 8000) // 4 % instead of 1 % are found with a probability of 98 %
	most := proof.Alarms{Runs: gates, Allowed: Alpha}.Most()
	for name, noise := range noises {
		random := rand.New(rand.NewPCG(21, 22))
		measured, failing, passed := 0, 0, 0
		for range gates {
			v, f := equalGate(random, noise)
			if v == Regression || v == Likely {
				measured++
			}
			if f.Verdict == Regression {
				failing++
			}
			if v == Pass && f.Verdict == Pass {
				passed++
			}
		}
		t.Logf("%s: by metrics and targets %d, by failures %d of %d; %d pass", name, measured, failing, gates, passed)
		if name == "normal" && passed < gates*85/100 {
			t.Errorf("%s: %d of %d pass; want 85 %%", name, passed, gates)
		}
		if measured+failing > most {
			t.Errorf("%s: %d and %d alarms in %d gates; want at most %d", name, measured, failing, gates, most)
		}
	}
}

// equalGate is a gate of flaky equal versions, which goes on until it ends.
func equalGate(random *rand.Rand, noise func(*rand.Rand) float64) (Verdict, Failures) {
	const planned = 24
	var tries []try
	flaky := func(asked uint64) try { // a boot of both
		t := try{asked: [2]uint64{asked, asked}}
		for arm := range 2 {
			t.silent[arm] = random.Float64() < 0.1
			t.notBooted[arm] = t.silent[arm]
			for range asked {
				if random.Float64() < 0.01 {
					t.failed[arm]++
				}
			}
		}
		return t
	}
	for ready := false; !ready; { // the checks before the first pair
		one := flaky(27)
		tries, ready = append(tries, one), one.silent == [2]bool{}
	}
	c := newCourse(Metrics(), []string{"a", "b", "c"}, planned)
	for goOn := true; goOn; {
		one := flaky(500)
		if tries = append(tries, one); one.silent != [2]bool{} {
			continue
		}
		draw := func(spread float64) *Ratio {
			v := spread * (noise(random) - noise(random)) / math.Sqrt2
			return &Ratio{v, v}
		}
		c.add([]*Ratio{draw(0.02), draw(0.035), draw(0.15), draw(0.03)}, []*Ratio{draw(0.05), draw(0.1), draw(0.06)})
		goOn = c.proceed(planned) || failuresOf(tries).Verdict == Inconclusive && len(tries) < planned
	}
	return c.verdict(), failuresOf(tries)
}

// Every way in which the failures of equal versions can fall, by enumeration: of sixteen pairs, in
// each of which one version fails, the share of those that are called a regression of head.
func TestFailuresByEnumeration(t *testing.T) {
	proof.WithoutRace(t)
	const pairs = 16
	for says, one := range map[string]try{
		"boots that fail":   {silent: [2]bool{false, true}, notBooted: [2]bool{false, true}},
		"a page that fails": {failed: [2]uint64{0, 9}, asked: [2]uint64{27, 27}},
	} {
		swapped := try{
			failed: [2]uint64{one.failed[1], one.failed[0]}, asked: one.asked,
			silent: [2]bool{one.silent[1], one.silent[0]}, notBooted: [2]bool{one.notBooted[1], one.notBooted[0]},
		}
		alarms := 0
		for signs := range 1 << pairs {
			var tries []try
			for i := range pairs {
				if signs&(1<<i) == 0 {
					tries = append(tries, one)
				} else {
					tries = append(tries, swapped)
				}
			}
			if failuresOf(tries).Verdict == Regression {
				alarms++
			}
		}
		if p := float64(alarms) / (1 << pairs); p > failuresAlpha || p == 0 {
			t.Errorf("%s: %d of %d ways are a regression, %.2g; want at most %g", says, alarms, 1<<pairs, p, failuresAlpha)
		} else {
			t.Logf("%s: %d of %d ways, %.2g", says, alarms, 1<<pairs, p)
		}
	}
}

// A slowdown of less than the margin that matters is no regression where the pairs can tell. Where they
// cannot, it may be called one: docs/CI.md says so.
func TestLessThanTheMarginIsSmall(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	cpu := Metrics()[0]
	gates := proof.Size(300, 4000)
	for _, spread := range []float64{0.005, 0.01, 0.02} {
		counted := map[Verdict]int{}
		for range gates {
			c := ended(cpu, 30, func() float64 { return math.Log(1.035) + spread*random.NormFloat64() })
			counted[c.verdict()]++
		}
		t.Logf("+3.5 %%, spread %.1f %%: %v of %d", spread*100, counted, gates)
		if spread <= 0.01 && counted[Regression]+counted[Likely] > gates/20 {
			t.Errorf("+3.5 %%, spread %.1f %%: %v of %d; want hardly any regression", spread*100, counted, gates)
		}
	}
}
