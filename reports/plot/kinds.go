package plot

import (
	"fmt"
	"math"
	"slices"
)

// Kinds of figures. Each has a constructor below, which knows its axes, and a drawer.
const (
	kindPercentiles = "percentiles"
	kindHistogram   = "histogram"
	kindByRate      = "by-rate"
	kindIntervals   = "intervals"
	kindStacks      = "stacks"
	kindOverTime    = "over-time"
	kindChanges     = "changes"
	kindSearches    = "searches"
	kindBySize      = "by-size"
	kindWaterfall   = "waterfall"
	kindHeat        = "heat"
)

// Labels that several figures share.
const (
	responseTime = "response time"
	offeredRate  = "offered rate, requests per second"
)

// Rowed reports whether the figure is laid out as rows (see Rows) rather than drawn on two axes.
func (f Figure) Rowed() bool {
	return f.Kind == kindIntervals || f.Kind == kindStacks || f.Kind == kindWaterfall
}

// Percentiles shows response times by percentile on an axis of nines: equal steps for 90 %, 99 %,
// 99.9 %, …, as popularised by Gil Tene's HdrHistogram plotter.
func Percentiles(name, title string, curves []Series) Figure {
	return Figure{
		Name: name, Title: title, Kind: kindPercentiles, Series: grouped(curves),
		X: Axis{Label: "percentile", Scale: Nines}, Y: Axis{Label: responseTime, Unit: "µs", Scale: Log},
		Reads: "A point (x, y) means that x % of the requests were answered within y. Each step on the lower axis " +
			"adds a nine, and covers a tenth of the requests of the step before. A curve stops where fewer than ten " +
			"samples lie beyond it.",
	}
}

// Histogram shows how often each response time occurred, as the outline of its bars.
func Histogram(name, title string, outlines []Series) Figure {
	return Figure{
		Name: name, Title: title, Kind: kindHistogram, Series: grouped(outlines),
		X: Axis{Label: responseTime, Unit: "µs", Scale: Log},
		Y: Axis{Label: "share of the requests, %", Unit: "%", Scale: Linear},
		Reads: "The height at a time is the share of the requests that took about that long. " +
			"A second hump is a second way to be slow: a queue, a lock, a delayed acknowledgement.",
	}
}

// ByRate shows response times by offered rate.
func ByRate(name, title string, curves []Series) Figure {
	return Figure{
		Name: name, Title: title, Kind: kindByRate, Series: curves,
		X: Axis{Label: offeredRate, Unit: "req/s", Scale: Log}, Y: Axis{Label: responseTime, Unit: "µs", Scale: Log},
		Reads: "A curve bends upwards where its topology cannot keep up with the offered rate: from there on, " +
			"requests mostly wait in queues. Solid: 99 % of the requests were answered within this time; dashed: " +
			"half of them.",
	}
}

// Intervals shows values with their intervals, one row each. The Y of a point is its row.
func Intervals(name, title, x string, rows []string, series []Series) Figure {
	return Figure{
		Name: name, Title: title, Kind: kindIntervals, Series: series,
		X: Axis{Label: x, Unit: "req/s", Scale: Log}, Y: Axis{Scale: Names, Names: rows},
		Reads: "Dot: estimate. Bar: 95 % confidence interval. " +
			"“≥” marks a lower bound: the load generator, not the server, was the limit.",
	}
}

// Effects shows changes in percent with their intervals, one row each, around a line at zero; limit is
// the change that matters, or 0. The Y of a point is its row.
func Effects(name, title, x string, rows []string, series []Series, limit float64) Figure {
	return Figure{
		Name: name, Title: title, Kind: kindIntervals, Series: series,
		X: Axis{Label: x, Unit: "%", Scale: Linear, Limit: limit}, Y: Axis{Scale: Names, Names: rows},
		Reads: "Dot: estimate. Bar: 95 % confidence interval. An interval that contains 0 shows no difference.",
	}
}

// Values shows values of any unit with their intervals, one row each. The Y of a point is its row.
func Values(name, title, x, unit string, rows []string, series []Series) Figure {
	f := Intervals(name, title, x, rows, series)
	f.X.Unit = unit
	f.Reads = "Dot: estimate. Bar: 95 % confidence interval."
	return f
}

// Ratios shows ratios with their intervals, one row each. The Y of a point is its row.
func Ratios(name, title, x string, rows []string, series []Series) Figure {
	f := Values(name, title, x, "×", rows, series)
	f.Reads = "Dot: estimate. Bar: confidence interval. At 1, both topologies are equal."
	return f
}

// Stack is a bar made of parts.
type Stack struct {
	Name  string
	Parts []Part
}

// Part is one part of a stack.
type Part struct {
	Name  string
	Value float64
}

