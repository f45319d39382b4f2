package scenarios

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"bench/internal/proof"
	"bench/loadgen"
	"bench/results"
	"bench/servers"
	"bench/stats"
)

// bundledSpeeds are those of page, static, cpu and io: a thread per connection, which waits 40 ms for an
// acknowledgement, 2 workers, and the same behind a proxy.
var bundledSpeeds = speeds{
	{{180, 340, 8, 8, 64}, {190, 190, 8, 8, 64}, {180, 180, 8, 8, 64}, {125, 125, 8, 8, 64}},
	{{400, 1200, 4, 8, 64}, steady(2000, 64), steady(850, 64), steady(95, 64)},
	{{1500, 1900, 4, 8, 64}, steady(78000, 64), steady(840, 64), steady(95, 64)},
}

func scheduleOf(t *testing.T, p Preset, names []string, found speeds) Experiment {
	t.Helper()
	e := Experiment{Preset: p, Seed: 1}
	for _, name := range names {
		s, err := Named(name)
		if err != nil {
			t.Fatal(err)
		}
		e.Scenarios = append(e.Scenarios, s)
	}
	for _, name := range []string{"a", "b", "c", "d", "e"}[:len(found)] {
		e.Arms = append(e.Arms, Arm{Name: name, Topology: servers.Topology{Name: name}})
	}
	return e.scheduled(found, 2, 1400*time.Millisecond, 9*time.Second)
}

// Every closed loop sees ten responses for each of its connections from the arm it is for, and there are
// enough connections to keep all workers busy; presets keep their time, or say why not.
func TestSchedulesFitThePreset(t *testing.T) {
	all := []string{"page", "static", "cpu", "io"}
	for _, row := range []struct {
		says   string
		preset Preset
		names  []string
		found  speeds
		fits   bool
	}{
		{"the bundled app, quick", Quick, all, bundledSpeeds, true},
		{"the bundled app", Default, all, bundledSpeeds, true},
		{"pages of 7 ms, quick", Quick, []string{"page"}, sameSpeed(280), true},
		{"pages of 45 ms on two workers, quick", Quick, []string{"page"}, sameSpeed(44), true},
		{"pages of 45 ms on two workers", Default, []string{"page"}, sameSpeed(44), true},
		{"pages of 100 ms, quick", Quick, []string{"page"}, sameSpeed(20), true},
		{"pages of 100 ms", Default, []string{"page"}, sameSpeed(20), true},
		{"pages of 400 ms, quick", Quick, []string{"page"}, sameSpeed(5), false},
		{"pages of 500 ms", Default, []string{"page"}, sameSpeed(4), false},
	} {
		e := scheduleOf(t, row.preset, row.names, row.found)
		t.Logf("%s: %v for %v, connections %v, without new connections: closed %v, all %v, load steps %v; %s",
			row.says, e.Estimate(), e.Preset.Limit, connectionsOf(e), e.withoutClosed, e.withoutNew, e.LoadSteps, e.slowness())
		for arm := range e.Arms {
			for _, load := range e.loads(arm) {
				if load.Mode != loadgen.Closed {
					continue
				}
				for i, s := range e.Scenarios {
					if got := load.Duration.Seconds() * row.found[arm][i].on(s.Connections); s.Name == load.Scenario.Name &&
						got < 9.5*float64(load.Scenario.Connections) {
						t.Errorf("%s: %s of arm %d sees %.0f responses on %d connections", row.says, load.Name, arm, got,
							load.Scenario.Connections)
					}
				}
				if load.Scenario.Connections < 4 {
					t.Errorf("%s: %d connections; want two for each worker", row.says, load.Scenario.Connections)
				}
			}
		}
		if fits := e.Estimate() <= e.Preset.Limit; fits != row.fits || (e.slowness() == "") != fits {
			t.Errorf("%s: %v for %v, %q; want fits = %v, or the reason", row.says, e.Estimate(), e.Preset.Limit, e.slowness(),
				row.fits)
		}
	}
}

// sameSpeed is the speed of each of three arms whose workers a few connections keep busy.
func sameSpeed(perSecond float64) speeds {
	one := []speed{steady(perSecond, 64)}
	return speeds{one, one, one}
}

func connectionsOf(e Experiment) (all []int) {
	for _, s := range e.Scenarios {
		all = append(all, s.Connections)
	}
	return all
}

// What --dry-run and the first line say is right within a quarter, for pages of 5 to 100 ms.
func TestPresumedScheduleIsNearTheRealOne(t *testing.T) {
	for _, preset := range []Preset{Quick, Default} {
		for _, perSecond := range []float64{20, 44, 100, 280, 400} {
			e := scheduleOf(t, preset, []string{"page"}, sameSpeed(perSecond))
			before := Experiment{Preset: preset, Scenarios: slices.Clone(e.Scenarios), Arms: e.Arms}
			before.Scenarios[0].Connections = 64
			if off := before.Estimate().Seconds() / e.Estimate().Seconds(); off < 0.75 || off > 1.25 {
				t.Errorf("%s, %g/s: %v before, %v when the speed is known", preset.Name, perSecond, before.Estimate(),
					e.Estimate())
			}
		}
	}
}

