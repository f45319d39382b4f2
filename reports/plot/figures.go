package plot

import (
	"fmt"
	"math"

	"bench/results"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Distribution is a named histogram of microseconds.
type Distribution struct {
	Name string
	Hist *results.Histogram
}

// fewestBeyond is the number of samples that have to lie beyond a percentile for it to be
// drawn: the curve stops where the samples end.
const fewestBeyond = 10

// Percentiles draws latency by percentile on an axis by nines: equal steps for 90 %, 99 %,
// 99.9 %, …, as Gil Tene's HdrHistogram plotter made common.
func Percentiles(name, title string, distributions []Distribution) (*Figure, error) {
	f := newFigure(name, title, "percentile", "response time")
	f.Reads = "A point (x, y): x % of the requests were answered within y. Steps on the lower axis are nines: each is a tenth of the requests of the one before. Curves stop where fewer than ten samples are left beyond."
	var y extent
	deepest := 1.0
	for i, d := range distributions {
		points := percentilePoints(d.Hist)
		if len(points) < 2 {
			continue
		}
		for _, p := range points {
			y.see(p.Y)
		}
		deepest = max(deepest, points[len(points)-1].X)
		line, err := plotter.NewLine(points)
		if err != nil {
			return nil, fmt.Errorf("drawing %s: %w", name, err)
		}
		line.Color, line.Width = colour(i), vg.Points(1.8)
		f.plot.Add(line)
		f.plot.Legend.Add(d.Name, line)
	}
	f.plot.X.Min, f.plot.X.Max = 0, deepest
	f.plot.X.Tick.Marker = nines{}
	logAxis(&f.plot.Y, y.low, y.headroom(len(distributions)), microsTicks{})
	return f, nil
}

// percentilePoints walks down the nines in twenty steps each.
func percentilePoints(h *results.Histogram) plotter.XYs {
	if h == nil || h.TotalCount() < fewestBeyond {
		return nil
	}
	last := math.Log10(float64(h.TotalCount()) / fewestBeyond)
	var points plotter.XYs
	const steps = 20
	for i := 0; ; i++ {
		x := min(float64(i)/steps, last)
		v := h.ValueAtPercentile(100 * (1 - math.Pow(10, -x)))
		points = append(points, plotter.XY{X: x, Y: math.Max(1, float64(v))})
		if x == last {
			return points
		}
	}
}

// binsPerDecade is the number of equal steps on a logarithmic axis that a histogram has.
const binsPerDecade = 20

// Histogram draws how often each response time occurred, as the share of the requests in
// each twentieth of a decade.
func Histogram(name, title string, distributions []Distribution) (*Figure, error) {
	f := newFigure(name, title, "response time", "share of the requests, %")
	f.Reads = "The height over a time is the share of the requests that took about that long. A second hump is a second way of being slow: a queue, a lock, a delayed acknowledgement."
	var x extent
	highest := 0.0
	for i, d := range distributions {
		steps := histogramSteps(d.Hist)
		if len(steps) == 0 {
			continue
		}
		for _, p := range steps {
			x.see(p.X)
			highest = max(highest, p.Y)
		}
		line, err := plotter.NewLine(steps)
		if err != nil {
			return nil, fmt.Errorf("drawing %s: %w", name, err)
		}
		line.Color, line.Width = colour(i), vg.Points(1.6)
		f.plot.Add(line)
		f.plot.Legend.Add(d.Name, line)
	}
	logAxis(&f.plot.X, x.low, x.high, microsTicks{})
	f.plot.Y.Min, f.plot.Y.Max = 0, max(highest*1.3, 1)
	f.plot.Y.Tick.Marker = wholeTicks{}
	return f, nil
}

// histogramSteps are the corners of a histogram's outline.
func histogramSteps(h *results.Histogram) plotter.XYs {
	if h == nil || h.TotalCount() == 0 {
		return nil
	}
	shares := map[int]float64{}
	first, last := math.MaxInt, math.MinInt
	for _, bar := range h.Distribution() {
		if bar.Count == 0 {
			continue
		}
		bin := int(math.Floor(math.Log10(math.Max(1, float64(bar.From+bar.To)/2)) * binsPerDecade))
		shares[bin] += 100 * float64(bar.Count) / float64(h.TotalCount())
		first, last = min(first, bin), max(last, bin)
	}
	edge := func(bin int) float64 { return math.Pow(10, float64(bin)/binsPerDecade) }
	points := plotter.XYs{{X: edge(first), Y: 0}}
	for bin := first; bin <= last; bin++ {
		points = append(points, plotter.XY{X: edge(bin), Y: shares[bin]}, plotter.XY{X: edge(bin + 1), Y: shares[bin]})
	}
	return append(points, plotter.XY{X: edge(last + 1), Y: 0})
}

// nines labels an axis of −log10(1−q).
type nines struct{}

func (nines) Ticks(_, high float64) []plot.Tick {
	ticks := []plot.Tick{{Value: 0, Label: "0 %"}, {Value: -math.Log10(0.5), Label: "50 %"}, {Value: -math.Log10(0.25), Label: "75 %"}}
	text := "9"
	for x := 1.0; x <= high+1e-9; x++ {
		label := text + "0 %"
		if x == 2 {
			label = "99 %"
		} else if x > 2 {
			label = "99." + text[2:] + " %"
		}
		ticks = append(ticks, plot.Tick{Value: x, Label: label})
		text += "9"
	}
	return ticks
}

// Curve is a line over rates.
type Curve struct {
	Name   string
	Dashed bool
	Colour int // curves of one topology share a colour
	Points []Point
}

// Point is a value at a place.
type Point struct{ X, Y float64 }

// LatencyByRate draws latency against the offered rate, both logarithmic.
func LatencyByRate(name, title string, curves []Curve) (*Figure, error) {
	f := newFigure(name, title, "offered rate, requests per second", "response time")
	f.Reads = "Each curve bends upward where its topology cannot follow the offered rate: from there the time waited in queues is all there is to see. Solid: 99 % of the requests are answered within; dashed: half of them."
	var x, y extent
	for _, c := range curves {
		if len(c.Points) == 0 {
			continue
		}
		var xys plotter.XYs
		for _, p := range c.Points {
			x.see(p.X)
			y.see(p.Y)
			xys = append(xys, plotter.XY{X: p.X, Y: max(p.Y, 1)})
		}
		line, points, err := plotter.NewLinePoints(xys)
		if err != nil {
			return nil, fmt.Errorf("drawing %s: %w", name, err)
		}
		line.Color, line.Width, line.Dashes = colour(c.Colour), vg.Points(1.6), dashes(c.Dashed)
		points.Color, points.Shape, points.Radius = colour(c.Colour), shape(c.Colour), vg.Points(3)
		f.plot.Add(line, points)
		f.plot.Legend.Add(c.Name, line, points)
	}
	logAxis(&f.plot.X, x.low, x.high, countTicks{})
	logAxis(&f.plot.Y, y.low, y.headroom(len(curves)), microsTicks{})
	return f, nil
}

// Interval is a value with its interval, in a row of its own.
type Interval struct {
	Row              string
	Group            int // topology: its colour and shape
	Value, Low, High float64
	LowerBound       bool // the true value lies above
}

// Intervals draws values with their intervals, one row each, on a logarithmic axis.
func Intervals(name, title, unit string, rows []Interval) (*Figure, error) {
	f := newFigure(name, title, unit, "")
	f.Reads = "Dot: estimate. Bar: the interval that holds the true value with 95 %. An arrow marks a lower bound: the generator, not the server, was the limit."
	var x extent
	labels := make([]string, len(rows))
	for i, row := range rows {
		at := float64(len(rows) - 1 - i)
		labels[len(rows)-1-i] = row.Row
		x.see(row.Low)
		x.see(row.High)
		x.see(row.Value)
		bar, err := plotter.NewLine(plotter.XYs{{X: row.Low, Y: at}, {X: row.High, Y: at}})
		if err != nil {
			return nil, fmt.Errorf("drawing %s: %w", name, err)
		}
		bar.Color, bar.Width = colour(row.Group), vg.Points(4)
		dot, err := plotter.NewScatter(plotter.XYs{{X: row.Value, Y: at}})
		if err != nil {
			return nil, fmt.Errorf("drawing %s: %w", name, err)
		}
		dot.Color, dot.Shape, dot.Radius = colour(row.Group), shape(row.Group), vg.Points(4)
		f.plot.Add(bar, dot)
		if row.LowerBound {
			arrow, err := plotter.NewLabels(plotter.XYLabels{XYs: plotter.XYs{{X: row.High, Y: at}}, Labels: []string{" ≥"}})
			if err != nil {
				return nil, fmt.Errorf("drawing %s: %w", name, err)
			}
			arrow.Offset = vg.Point{X: vg.Points(6), Y: -vg.Points(4)}
			f.plot.Add(arrow)
		}
	}
	f.plot.NominalY(labels...)
	f.plot.Y.Min, f.plot.Y.Max = -0.7, float64(len(rows))-0.3
	f.plot.Y.Width = 0
	logAxis(&f.plot.X, x.low, x.high, countTicks{})
	f.height = vg.Length(3.5+0.62*float64(len(rows))) * vg.Centimeter
	return f, nil
}

// outsideLegend moves the legend to the right edge, below the title, where bars that start
// at the left leave room.
func (f *Figure) outsideLegend() {
	f.plot.Legend.Left = false
	f.plot.Legend.XOffs = -vg.Points(8)
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

// Stacks draws bars side by side, each a sum of named parts.
func Stacks(name, title, unit string, stacks []Stack, parts []string) (*Figure, error) {
	f := newFigure(name, title, "", unit)
	f.Reads = "The height of a bar is the sum; its colours are the tiers."
	labels := make([]string, len(stacks))
	for i, s := range stacks {
		labels[i] = s.Name
	}
	var below *plotter.BarChart
	highest := 0.0
	for i, part := range parts {
		values := make(plotter.Values, len(stacks))
		for j, s := range stacks {
			for _, p := range s.Parts {
				if p.Name == part {
					values[j] += p.Value
				}
			}
		}
		bars, err := plotter.NewBarChart(values, 2*vg.Centimeter)
		if err != nil {
			return nil, fmt.Errorf("drawing %s: %w", name, err)
		}
		bars.Color, bars.LineStyle.Width = colour(i+1), 0
		if below != nil {
			bars.StackOn(below)
		}
		below = bars
		f.plot.Add(bars)
		f.plot.Legend.Add(part+"  ", bars) // room before the swatch, which is on the right here
	}
	for _, s := range stacks {
		sum := 0.0
		for _, p := range s.Parts {
			sum += p.Value
		}
		highest = max(highest, sum)
	}
	f.plot.NominalX(labels...)
	f.plot.X.Min, f.plot.X.Max = -0.6, float64(len(stacks))-0.4
	// Room above the highest bar for the legend.
	f.plot.Y.Min, f.plot.Y.Max = 0, max(highest*1.35, 1e-9)
	f.outsideLegend()
	return f, nil
}

// OverTime draws values against the time since the start of the run.
func OverTime(name, title string, curves []Curve) (*Figure, error) {
	f := newFigure(name, title, "time since the start of the run, seconds", "response time")
	f.Reads = "Each point is a second of one cell. A slope or a step that all topologies share is the machine's doing; the blocks are there to cancel it."
	var y extent
	last := 0.0
	for _, c := range curves {
		var xys plotter.XYs
		for _, p := range c.Points {
			y.see(p.Y)
			last = max(last, p.X)
			xys = append(xys, plotter.XY{X: p.X, Y: max(p.Y, 1)})
		}
		if len(xys) == 0 {
			continue
		}
		points, err := plotter.NewScatter(xys)
		if err != nil {
			return nil, fmt.Errorf("drawing %s: %w", name, err)
		}
		points.Color, points.Shape, points.Radius = colour(c.Colour), shape(c.Colour), vg.Points(2.6)
		if c.Dashed {
			points.Shape = draw.RingGlyph{}
		}
		f.plot.Add(points)
		f.plot.Legend.Add(c.Name, points)
	}
	f.plot.X.Min, f.plot.X.Max = 0, max(last*1.02, 1)
	f.plot.X.Tick.Marker = wholeTicks{}
	logAxis(&f.plot.Y, y.low, y.headroom(len(curves)), microsTicks{})
	return f, nil
}

// Trail is one quantity's values in a sequence.
type Trail struct {
	Name   string
	Values []float64
	Limit  float64 // what matters; drawn as a dashed line; zero draws none
}

// Trails draws sequences of relative changes, in percent, against their number, around a line
// at zero.
func Trails(name, title, x string, trails []Trail) (*Figure, error) {
	f := newFigure(name, title, x, "change, %")
	f.Reads = "Each point is one pair of fresh boots: how much more head cost than base. Points around zero are luck; points on one side are a difference. The dashed lines are the changes that matter."
	longest, high := 1, 6.0
	for i, t := range trails {
		var xys plotter.XYs
		for n, v := range t.Values {
			// What lies far outside is drawn at the edge: one wild pair must not flatten all others.
			v = max(-50, min(50, v))
			high = max(high, math.Abs(v))
			xys = append(xys, plotter.XY{X: float64(n + 1), Y: v})
		}
		longest = max(longest, len(t.Values))
		if len(xys) == 0 {
			continue
		}
		if err := f.points(t.Name, i, xys); err != nil {
			return nil, err
		}
		if t.Limit > 0 {
			limit, err := plotter.NewLine(plotter.XYs{{X: 0, Y: t.Limit}, {X: float64(longest) + 1, Y: t.Limit}})
			if err != nil {
				return nil, fmt.Errorf("drawing %s: %w", name, err)
			}
			limit.Color, limit.Dashes = colour(i), dashes(true)
			f.plot.Add(limit)
		}
	}
	zero, err := plotter.NewLine(plotter.XYs{{X: 0, Y: 0}, {X: float64(longest) + 1, Y: 0}})
	if err != nil {
		return nil, fmt.Errorf("drawing %s: %w", name, err)
	}
	f.plot.Add(zero)
	f.plot.X.Min, f.plot.X.Max = 0, float64(longest)+1
	f.plot.X.Tick.Marker = wholeTicks{}
	f.plot.Y.Min, f.plot.Y.Max = -high*1.1, high*(1.15+0.16*float64(len(trails)))
	step := 5.0
	if high > 20 {
		step = 10
	}
	var ticks plot.ConstantTicks
	for v := -math.Floor(-f.plot.Y.Min/step) * step; v <= f.plot.Y.Max; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprintf("%+.0f", v)})
	}
	f.plot.Y.Tick.Marker = ticks
	return f, nil
}
