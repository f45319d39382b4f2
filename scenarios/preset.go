package scenarios

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Preset is how much an experiment measures: more takes longer and narrows the intervals.
type Preset struct {
	Name   string
	Blocks int           // repeats of every arm; the intervals rest on their number
	Warmup time.Duration // at most; ends earlier when the latency has settled
	Closed time.Duration // closed loop on the main scenario
	Side   time.Duration // closed loop on each other one, and with new connections
	Step   time.Duration // each open-loop rate
	// Steps are the open-loop rates as multiples of the slowest arm's maximum throughput. The last
	// one exceeds it, so that its overload is seen.
	Steps []float64
	// FastStep is one more rate, as a multiple of the fastest arm's maximum throughput, added if it
	// lies above the others.
	FastStep float64
	// Limit is how long the whole may take on apps that are fast enough for it; 0: no limit. Loads are
	// fitted into it.
	Limit time.Duration
	// Precision is how far the ends of the headline ratios' intervals may lie from their middle: 0.1 is
	// 10 %. From the block Least on, an experiment ends when all are as narrow; until then it adds blocks
	// beyond Blocks as long as there is time. 0: it has Blocks, whatever comes.
	Precision float64
	Least     int
	// Apart is in how many further boots of every arm the main scenario's closed loop runs with the servers and the
	// load generator on cores of their own.
	Apart int
	// SideConnections are those of every scenario but the main one; 0: as many as the scenario has.
	SideConnections int
	// KeepAlive leaves out the loads that open a connection for each request.
	KeepAlive bool
}

// Presets, by the flags that choose them.
var (
	Quick = Preset{
		Name: "quick", Blocks: 3, Warmup: 600 * time.Millisecond, Closed: 700 * time.Millisecond,
		Side: 300 * time.Millisecond, Step: 450 * time.Millisecond, Steps: []float64{0.5, 1.8}, Limit: time.Minute,
		Precision: 0.1, Least: 3, SideConnections: 10,
	}
	Default = Preset{
		Name: "default", Blocks: 6, Warmup: 900 * time.Millisecond, Closed: 1000 * time.Millisecond,
		Side: 400 * time.Millisecond, Step: 900 * time.Millisecond, Steps: []float64{0.4, 0.8, 1.8}, FastStep: 0.6,
		Limit: 3 * time.Minute, Precision: 0.1, Least: 6, SideConnections: 12,
	}
	Thorough = Preset{
		Name: "thorough", Blocks: 12, Warmup: 3 * time.Second, Closed: 5 * time.Second, Side: 5 * time.Second,
		Step: 5 * time.Second, Steps: []float64{0.2, 0.4, 0.6, 0.8, 1, 1.8}, FastStep: 0.8,
		Precision: 0.03, Least: 6, Apart: 3,
	}
)

// usualArms is the number of arms that a preset's limit is meant for.
const usualArms = 3

// For is the preset for a number of arms: more than usual take more time, in proportion, instead of loads
// on so few connections that they answer another question.
func (e Preset) For(arms int) Preset {
	e.Limit = e.Limit * time.Duration(max(arms, usualArms)) / usualArms
	return e
}

// With is the preset with another number of blocks, precision or limit; 0 keeps the preset's. Whoever says
// how many blocks there are to be gets as many.
func (e Preset) With(blocks int, precision float64, limit time.Duration) Preset {
	if blocks > 0 {
		e.Limit = e.Limit * time.Duration(blocks) / time.Duration(e.Blocks)
		e.Blocks, e.Precision = blocks, 0
	}
	e.Precision = cmp.Or(precision, e.Precision)
	e.Least = min(e.Least, e.Blocks)
	e.Limit = cmp.Or(limit, e.Limit)
	return e
}

// LoadSteps are the open-loop rates for arms whose maximum throughputs are roughly known: the
// preset's multiples of the slowest arm's, and one beyond them if the fastest arm allows it.
func (e Preset) LoadSteps(throughputs []float64) []float64 {
	slowest, fastest := slices.Min(throughputs), slices.Max(throughputs)
	var rates []float64
	add := func(rate float64) {
		if rounded := roundRate(rate); !slices.Contains(rates, rounded) {
			rates = append(rates, rounded)
		}
	}
	for _, multiple := range e.Steps {
		add(multiple * slowest)
	}
	if step := e.FastStep * fastest; step > 1.2*rates[len(rates)-1] {
		add(step)
	}
	slices.Sort(rates)
	return rates
}

// The number of responses that a load step needs for its figures to mean something, and how many times as
// long as planned it may take for that.
const (
	fewestResponses = 25
	mostStretched   = 10
)

// roundRate keeps two significant digits, for readability.
func roundRate(rate float64) float64 {
	if rate < 1 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(rate))-1)
	return math.Max(1, math.Round(rate/unit)*unit)
}
