package gate

import (
	"math"
	"math/rand/v2"

	"bench/stats"

	"gonum.org/v1/gonum/stat"
)

// Sample holds the log-ratios of one pair, in the order of the metrics.
type Sample []Ratio

// Samples are the pairs of a run in which every metric could be measured.
func Samples(run Run, metrics []Metric) (samples []Sample) {
	pairs, _, _ := pairsOf(run.Cells)
	for _, p := range pairs {
		var s Sample
		for _, m := range metrics {
			if r, ok := m.ratio(run.Gate, p); ok {
				s = append(s, r)
			}
		}
		if len(s) == len(metrics) {
			samples = append(samples, s)
		}
	}
	return samples
}

// BaseThenHead is how many times as wide each metric's interval would be if the same time had been
// spent on measuring base first and head after it: the standard error of comparing base in the first
// half of the pairs with head in the second half, over that of the pairs. (Booted alone, a version
// could have been measured a fifth more often in that time; this is ignored.)
func BaseThenHead(run Run, metrics []Metric) map[string]float64 {
	pairs, _, _ := pairsOf(run.Cells)
	wider := map[string]float64{}
	for _, m := range metrics {
		var logs [2][]float64
		var ratios []float64
		for _, p := range pairs {
			r, ok := m.ratio(run.Gate, p)
			if !ok {
				continue
			}
			for arm := range logs {
				cost := math.Log(m.cost(run.Gate, p.arms[arm]))
				if m.speed != nil {
					cost -= math.Log(m.speed(run.Gate, p.arms[arm]))
				}
				logs[arm] = append(logs[arm], cost)
			}
			ratios = append(ratios, r.Log)
		}
		half := len(ratios) / 2
		if half < 2 {
			continue
		}
		before, after := logs[0][:half], logs[1][half:]
		apart := math.Sqrt(stat.Variance(before, nil)/float64(len(before)) + stat.Variance(after, nil)/float64(len(after)))
		if paired := stat.StdDev(ratios, nil) / math.Sqrt(float64(len(ratios))); paired > 0 && !math.IsNaN(apart) {
			wider[m.Name] = apart / paired
		}
	}
	return wider
}

// Shares is how gates ended.
type Shares struct {
	Gates        int     `json:"gates"`
	Pass         float64 `json:"pass"` // including small
	Regression   float64 `json:"regression"`
	Likely       float64 `json:"likely"`
	Inconclusive float64 `json:"inconclusive"`
	Pairs        float64 `json:"median_pairs"`
}

// Replay runs gates on pairs drawn from measured ones: all metrics of a pair together, and time for the
// given number of pairs in each gate. With flip, a coin decides the signs of each pair, as the random
// order does in a paired A/B run of equal versions. The shift is added to the metrics' log-ratios.
func Replay(samples []Sample, metrics []Metric, shift Sample, flip bool, most, gates int, seed uint64) Shares {
	random := rand.New(rand.NewPCG(seed, 0))
	var s Shares
	s.Gates = gates
	pairs := make([]float64, 0, gates)
	for range gates {
		verdict, n := replayOne(samples, metrics, shift, flip, most, random)
		pairs = append(pairs, float64(n))
		switch verdict {
		case Regression:
			s.Regression++
		case Likely:
			s.Likely++
		case Inconclusive:
			s.Inconclusive++
		default:
			s.Pass++
		}
	}
	n := float64(gates)
	s.Pass, s.Regression, s.Likely, s.Inconclusive = s.Pass/n, s.Regression/n, s.Likely/n, s.Inconclusive/n
	s.Pairs = stats.Median(pairs)
	return s
}

func replayOne(
	samples []Sample, metrics []Metric, shift Sample, flip bool, most int, random *rand.Rand,
) (Verdict, int) {
	c := newCourse(metrics, nil, most)
	for goOn := true; goOn; goOn = c.proceed(most) {
		sample, sign := samples[random.IntN(len(samples))], 1.0
		if flip && random.IntN(2) == 1 {
			sign = -1
		}
		ratios := make([]*Ratio, len(sample))
		for i, r := range sample {
			ratios[i] = &Ratio{sign*r.Log + shift[i].Log, sign*r.Raw + shift[i].Raw}
		}
		c.add(ratios, nil)
	}
	return c.verdict(), c.pairs
}
