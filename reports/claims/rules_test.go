package claims

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"bench/internal/proof"
	"bench/results"
)

func TestEveryRuleHasARow(t *testing.T) {
	var names []string
	for _, r := range rules {
		names = append(names, r.name)
	}
	if !slices.Equal(names, results.Rules()) {
		t.Errorf("the table has %v; want %v", names, results.Rules())
	}
}

// Where the true ratio is exactly the bound, a difference is said to keep to it as often as its test errs: in 2.5 %
// by Student's t, and by the exact probabilities of the signed-rank table from six blocks on: P(W = 0) = 1/64 for 6,
// P(W ≤ 13) = 0.0212 for 12. The shortened form would notice twice as many.
func TestDifferenceKeepsItsLevel(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 9))
	repeats := proof.Size(4000, 100_000)
	for blocks, want := range map[int]float64{4: 0.025, 6: 1.0 / 64, 12: 0.0212} {
		const bound = 1.5
		least := bound
		var holds, fails int
		for range repeats {
			q := question{Prediction: results.Prediction{
				Rule: results.DifferenceRule, Measure: "throughput", Of: "a", To: "b", AtLeast: &least,
			}, of: map[int]float64{}, to: map[int]float64{}}
			for block := range blocks {
				speed := math.Exp(0.3 * random.NormFloat64()) // the machine's: both arms share it
				q.to[block] = 100 * speed
				q.of[block] = bound * 100 * speed * math.Exp(0.1*random.NormFloat64())
			}
			switch difference(q).Answer {
			case Holds:
				holds++
			case Fails:
				fails++
			}
		}
		for says, n := range map[string]int{Holds: holds, Fails: fails} {
			share, scatter := float64(n)/float64(repeats), math.Sqrt(want*(1-want)/float64(repeats))
			if math.Abs(share-want) > 4*scatter+5e-5 {
				t.Errorf("%d blocks, at the bound: it %s in %.4f; want %.4f", blocks, says, share, want)
			}
		}
	}
}

func TestRules(t *testing.T) {
	one, three := 1.0, 3.0
	blocks := func(values ...float64) map[int]float64 {
		m := map[int]float64{}
		for i, v := range values {
			m[i+1] = v
		}
		return m
	}
	for _, row := range []struct {
		says string
		q    question
		want string
	}{
		{"a ratio well above its bound", question{Prediction: results.Prediction{
			Rule: results.DifferenceRule, Measure: "cpu", To: "b", AtLeast: &one,
		}, of: blocks(20, 21, 22), to: blocks(10, 10, 11)}, Holds},
		{"a ratio well below it", question{Prediction: results.Prediction{
			Rule: results.DifferenceRule, Measure: "cpu", To: "b", AtLeast: &three,
		}, of: blocks(20, 21, 22), to: blocks(10, 10, 11)}, Fails},
		{"blocks that lack the other arm", question{Prediction: results.Prediction{
			Rule: results.DifferenceRule, Measure: "cpu", To: "b", AtLeast: &one,
		}, of: blocks(20, 21, 22)}, Open},
		{"a value below its bound", question{Prediction: results.Prediction{
			Rule: results.DifferenceRule, Measure: "memory", AtMost: &three,
		}, of: blocks(1, 1.1, 1.05)}, Holds},
		{"counts that all keep to their bound", question{Prediction: results.Prediction{
			Rule: results.CountRule, Measure: "failed", AtMost: &one,
		}, of: blocks(0, 1, 0)}, Holds},
		{"counts of which none does", question{Prediction: results.Prediction{
			Rule: results.CountRule, Measure: "failed", AtMost: &one,
		}, of: blocks(2, 5, 9)}, Fails},
		{"counts of which some do", question{Prediction: results.Prediction{
			Rule: results.CountRule, Measure: "failed", AtMost: &one,
		}, of: blocks(0, 5, 9)}, Open},
		{"checks that pass in every block", question{Prediction: results.Prediction{Rule: results.MatrixRule},
			checks: []results.ClaimCheck{{Name: "a", Passed: true}, {Name: "a", Passed: true, Block: 2}}}, Holds},
		{"a check that fails in one", question{Prediction: results.Prediction{Rule: results.MatrixRule},
			checks: []results.ClaimCheck{{Name: "a", Passed: false}, {Name: "a", Passed: true, Block: 2}}}, Fails},
		{"no check", question{Prediction: results.Prediction{Rule: results.MatrixRule}}, Open},
	} {
		i := slices.IndexFunc(rules, func(r rule) bool { return r.name == row.q.Rule })
		if got := rules[i].judge(row.q); got.Answer != row.want {
			t.Errorf("%s: %s (%s, %s); want %s", row.says, got.Answer, got.Figure, got.Why, row.want)
		}
	}
}

// A turning point lies between two decided answers; a sweep that turns twice has none.
func TestTurningPoint(t *testing.T) {
	sweep := func(answers ...string) (list []Prediction) {
		for i, answer := range answers {
			list = append(list, Prediction{Answer: answer, Prediction: results.Prediction{
				Sweep: "s", Param: "threads", At: float64(int(1) << i),
			}})
		}
		return list
	}
	for _, row := range []struct {
		predictions []Prediction
		want        string
	}{
		{sweep(Fails, Fails, Holds), "between threads 2 and 4"},
		{sweep(Fails, Open, Holds), "between threads 1 and 4"},
		{sweep(Holds, Fails, Fails), "between threads 1 and 2"},
		{sweep(Fails, Holds, Fails), ""},
		{sweep(Holds, Holds), ""},
		{sweep(Open, Open), ""},
	} {
		if got := turning(row.predictions); got != row.want {
			t.Errorf("%+v: %q; want %q", row.predictions, got, row.want)
		}
	}
}
