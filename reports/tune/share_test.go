package tune

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// Where settings differ by nothing but noise, any of them serves what the best does: the best by the same blocks is
// ahead of it by chance, and the share does not count that.
func TestShareIsWithoutTheWinnersCurse(t *testing.T) {
	const settings, blocks, noise, repeats = 16, 6, 0.07, 300
	for _, row := range []struct {
		says  string
		truth float64 // of the first setting, relative to the others
		want  float64
	}{
		{"all are equal", 1, 1},
		{"the first one is worse", 0.8, 0.8},
	} {
		random := rand.New(rand.NewPCG(1, 2))
		var shares, naive float64
		for range repeats {
			r := Report{}
			best := 0.0
			for i := range settings {
				s := Setting{Name: fmt.Sprint(i), final: map[int]float64{}}
				for block := range blocks {
					s.final[block] = 1000 * math.Exp(noise*random.NormFloat64())
					if i == 0 {
						s.final[block] *= row.truth
					}
				}
				r.Settings = append(r.Settings, s)
				best = max(best, s.meanLog([]int{0, 1, 2, 3, 4, 5}))
			}
			share, known := r.Share("0")
			if !known {
				t.Fatalf("%s: no share", row.says)
			}
			shares += share / repeats
			naive += math.Exp(r.Settings[0].meanLog([]int{0, 1, 2, 3, 4, 5})-best) / repeats
		}
		if math.Abs(shares-row.want) > 0.01 {
			t.Errorf("%s: %.3f; want %.2f", row.says, shares, row.want)
		}
		if naive > row.want-0.03 {
			t.Errorf("%s: by the same blocks %.3f: the test shows nothing", row.says, naive)
		}
	}
}

// What missed the objectives in a block has no share, and is nobody's best.
func TestShareOfWhatMissedTheObjectives(t *testing.T) {
	met := Setting{Name: "met", final: map[int]float64{1: 10, 2: 10}}
	missed := Setting{Name: "missed", final: map[int]float64{1: 90, 2: 0}}
	r := Report{Settings: []Setting{met, missed}}
	if share, known := r.Share("met"); !known || share != 1 {
		t.Errorf("%v, %v; want 1", share, known)
	}
	for _, name := range []string{"missed", "unknown"} {
		if share, known := r.Share(name); known {
			t.Errorf("%s: %v; want none", name, share)
		}
	}
}
