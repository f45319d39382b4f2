package claims

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	judging "bench/reports/claims"
	"bench/results"
	"bench/scenarios/claims"
)

// A world is what would be measured if the truth were such and such: the value of each measure of each arm in each
// step, under noise, on a machine whose speed wavers from block to block.
type world struct {
	values map[place]float64
	passed bool // whether all checks do
}

// place is where a value is measured.
type place struct{ arm, step, measure string }

// The noise of a world: of each value, and of the machine, which all arms of a block share.
const (
	worldBlocks = 6
	worldNoise  = 0.02
	worldSpeed  = 0.15
)

// judge is the verdict on a claim in the world.
func (w world) judge(t *testing.T, c claims.Claim, seed uint64) judging.Claim {
	t.Helper()
	asked, random := record(c), rand.New(rand.NewPCG(seed, 1))
	var found results.ClaimsFindings
	for block := 1; block <= worldBlocks; block++ {
		speed := math.Exp(worldSpeed * random.NormFloat64())
		for _, arm := range asked.Arms {
			for _, step := range asked.Steps {
				for _, name := range w.checks(c, step.Name) {
					found.Checks = append(found.Checks, results.ClaimCheck{
						Topology: arm.Topology, Step: step.Name, Block: block, Name: name, Passed: w.passed,
					})
				}
			}
		}
		for at, v := range w.values {
			i := slices.IndexFunc(asked.Arms, func(a results.ClaimArm) bool { return a.Name == at.arm })
			m, _ := results.MeasureNamed(at.measure)
			if m.Unit != results.Number && !m.Event {
				v *= math.Exp(worldNoise*random.NormFloat64()) * speed
			}
			found.Observations = append(found.Observations, results.Observation{
				Topology: asked.Arms[i].Topology, Step: at.step, Block: block, Measure: at.measure, Value: v,
			})
		}
	}
	run := &results.Run{Manifest: results.Manifest{Kind: results.KindClaims}}
	var err error
	if run.Manifest.Spec, err = json.Marshal(results.ClaimsSpec{Claims: []results.Claim{asked}}); err != nil {
		t.Fatal(err)
	}
	if run.Manifest.Findings, err = json.Marshal(found); err != nil {
		t.Fatal(err)
	}
	report, err := judging.Build(run)
	if err != nil {
		t.Fatal(err)
	}
	return report.Claims[0]
}

// checks are the names of a step's checks.
func (w world) checks(c claims.Claim, step string) []string {
	i := slices.IndexFunc(c.Steps, func(s claims.Step) bool { return s.Name == step })
	if checker, is := c.Steps[i].Does.(interface{ Checks() []string }); is {
		return checker.Checks()
	}
	return nil
}

// clear is by how much a world keeps to a bound, or misses it.
const clear = 1.4

// where is a world in which every prediction of the claim holds, or in which none does. Values are moved until
// all of them do; it is not there if predictions contradict each other.
func where(c claims.Claim, hold bool) (w world, found bool) {
	w = world{map[place]float64{}, hold}
	for range 200 {
		moved := false
		for _, p := range c.Predictions {
			moved = w.move(p, hold) || moved
		}
		if !moved {
			return w, true
		}
	}
	return w, false
}

// move changes the value that a prediction is about if that does not hold, or does, as wanted.
func (w world) move(p results.Prediction, hold bool) bool {
	if p.Rule == results.MatrixRule {
		return false
	}
	of, to := place{p.Of, p.During, p.Measure}, place{p.To, p.During, p.Measure}
	for _, at := range []place{of, to} {
		if _, known := w.values[at]; !known && at.arm != "" {
			w.values[at] = 1e4
			if p.Rule == results.CountRule {
				w.values[at] = 0
			}
		}
	}
	base := 1.0
	if p.To != "" {
		base = w.values[to]
	}
	low, high := allowed(p, base, hold)
	if v := w.values[of]; v < low || v > high {
		w.values[of] = max(low, min(high, v))
		return true
	}
	return false
}

