package scenarios

import (
	"testing"
	"time"

	"bench/results"
)

// The coin is fair, differs from pair to pair, depends on the seed, and is ignored with a fixed
// order.
func TestCoin(t *testing.T) {
	d := PairedRun{Seed: 3}
	heads, changes := 0, 0
	for pair := range 1000 {
		order := d.order(pair)
		if order[0]+order[1] != 1 {
			t.Fatalf("pair %d: order %v", pair, order)
		}
		heads += order[0]
		if order != d.order(pair+1) {
			changes++
		}
		if order != d.order(pair) {
			t.Fatalf("pair %d: the same seed gives a different order", pair)
		}
		if fixed := (PairedRun{Seed: 3, FixedOrder: true}).order(pair); fixed != [2]int{0, 1} {
			t.Fatalf("fixed order: %v", fixed)
		}
	}
	if heads < 440 || heads > 560 || changes < 440 || changes > 560 {
		t.Errorf("of 1000 coin flips, %d are heads and %d differ from the one before", heads, changes)
	}
}

// The generator is one process: both cells count all of its CPU time.
func TestBusyShareCountsTheGeneratorOnce(t *testing.T) {
	cell := func(cpu time.Duration) *results.Cell {
		c := &results.Cell{Elapsed: 4, Usage: []results.Usage{{Tier: "python"}, {At: time.Second, Tier: "python", CPU: cpu}}}
		c.Generator.CPUSeconds = 0.4
		return c
	}
	one := busyShare([2]*results.Cell{cell(time.Second), cell(time.Second)})
	two := busyShare([2]*results.Cell{cell(2 * time.Second), cell(2 * time.Second)})
	if ratio := two / one; ratio < 4.4/2.4-0.01 || ratio > 4.4/2.4+0.01 {
		t.Errorf("4 s and 2 s of the servers with 0.4 s of the generator: a ratio of %.3f", ratio)
	}
}
