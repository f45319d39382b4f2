package tune

import (
	"cmp"
	"math"
	"slices"
)

// race decides which settings stay, from one measurement of each in every round. It is sequential
// halving (Karnin, Koren and Somekh, "Almost optimal exploration in multi-armed bandits", ICML 2013),
// but keeps a quarter: a boot costs more than the load, so few rounds are better than many.
//
// What counts is the logarithm of a throughput relative to the others of its round: the machine's
// speed wavers from round to round, and all settings of a round share it.
type race struct {
	alive     []int
	scores    map[int][]float64
	finalists int
}

const (
	keepOneIn = 4
	// lost is the score of a setting that could not be measured: e^-20 of the others' throughput.
	lost = -20
)

func newRace(settings, finalists int) *race {
	r := &race{scores: map[int][]float64{}, finalists: finalists}
	for i := range settings {
		r.alive = append(r.alive, i)
	}
	return r
}

// over reports whether only finalists are left.
func (r *race) over() bool { return len(r.alive) <= r.finalists }

// add takes the throughputs of a round, by setting, and eliminates.
func (r *race) add(throughputs map[int]float64) {
	var sum float64
	var measured int
	for _, i := range r.alive {
		if x := throughputs[i]; x > 0 {
			sum, measured = sum+math.Log(x), measured+1
		}
	}
	for _, i := range r.alive {
		score := float64(lost)
		if x := throughputs[i]; x > 0 {
			score = math.Log(x) - sum/float64(measured)
		}
		r.scores[i] = append(r.scores[i], score)
	}
	// Means over the same rounds: whoever is left has been in all of them.
	slices.SortStableFunc(r.alive, func(a, b int) int { return cmp.Compare(mean(r.scores[b]), mean(r.scores[a])) })
	keep := (len(r.alive) + keepOneIn - 1) / keepOneIn
	r.alive = r.alive[:max(keep, min(r.finalists, len(r.alive)))]
}

func mean(xs []float64) (sum float64) {
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}
