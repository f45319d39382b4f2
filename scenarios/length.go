package scenarios

import (
	"fmt"
	"math"
	"time"

	"bench/results"
	"bench/stats"
)

// fewestOnce is the number of blocks from which intervals need not be narrow twice in a row. With fewer,
// one may be by luck.
const fewestOnce = 12

// length decides after each block of an experiment whether another one follows. It looks at the widths
// of the intervals, never at the ratios, and not before there are enough blocks, so that the intervals
// keep their coverage (Chow and Robbins 1965 for many observations; few are simulated in the tests).
type length struct {
	preset     Preset
	main       string // scenario
	started    time.Time
	blockBegan time.Time
	done       int
	narrow     bool              // the intervals were, a block ago
	throughput []map[int]float64 // of the main scenario's closed loop, by arm and block
}

func newLength(e Experiment, started time.Time) *length {
	l := &length{preset: e.Preset, main: e.Scenarios[0].Name, started: started, blockBegan: time.Now()}
	for range e.Arms {
		l.throughput = append(l.throughput, map[int]float64{})
	}
	return l
}

// add takes a cell into account. What was measured again replaces what was not a measurement.
func (l *length) add(cell Cell, c *results.Cell) {
	if c.Load == "closed" && c.Scenario == l.main && c.Grade != results.Invalid {
		l.throughput[cell.Arm][cell.Block] = c.Throughput()
	}
}

// estimates are what is known so far of a cell's arm, if that cell adds to it: how many requests per second
// of the main scenario it can respond to, and how many times as many as the first arm.
func (l *length) estimates(cell Cell, arms []Arm) (all []Event) {
	name, blocks := arms[cell.Arm].Name, l.throughput[cell.Arm]
	if _, counts := blocks[cell.Block]; !counts || cell.Load.Name != "closed" || cell.Load.Scenario.Name != l.main {
		return nil
	}
	measure := "maximum throughput, " + l.main
	all = append(all, Estimated{Arm: name, Measure: measure, Unit: "req/s", Value: stats.Estimate(blocks)})
	if cell.Arm > 0 {
		all = append(all, Estimated{
			Arm: name, Measure: measure, Baseline: arms[0].Name, Value: stats.Ratio(l.throughput[0], blocks),
		})
	}
	return all
}

// widest is how far the ends of the least precise headline ratio lie from its middle: the throughput of
// the main scenario, of each arm to the first. Without an interval it is infinite.
func (l *length) widest() (widest float64) {
	for _, arm := range l.throughput[1:] {
		ratio := stats.Ratio(l.throughput[0], arm)
		if !ratio.Known() || ratio.Low <= 0 {
			return math.Inf(1)
		}
		widest = max(widest, math.Sqrt(ratio.High/ratio.Low)-1)
	}
	return widest
}

// next is called at the end of a block. It says why there is none left, if that was not planned.
func (l *length) next(now time.Time) (more bool, why string) {
	l.done++
	block := now.Sub(l.blockBegan)
	l.blockBegan = now
	p := l.preset
	if p.Precision == 0 || len(l.throughput) < 2 {
		return l.done < p.Blocks, ""
	}
	elapsed := now.Sub(l.started)
	width, before := l.widest(), l.narrow
	l.narrow = width <= p.Precision
	switch {
	case l.done >= p.Least && l.narrow && (before || l.done >= fewestOnce):
		return false, fmt.Sprintf(
			"ended after %d blocks and %v: the throughput ratios of %s are known to ±%.1f %% (goal: ±%.3g %%)",
			l.done, elapsed.Round(time.Second), l.main, width*100, p.Precision*100)
	case l.done < p.Blocks:
		return true, ""
	case p.Limit == 0:
		return false, ""
	case elapsed+block > p.Limit:
		text := "are not known"
		if !math.IsInf(width, 1) {
			text = fmt.Sprintf("are known to ±%.1f %%", width*100)
		}
		return false, fmt.Sprintf(
			"ended after %d blocks because the time of %v was up: the throughput ratios of %s %s (goal: ±%.3g %%)",
			l.done, p.Limit, l.main, text, p.Precision*100)
	}
	return true, ""
}
