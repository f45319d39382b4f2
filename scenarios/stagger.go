package scenarios

import (
	"fmt"
	"time"

	"bench/loadgen"
)

// Stagger puts one of two loads that run the same plan at once behind the other, in turns:
// for sixteen requests the first arm's come first and the second's a little later, for the
// next sixteen the other way about.
//
// Who comes second finds the caches warm and the cores taken: on real Django, with one arm
// behind throughout, that was 1 to 3 % less CPU time for it and 10 % more slow answers, which
// a coin turns from an error into noise. Turns take it out of the pair.
type Stagger struct {
	By     time.Duration // 0: none
	Second bool          // this is the arm that begins behind
}

// turnLength is short beside a cell and long beside the requests under way at once.
const turnLength = 16

// staggered is a pacer with every other turn delayed.
type staggered struct {
	loadgen.Pacer
	Stagger
}

// Due is part of loadgen.Pacer.
func (p staggered) Due(n uint64) time.Duration { return p.Shift(p.Pacer.Due, n) }

// Unshifted is part of loadgen.Shifted.
func (p staggered) Unshifted() loadgen.Pacer { return p.Pacer }

// Shift never decreases: a turn in front begins only when the turn before it, which was behind,
// is over.
func (p staggered) Shift(due func(uint64) time.Duration, n uint64) time.Duration {
	turn := n / turnLength
	if p.behind(turn) {
		return due(n) + p.By
	}
	if turn == 0 {
		return due(n)
	}
	over := due(turn*turnLength-1) + p.By
	return max(due(n), over)
}

func (p staggered) behind(turn uint64) bool { return (turn%2 == 0) == p.Second }

func (p staggered) String() string {
	return fmt.Sprintf("%s, every other %d requests %v later", p.Pacer, turnLength, p.By)
}
