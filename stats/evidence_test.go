package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"bench/internal/proof"
)

// sequence runs a sequential test until it detects a difference or runs out of pairs.
func sequence(random *rand.Rand, pairs int, threshold float64, draw func(i int) float64) (detected bool, stopped int) {
	e := Evidence{Aim: math.Log1p(0.05)}
	var seen []float64
	for i := range pairs {
		x := draw(i)
		e.Add(x, Scale(seen, 0.03))
		seen = append(seen, x)
		if e.Value() >= threshold {
			return true, i + 1
		}
	}
	return false, pairs
}

func coin(r *rand.Rand) float64 { return float64(1 - 2*r.IntN(2)) }

// However long one looks, and whatever the noise, as long as a coin decides its sign, equal arms
// are found to differ no more often than alpha allows.
func TestFalseAlarmsAreRare(t *testing.T) {
	proof.WithoutRace(t)
	const alpha, pairs = 0.01, 60
	// 1,000 runs detect a rate of 3 % with a probability of 97 %, 6,000 one of 1.5 % with 75 %.
	runs := proof.Size(1000, 6000)
	most := proof.Alarms{Runs: runs, Allowed: alpha}.Most()
	for _, row := range []struct {
		says  string
		noise func(random *rand.Rand, i int) float64
	}{
		{"normal noise", func(r *rand.Rand, _ int) float64 { return 0.03 * r.NormFloat64() }},
		{"ten times the expected noise", func(r *rand.Rand, _ int) float64 { return 0.3 * r.NormFloat64() }},
		{"heavy tails", func(r *rand.Rand, _ int) float64 { return 0.01 * math.Tan(math.Pi*(r.Float64()-0.5)) }},
		{"a drift whose sign the coin decides", func(r *rand.Rand, i int) float64 { return 0.02 * float64(i) * coin(r) }},
		{"bursts", func(r *rand.Rand, i int) float64 { return 0.02 * float64(1+i%7) * coin(r) }},
	} {
		random := rand.New(rand.NewPCG(3, 4))
		alarms := 0
		for range runs {
			if detected, _ := sequence(random, pairs, 1/alpha, func(i int) float64 { return row.noise(random, i) }); detected {
				alarms++
			}
		}
		t.Logf("%s: %d false alarms in %d", row.says, alarms, runs)
		if alarms > most {
			t.Errorf("%s: %d false alarms in %d; want at most %d", row.says, alarms, runs, most)
		}
	}
}

// Without the coin the guarantee is void: with a fixed order, a position effect looks like a
// difference. This shows that the test above can fail.
func TestFixedOrderVoidsTheProof(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	detected, _ := sequence(random, 60, 100, func(i int) float64 { return 0.02 + 0.01*random.NormFloat64() })
	if !detected {
		t.Error("a position effect with a fixed order was not detected: the test has no power")
	}
}

func TestPower(t *testing.T) {
	for _, row := range []struct {
		effect, spread float64
		least          float64 // share detected within 30 pairs
	}{{0.05, 0.025, 0.99}, {0.05, 0.04, 0.9}, {0.1, 0.05, 0.99}} {
		random := rand.New(rand.NewPCG(5, 6))
		found, pairs := 0, 0
		runs := proof.Size(300, 1000) // detect a power 5 % too low with a probability of 99 %
		for range runs {
			draw := func(int) float64 { return math.Log1p(row.effect) + row.spread*random.NormFloat64() }
			detected, stopped := sequence(random, 30, 1/0.004, draw)
			if detected {
				found++
				pairs += stopped
			}
		}
		share := float64(found) / float64(runs)
		t.Logf("+%.0f %% with a spread of %.1f %%: detected in %.1f %% of runs, after %.1f pairs",
			row.effect*100, row.spread*100, share*100, float64(pairs)/float64(max(1, found)))
		if share < row.least {
			t.Errorf("+%.0f %% with a spread of %.1f %%: detected in %.1f %% of runs; want %.0f %%",
				row.effect*100, row.spread*100, share*100, row.least*100)
		}
	}
}

func TestEvidenceStartsAtOneAndIsBounded(t *testing.T) {
	var e Evidence
	if v := e.Value(); math.Abs(v-1) > 1e-12 {
		t.Errorf("no pairs: %g; want 1", v)
	}
	for range 7 {
		e.Add(1e9, 1)
	}
	// Fair coins give seven equal signs with a probability of 2⁻⁷.
	if v := e.Value(); v > 128 || v < 20 {
		t.Errorf("seven pairs of one sign: %g; want below 2⁷ and well above 1", v)
	}
	e.Add(math.Inf(1), 1)
	if v := e.Value(); math.IsNaN(v) || math.IsInf(v, 0) {
		t.Errorf("an infinite ratio gives %g", v)
	}
}

func TestScaleAndDetectable(t *testing.T) {
	if s := Scale(nil, 0.03); s != 0.03 {
		t.Errorf("Scale of nothing = %g; want the expected 0.03", s)
	}
	many := make([]float64, 400)
	random := rand.New(rand.NewPCG(1, 1))
	for i := range many {
		many[i] = 0.1 * random.NormFloat64()
	}
	if s := Scale(many, 0.03); s < 0.085 || s > 0.115 {
		t.Errorf("Scale = %g; want about 0.1", s)
	}
	if !math.IsInf(Detectable(0.05, 0, 0.05, 0.01, 0.9), 1) {
		t.Error("an effect is detectable without any pairs")
	}
}
