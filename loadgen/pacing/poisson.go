package pacing

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

// Poisson makes the arrivals of a deterministic pacer independent of each other, at the same
// rate, like those of many independent users.
//
// Arrival n of a unit-rate Poisson process is the sum of n+1 exponential gaps, which a
// pure function of n cannot add up. It is drawn top down instead: the arrivals at indices
// B, 2B, 4B, … are sums of independent gamma variables; the arrival halfway between two
// known ones divides their distance by a symmetric beta variable (the gamma bridge); and
// the B−1 arrivals between neighbours are uniform order statistics. Each draw has its own
// generator, seeded by its place, so any n can be drawn in any order and the joint
// distribution is exactly that of the process. (Devroye, Non-Uniform Random Variate
// Generation, 1986, chapters V.3 and VI.1.)
type Poisson struct {
	Of   Curve
	Seed uint64
}

// poissonBlock is B, the number of arrivals drawn together.
const poissonBlock = 256

func parsePoisson(text *Text) Pacer {
	seed, of := text.Seed(), text.Pacer()
	curve, is := of.(Curve)
	if !is && !text.Failed() {
		name := firstWord(of.String())
		text.Fail(fmt.Errorf("poisson arrivals of %q: want a pacer whose rate is a curve (pacing.Curve)", name))
	}
	return Poisson{Of: curve, Seed: seed}
}

// Due draws the block that contains n. To read due times in order, use Schedule, which keeps
// the block.
func (p Poisson) Due(n uint64) time.Duration { return p.Reader()(n) }

// Reader is part of Ordered: it keeps the block that it has drawn.
func (p Poisson) Reader() func(n uint64) time.Duration {
	var drawn bool
	var current uint64
	var block [poissonBlock]time.Duration
	s := newSource()
	return func(n uint64) time.Duration {
		if k := n / poissonBlock; !drawn || k != current {
			p.fill(k, &block, s)
			current, drawn = k, true
		}
		return block[n%poissonBlock]
	}
}

// Rate is part of Pacer: the expected rate of the arrivals.
func (p Poisson) Rate(at time.Duration) float64 { return p.Of.Rate(at) }

// Length is part of Bounded.
func (p Poisson) Length() time.Duration { return Length(p.Of) }

// WithSeed is part of Random.
func (p Poisson) WithSeed(seed uint64) Pacer { return Poisson{p.Of, seed} }

func (p Poisson) String() string { return fmt.Sprintf("poisson %d %v", p.Seed, p.Of) }

// source is one generator, reseeded for each draw, so that drawing allocates nothing.
type source struct {
	pcg  rand.PCG
	rand *rand.Rand
}

func newSource() *source {
	s := new(source)
	s.rand = rand.New(&s.pcg)
	return s
}

func (s *source) seed(seed, place uint64) *rand.PCG {
	s.pcg.Seed(seed, place)
	return &s.pcg
}

// fill draws the arrivals of block k: those with indices kB … kB+B−1.
func (p Poisson) fill(k uint64, block *[poissonBlock]time.Duration, s *source) {
	start, end := p.boundary(k, s), p.boundary(k+1, s)
	var inner [poissonBlock - 1]float64
	s.seed(p.Seed, k<<8|1)
	for i := range inner {
		inner[i] = s.rand.Float64()
	}
	slices.Sort(inner[:])
	for i, u := range inner {
		block[i] = p.Of.At(start + u*(end-start))
	}
	block[poissonBlock-1] = p.Of.At(end)
}

// boundary is the sum of the first kB gaps of the unit-rate process.
func (p Poisson) boundary(k uint64, s *source) float64 {
	if k == 0 {
		return 0
	}
	// Sums up to the powers of two below and above k.
	low, sum := uint64(0), 0.0
	width := uint64(1)
	gap := p.gamma(1, 0, s)
	for level := uint64(1); low+width < k; level++ {
		sum += gap
		low += width
		if level > 1 {
			width *= 2
		}
		gap = p.gamma(width, level, s)
	}
	// Bisect [low, low+width] by the gamma bridge.
	for {
		if low == k {
			return sum
		}
		if low+width == k {
			return sum + gap
		}
		half := width / 2
		left := gap * p.beta(half, low+half, s)
		if k >= low+half {
			low, sum, gap = low+half, sum+left, gap-left
		} else {
			gap = left
		}
		width = half
	}
}

func (p Poisson) gamma(blocks, level uint64, s *source) float64 {
	return distuv.Gamma{Alpha: float64(blocks * poissonBlock), Beta: 1, Src: s.seed(p.Seed, level<<8|2)}.Rand()
}

func (p Poisson) beta(blocks, middle uint64, s *source) float64 {
	shape := float64(blocks * poissonBlock)
	return distuv.Beta{Alpha: shape, Beta: shape, Src: s.seed(p.Seed, middle<<8|uint64(3+bits.Len64(blocks)))}.Rand()
}