// allowed is where a value has to lie, well on one side of the prediction's bounds.
func allowed(p results.Prediction, base float64, hold bool) (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	switch {
	case p.Rule == results.EquivalenceRule && hold:
		return base, base
	case p.Rule == results.EquivalenceRule && p.Relative:
		return base * (1 + p.Within) * clear, high
	case p.Rule == results.EquivalenceRule:
		return (base + p.Within) * clear, high
	case p.Rule == results.CountRule && hold && p.AtLeast != nil:
		return *p.AtLeast, high
	case p.Rule == results.CountRule && hold:
		return low, *p.AtMost
	case p.Rule == results.CountRule && p.AtLeast != nil:
		return low, *p.AtLeast - 1
	case p.Rule == results.CountRule:
		return *p.AtMost + 1, high
	case p.AtLeast != nil && p.AtMost != nil && hold:
		middle := math.Sqrt(*p.AtLeast**p.AtMost) * base
		return middle, middle
	case (p.AtLeast != nil) == hold && p.AtLeast != nil:
		return *p.AtLeast * base * clear, high
	case p.AtLeast != nil:
		return low, *p.AtLeast * base / clear
	case hold:
		return low, *p.AtMost * base / clear
	}
	return *p.AtMost * base * clear, high
}

// The rule of every claim can fail: in a world where all of its predictions are true it is confirmed, in one where
// all are false it is refuted, and without measurements it is undecided.
func TestEveryClaimCanBeConfirmedAndRefuted(t *testing.T) {
	for _, name := range claims.Names() {
		c, err := claims.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		for hold, want := range map[bool]string{true: results.Confirmed, false: results.Refuted} {
			w, found := where(c, hold)
			if !found {
				t.Errorf("%s: there is no world in which it is %s: its predictions contradict each other", name, want)
				continue
			}
			if got := w.judge(t, c, 7); got.Verdict != want {
				t.Errorf("%s is %s where it should be %s: %s\n%+v", name, got.Verdict, want, got.Reason, w.values)
			}
		}
		if got := (world{}).judge(t, c, 7); got.Verdict != results.NotDecided {
			t.Errorf("%s is %s without a measurement", name, got.Verdict)
		}
	}
}

// Worlds that somebody might live in, with what follows there.
func TestVerdictsFollowTheWorld(t *testing.T) {
	at := func(step, measure string, values map[string]float64) world {
		w := world{values: map[place]float64{}}
		for arm, v := range values {
			w.values[place{arm, step, measure}] = v
		}
		return w
	}
	waits := func(values map[string]float64) world {
		w := at("wait", "throughput", values)
		w.values[place{"runserver", "wait", "threads"}] = 34
		return w
	}
	for _, row := range []struct {
		says, claim string
		world       world
		want        string
		turning     string
	}{
		{"two cores and a global interpreter lock", "many-cores", at("work", "throughput", map[string]float64{
			"one": 100, "two": 190, "four": 195, "threads": 98, "runserver": 80,
		}), results.Confirmed, ""},
		{"a Python without that lock", "many-cores", at("work", "throughput", map[string]float64{
			"one": 100, "two": 190, "four": 195, "threads": 185, "runserver": 180,
		}), results.Depends, ""},
		{"a single core", "many-cores", at("work", "throughput", map[string]float64{
			"one": 100, "two": 101, "four": 99, "threads": 100, "runserver": 80,
		}), results.Depends, ""},
		{"a worker for each connection", "concurrency", waits(map[string]float64{
			"runserver": 220, "uwsgi-threads-1": 20, "uwsgi-threads-8": 155, "uwsgi-threads-32": 310,
		}), results.Depends, "between threads 8 and 32"},
		{"a runserver that serves one request at a time", "concurrency", waits(map[string]float64{
			"runserver": 10, "uwsgi-threads-1": 20, "uwsgi-threads-8": 155, "uwsgi-threads-32": 310,
		}), results.Confirmed, ""},
	} {
		c, err := claims.Named(row.claim)
		if err != nil {
			t.Fatal(err)
		}
		if got := row.world.judge(t, c, 3); got.Verdict != row.want || got.Turning != row.turning {
			t.Errorf("%s: %s is %s (%s); want %s (%s)\n%s", row.says, row.claim, got.Verdict, got.Turning, row.want,
				row.turning, got.Reason)
		}
	}
}

// Where both arms are the same, a claim that they differ is confirmed or refuted only for what it says of no
// difference: never because of noise. Ratios of 1 lie far from these bounds, so that not one verdict may be wrong.
func TestNoEffectIsNeverTakenForOne(t *testing.T) {
	c, err := claims.Named("many-cores")
	if err != nil {
		t.Fatal(err)
	}
	w := world{values: map[place]float64{}}
	for _, arm := range c.Arms {
		w.values[place{arm.Name, "work", "throughput"}] = 100
	}
	for seed := range uint64(200) {
		for _, p := range w.judge(t, c, seed).Predictions {
			if p.AtLeast != nil && p.Answer == judging.Holds || p.AtMost != nil && p.Answer == judging.Fails {
				t.Errorf("seed %d: %s: %s, of equal arms", seed, p.Name, p.Figure)
			}
		}
	}
}
