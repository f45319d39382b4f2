package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"bench/internal/proof"
)

// waits are the response times of n requests to a single server with exponential service and Poisson
// arrivals, by Lindley's recursion: their tail is one of queueing, and they depend on each other.
func waits(random *rand.Rand, n int, speed float64) []float64 {
	times, wait := make([]float64, n), 0.0
	for i := range times {
		service := random.ExpFloat64() / speed
		times[i] = wait + service
		wait = max(0, times[i]-random.ExpFloat64()/0.6)
	}
	return times
}

// The interval of a ratio of percentiles over all requests covers the truth as often as it says: two
// equal servers, whose requests queue, on a machine whose speed differs from block to block.
func TestJackknifeCovers(t *testing.T) {
	proof.WithoutRace(t)
	// Queues leave the interval of a p99 at 94 %, of which chance takes no more than allowed here away. Short, this
	// detects a coverage of 78 % with a probability of 95 %, in full one of 89.5 % with 96 %.
	trials := proof.Size(100, 1000)
	most := proof.Alarms{Runs: trials, Allowed: 0.065}.Most()
	for _, row := range []struct {
		blocks  int
		percent float64
	}{{3, 50}, {3, 99}, {6, 99}} {
		random := rand.New(rand.NewPCG(9, uint64(row.blocks)+uint64(row.percent)))
		covered := 0
		for range trials {
			arms := [2][][]float64{}
			for range row.blocks {
				machine := math.Exp(0.05 * random.NormFloat64())
				for arm := range arms {
					arms[arm] = append(arms[arm], waits(random, 1000, machine*math.Exp(0.02*random.NormFloat64())))
				}
			}
			percentile := func(arm, without int) float64 {
				var all []float64
				for i, block := range arms[arm] {
					if i != without {
						all = append(all, block...)
					}
				}
				slices.Sort(all)
				return all[Rank(row.percent, int64(len(all)))-1]
			}
			i := Jackknife(row.blocks, func(without int) float64 { return percentile(1, without) / percentile(0, without) })
			if i.Contains(1) {
				covered++
			}
		}
		share := float64(covered) / float64(trials)
		t.Logf("%d blocks, p%g: the 95 %% interval covered the truth in %.1f %% of %d runs",
			row.blocks, row.percent, share*100, trials)
		if trials-covered > most || covered == trials && trials > 200 {
			t.Errorf("%d blocks, p%g: the interval covers %.1f %%; want about 95 %%", row.blocks, row.percent, share*100)
		}
	}
}

// Of a mean of logarithms the jackknife is Student's interval.
func TestJackknifeOfAMean(t *testing.T) {
	logs := []float64{0.1, 0.4, -0.2, 0.3}
	got := Jackknife(len(logs), func(without int) float64 {
		var sum, n float64
		for i, l := range logs {
			if i != without {
				sum, n = sum+l, n+1
			}
		}
		return math.Exp(sum / n)
	})
	value, low, high := student(logs)
	for _, pair := range [][2]float64{{got.Value, value}, {got.Low, low}, {got.High, high}} {
		if math.Abs(math.Log(pair[0])-pair[1]) > 1e-12 {
			t.Errorf("%+v; want exp of %g [%g, %g]", got, value, low, high)
		}
	}
	for _, none := range []Interval{
		Jackknife(0, func(int) float64 { return math.NaN() }), Jackknife(3, func(int) float64 { return 0 }),
	} {
		if none.Measured() {
			t.Errorf("%+v of nothing", none)
		}
	}
}
