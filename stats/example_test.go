package stats_test

import (
	"fmt"
	"math"

	"bench/stats"
)

// A machine that gets slower from block to block affects both arms; paired by block, the ratio
// is unaffected.
func ExampleRatio() {
	base := map[int]float64{1: 100, 2: 80, 3: 60, 4: 50, 5: 40, 6: 30}
	other := map[int]float64{1: 210, 2: 160, 3: 120, 4: 105, 5: 80, 6: 60}
	r := stats.Ratio(base, other)
	fmt.Printf("%.2f [%.2f, %.2f] from %d blocks, %s\n", r.Value, r.Low, r.High, r.N, r.Method)
	// Output: 2.05 [2.00, 2.10] from 6 blocks, Hodges-Lehmann, exact signed-rank interval on logarithms
}

// Evidence may be looked at after every pair; a false alarm reaches 1/α with a probability of at
// most α.
func ExampleEvidence() {
	evidence := stats.Evidence{Aim: math.Log(1.05)}
	var seen []float64
	for pair, ratio := range []float64{1.06, 1.04, 1.07, 1.05, 1.06, 1.05, 1.06, 1.04} {
		log := math.Log(ratio)
		evidence.Add(log, stats.Scale(seen, 0.02))
		seen = append(seen, log)
		if evidence.Value() >= 20 {
			fmt.Println("slower, shown after pair", pair+1)
			return
		}
	}
	// Output: slower, shown after pair 5
}