// An experiment ends when its ratios are known well enough, or its time is up, and says which.
func TestLengthFollowsThePrecision(t *testing.T) {
	for _, row := range []struct {
		says   string
		spread float64
		preset Preset
		blocks [2]int
		why    string
	}{
		{"a quiet machine", 0.01, Preset{Blocks: 6, Least: 4, Precision: 0.1, Limit: time.Minute}, [2]int{4, 4}, "goal"},
		{"a noisy one", 0.5, Preset{Blocks: 3, Least: 3, Precision: 0.1, Limit: time.Minute}, [2]int{12, 12},
			"time of 1m0s was up"},
		{"no time beyond the planned blocks", 0.5, Preset{Blocks: 8, Least: 8, Precision: 0.1, Limit: 30 * time.Second},
			[2]int{8, 8}, "was up"},
		{"no goal", 0.01, Preset{Blocks: 5, Limit: time.Hour}, [2]int{5, 5}, ""},
		{"no limit", 0.5, Preset{Blocks: 7, Least: 3, Precision: 0.1}, [2]int{7, 7}, ""},
	} {
		l := simulated(row.preset, 1)
		why := l.run(rand.New(rand.NewPCG(1, 2)), row.spread)
		if l.done < row.blocks[0] || l.done > row.blocks[1] || (row.why == "") != (why == "") ||
			!strings.Contains(why, row.why) {
			t.Errorf("%s: %d blocks, %q; want %v, and %q", row.says, l.done, why, row.blocks, row.why)
		}
	}
}

type simulatedLength struct {
	*length
	ratio float64
}

func simulated(p Preset, ratio float64) simulatedLength {
	l := newLength(Experiment{Preset: p, Scenarios: []Scenario{testScenario()}, Arms: make([]Arm, 2)}, time.Now())
	return simulatedLength{l, ratio}
}

// run measures blocks of 5 s with log-normal noise on each arm's throughput.
func (l simulatedLength) run(r *rand.Rand, spread float64) (why string) {
	now := l.started
	for more := true; more; {
		drift := math.Exp(spread * r.NormFloat64())
		for arm, factor := range []float64{1, l.ratio} {
			rate := 100 * factor * drift * math.Exp(spread/math.Sqrt2*r.NormFloat64())
			l.add(Cell{Arm: arm, Block: l.done + 1}, &results.Cell{
				Load: "closed", Scenario: l.main, Successful: uint64(1e6 * rate), Duration: 1e6,
			})
		}
		now = now.Add(5 * time.Second)
		more, why = l.next(now)
	}
	return why
}

// Ending when the intervals are narrow costs no coverage that matters: the 95 % intervals hold the truth
// in 93 % of the runs at least, whatever the noise.
func TestStoppingByPrecisionKeepsTheCoverage(t *testing.T) {
	proof.WithoutRace(t)
	runs := proof.Size(600, 12000) // of 93 %, one standard error is 1 % or 0.2 %
	for _, preset := range []Preset{Quick.With(0, 0, 0), Default, Thorough} {
		preset.Limit = time.Duration(3*preset.Blocks) * 5 * time.Second
		for _, spread := range []float64{0.01, 0.05, 0.1, 0.15, 0.3} {
			r := rand.New(rand.NewPCG(3, 4))
			held, blocks := 0, 0
			for range runs {
				l := simulated(preset, 2)
				l.run(r, spread)
				blocks += l.done
				if ratio := stats.Ratio(l.throughput[0], l.throughput[1]); ratio.Low <= 2 && 2 <= ratio.High {
					held++
				}
			}
			share := float64(held) / float64(runs)
			t.Logf("%s, noise %.0f %%: %.1f %% hold the truth, %.1f blocks", preset.Name, spread*100, share*100,
				float64(blocks)/float64(runs))
			if share < 0.93-2*math.Sqrt(0.93*0.07/float64(runs)) {
				t.Errorf("%s, noise %.0f %%: %.1f %% of the intervals hold the truth; want 93 %%",
					preset.Name, spread*100, share*100)
			}
		}
	}
}

// A side scenario has the same connections whatever is compared: two to five stacks, of which the further
// ones are slower or faster than the first three.
func TestSideConnectionsDoNotDependOnTheNumberOfStacks(t *testing.T) {
	further := speeds{
		{{1300, 1600, 4, 8, 64}, steady(30000, 64), steady(800, 64), steady(90, 64)},
		{{700, 900, 4, 8, 64}, steady(2000, 64), steady(600, 64), steady(95, 64)},
	}
	found := slices.Concat(bundledSpeeds, further)
	for _, preset := range []Preset{Quick, Default} {
		for arms := 2; arms <= len(found); arms++ {
			e := scheduleOf(t, preset.For(arms), []string{"page", "static", "cpu", "io"}, found[:arms])
			for _, s := range e.Scenarios[1:] {
				if s.Connections != preset.SideConnections {
					t.Errorf("%s, %d stacks: %s on %d connections; want %d", preset.Name, arms, s.Name, s.Connections,
						preset.SideConnections)
				}
			}
		}
	}
}

// A comparison of more topologies than usual takes longer; one of fewer may use the whole time.
func TestMoreArmsTakeMoreTime(t *testing.T) {
	for arms, want := range map[int]time.Duration{
		1: time.Minute, 3: time.Minute, 4: 80 * time.Second, 6: 2 * time.Minute,
	} {
		if got := Quick.For(arms).Limit; got != want {
			t.Errorf("%d arms: %v; want %v", arms, got, want)
		}
	}
	if got := Thorough.For(6).Limit; got != 0 {
		t.Errorf("a preset without a limit has one of %v for six arms", got)
	}
	if got := Default.For(6).With(0, 0, time.Minute).Limit; got != time.Minute {
		t.Errorf("a limit of a minute that was asked for is %v for six arms", got)
	}
}