// Stacks shows bars side by side, each the sum of named parts, which are listed from the bottom up. A
// series is one part of all bars.
func Stacks(name, title, y, unit string, stacks []Stack, parts []string) Figure {
	f := Figure{
		Name: name, Title: title, Kind: kindStacks,
		X: Axis{Scale: Names}, Y: Axis{Label: y, Unit: unit, Scale: Linear},
		Reads: "The length of a bar is the sum of its parts, one colour each.",
	}
	for _, s := range stacks {
		f.X.Names = append(f.X.Names, s.Name)
	}
	for i, part := range parts {
		series := Series{Name: part, Group: i}
		for j, s := range stacks {
			at := Point{X: float64(j)}
			for _, p := range s.Parts {
				if p.Name == part {
					at.Y += p.Value
				}
			}
			series.Points = append(series.Points, at)
		}
		f.Series = append(f.Series, series)
	}
	return f
}

// OverTime shows values over the time since the start of the run.
func OverTime(name, title string, series []Series) Figure {
	return Figure{
		Name: name, Title: title, Kind: kindOverTime, Series: series,
		X: Axis{Label: "seconds since the start of the run", Unit: "s", Scale: Linear},
		Y: Axis{Label: responseTime, Unit: "µs", Scale: Log},
		Reads: "Each point is one second of one cell. A slope or a step that all topologies share comes from the " +
			"machine, and cancels out in ratios, which are paired by block.",
	}
}

// UseOverTime shows the use of a resource over the time since the start of the run.
func UseOverTime(name, title, y, unit string, series []Series) Figure {
	return Figure{
		Name: name, Title: title, Kind: kindOverTime, Series: series,
		X: Axis{Label: "seconds since the start of the run", Unit: "s", Scale: Linear},
		Y: Axis{Label: y, Unit: unit, Scale: Linear},
		Reads: "Each point is one reading during one cell, summed over the tiers. Memory that rises from cell to cell of " +
			"one boot is a leak; CPU use at the number of cores is a saturated machine.",
	}
}

// UseByTier shows the use of a resource by the tiers of one topology, in the colours of tiers.
func UseByTier(name, title, y, unit string, tiers []Series) Figure {
	f := UseOverTime(name, title, y, unit, tiers)
	f.Tiers = true
	f.Reads = "Each point is one reading during one cell, of one tier. The tier that rises with the load is the one " +
		"that the load costs; one whose CPU use reaches its number of processes is the limit."
	return f
}

// widest is the change, in percent, beyond which a point is drawn at the edge: one wild pair must not
// flatten all others.
const widest = 50

// Changes shows sequences of relative changes, in percent, around a line at zero.
func Changes(name, title, x, reads string, series []Series) Figure {
	beyond := func(p Point) bool { return math.Abs(p.Y) > widest }
	if slices.ContainsFunc(series, func(s Series) bool { return slices.ContainsFunc(s.Points, beyond) }) {
		reads += fmt.Sprintf(" Changes of more than %d %% are drawn at %d %%.", widest, widest)
	}
	return Figure{
		Name: name, Title: title, Reads: reads, Kind: kindChanges, Series: grouped(series),
		X: Axis{Label: x, Scale: Linear}, Y: Axis{Label: "change, %", Unit: "%", Scale: Linear},
	}
}

// Searches shows the latency of trials by rate, the limit in microseconds (0: none), and the interval
// that each search found.
func Searches(name, title, y string, searches []Series, limit float64) Figure {
	return Figure{
		Name: name, Title: title, Kind: kindSearches, Series: grouped(searches),
		X: Axis{Label: offeredRate, Unit: "req/s", Scale: Log}, Y: Axis{Label: y, Unit: "µs", Scale: Log, Limit: limit},
		Reads: "Each point is one trial. The dashed line is the limit; the shaded interval of a configuration contains " +
			"its capacity, the highest rate that meets the SLO.",
	}
}

// Names of the series of a figure by configuration.
const (
	measuredSeries  = "measured"
	heldOutSeries   = "measured after being predicted"
	predictedSeries = "model"
)

// BySize shows measured values with their intervals by configuration, over what a model predicts.
func BySize(name, title, x, y string, measured, heldOut, model []Point) Figure {
	return Figure{
		Name: name, Title: title, Kind: kindBySize,
		X: Axis{Label: x, Scale: Linear}, Y: Axis{Label: y, Scale: Linear},
		Series: []Series{
			{Name: predictedSeries, Group: 1, Dashed: true, Points: model},
			{Name: measuredSeries, Points: measured},
			{Name: heldOutSeries, Points: heldOut},
		},
		Reads: "Dots: measured, with their intervals; rings: measured after being predicted. " +
			"The dashed line is the model, the shaded area its 90 % interval.",
	}
}
