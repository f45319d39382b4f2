package tune

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"bench/experiments"
	"bench/scenarios"
)

// In a world where a boot's throughput scatters by 6 % and the machine's speed by 20 % from round to
// round, the race ends at a setting within 5 % of the best, at less than a third of the boots that a
// grid needs which measures each setting as often as a finalist.
func TestRaceFindsAGoodSettingCheaply(t *testing.T) {
	const settings, finals, repeats = 64, 5, 300
	random := rand.New(rand.NewPCG(1, 2))
	good, worst := 0, 0.0
	for range repeats {
		truth := make([]float64, settings)
		best := 0.0
		for i := range truth {
			truth[i] = 300 * (1 - math.Exp(-float64(1+i%8)/2)) * (1 - 0.06*math.Abs(float64(i/8)-3))
			best = max(best, truth[i])
		}
		boots, rounds, chosen := simulate(random, truth, finals)
		if truth[chosen] >= 0.95*best {
			good++
		}
		worst = max(worst, float64(boots)/float64(settings*(rounds+finals)))
	}
	if share := float64(good) / repeats; share < 0.97 {
		t.Errorf("within 5 %% of the best in %.0f %% of the races; want 97 %%", share*100)
	}
	if worst > 1.0/3 {
		t.Errorf("a race took %.0f %% of the grid's boots; want a third at most", worst*100)
	}
}

// simulate runs a race and its final over known throughputs.
func simulate(random *rand.Rand, truth []float64, finals int) (boots, rounds, chosen int) {
	measure := func(i int, speed float64) float64 { return truth[i] * speed * math.Exp(0.06*random.NormFloat64()) }
	r := newRace(len(truth), mostFinalists)
	for ; !r.over(); rounds++ {
		speed, round := math.Exp(0.2*random.NormFloat64()), map[int]float64{}
		for _, i := range r.alive {
			round[i] = measure(i, speed)
			boots++
		}
		r.add(round)
	}
	sums := map[int]float64{}
	for range finals {
		speed := math.Exp(0.2 * random.NormFloat64())
		for _, i := range r.alive {
			sums[i] += math.Log(measure(i, speed))
			boots++
		}
		boots++ // the baseline's
	}
	chosen = r.alive[0]
	for _, i := range r.alive {
		if sums[i] > sums[chosen] {
			chosen = i
		}
	}
	return boots, rounds, chosen
}

func TestRaceEliminatesWhatCannotBeMeasured(t *testing.T) {
	r := newRace(4, 2)
	r.add(map[int]float64{1: 10, 3: 11})
	if !r.over() || r.alive[0] != 3 || r.alive[1] != 1 {
		t.Errorf("left: %v; want 3 and 1", r.alive)
	}
}

// A setting whose concurrency allows less than enough others have served is not looked at.
func TestHopelessSettingsAreLeftOut(t *testing.T) {
	run := &experiments.Run{}
	for _, row := range []struct {
		says     string
		atOnce   int
		shortest time.Duration
		served   map[int]float64
		want     bool
	}{
		{"one at a time in 20 ms, two others serve 300/s", 1, 20 * time.Millisecond, map[int]float64{1: 300, 2: 310}, true},
		{"its bound is near", 6, 20 * time.Millisecond, map[int]float64{1: 300, 2: 310}, false},
		{"only one other is better", 1, 20 * time.Millisecond, map[int]float64{1: 300, 2: 40}, false},
		{"too few are known", 1, 20 * time.Millisecond, map[int]float64{1: 300}, false},
		{"one thread per connection", 0, 20 * time.Millisecond, map[int]float64{1: 300, 2: 310}, false},
		{"no service time is known", 1, 0, map[int]float64{1: 300, 2: 310}, false},
	} {
		plan := Plan{settings: 9, arms: []scenarios.Arm{{Name: "a"}}}
		if n := plan.finalists(); n != 2 {
			t.Fatalf("%d finalists of 9 settings; want 2", n)
		}
		u := &tuning{plan: plan, run: run, concurrency: []int{row.atOnce}, shortest: row.shortest}
		if got := u.hopeless(0, row.served); got != row.want {
			t.Errorf("%s: %t; want %t", row.says, got, row.want)
		}
	}
}
