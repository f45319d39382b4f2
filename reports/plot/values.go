package plot

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The drawers of values, of their parts, and of their changes.

// row is a point of a figure of intervals, with the group that its series belongs to.
type row struct {
	Point
	group int
}

func (d *drawing) intervals() error {
	var rows []row
	for _, s := range d.Series {
		for _, p := range s.Points {
			rows = append(rows, row{p, s.Group})
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.Y, b.Y) })
	for _, r := range rows {
		if err := d.interval(r, float64(len(d.Y.Names)-1)-r.Y); err != nil {
			return err
		}
	}
	labels := d.Y.Names
	d.nominal(labels)
	d.plot.Y.Min, d.plot.Y.Max = -0.7, float64(len(labels))-0.3
	d.plot.Y.Width = 0
	x := d.intervalScale()
	d.plot.X.Min, d.plot.X.Max = x.low, x.high
	d.plot.X.Tick.Marker = plot.ConstantTicks(x.ticks())
	switch {
	case x.times:
		logAxis(&d.plot.X, x.low, x.high, microsTicks{})
	case x.logarithmic:
		logAxis(&d.plot.X, x.low, x.high, countTicks{})
	}
	d.height = vg.Length(2.8+0.6*float64(len(labels))) * vg.Centimeter
	return nil
}

// nominal puts names on the Y axis, from the top.
func (d *drawing) nominal(names []string) {
	if len(names) == 0 {
		return // gonum's axis of names panics without any
	}
	labels := slices.Clone(names)
	slices.Reverse(labels)
	d.plot.NominalY(labels...)
}

func (d *drawing) interval(r row, at float64) error {
	if _, err := d.line(plotter.XYs{{X: r.Low, Y: at}, {X: r.High, Y: at}}, r.group, 4, false); err != nil {
		return err
	}
	dot, err := d.scatter(plotter.XYs{{X: r.X, Y: at}}, r.group, false)
	if err != nil {
		return err
	}
	dot.Shape = draw.CircleGlyph{} // an outline would not show on the bar
	if !r.AtLeast {
		return nil
	}
	arrow, err := plotter.NewLabels(plotter.XYLabels{XYs: plotter.XYs{{X: r.High, Y: at}}, Labels: []string{" ≥"}})
	if err != nil {
		return err
	}
	arrow.Offset = vg.Point{X: vg.Points(6), Y: -vg.Points(4)}
	d.plot.Add(arrow)
	return nil
}

func (d *drawing) stacks() error {
	var below *plotter.BarChart
	sums := make([]float64, len(d.X.Names))
	for _, s := range d.Series {
		values := make(plotter.Values, len(d.X.Names))
		for i, p := range s.Points {
			values[i] = p.Y
			sums[i] += p.Y
		}
		slices.Reverse(values) // from the bottom up
		bars, err := plotter.NewBarChart(values, 0.45*vg.Centimeter)
		if err != nil {
			return err
		}
		bars.Color, bars.LineStyle.Width, bars.Horizontal = of(Tiers, s.Group), 0, true
		if below != nil {
			bars.StackOn(below)
		}
		below = bars
		d.plot.Add(bars)
		d.key(s.Name, bars)
	}
	names := d.X.Names
	d.nominal(names)
	d.plot.Y.Min, d.plot.Y.Max, d.plot.Y.Width = -0.6, float64(len(names))-0.4, 0
	d.plot.X.Min, d.plot.X.Max = 0, max(slices.Max(append(sums, 0))*1.05, 1e-9)
	d.plot.X.Tick.Marker = evenTicks{}
	d.plot.X.Label.Text, d.plot.Y.Label.Text = d.Y.Label, ""
	d.height = vg.Length(3.4+0.75*float64(len(names))) * vg.Centimeter
	return nil
}

func (d *drawing) changes() error {
	longest, high := 1, 6.0
	for _, s := range d.Series {
		points := s.xys(math.Inf(-1))
		for i := range points {
			points[i].Y = max(-widest, min(widest, points[i].Y))
			high = max(high, math.Abs(points[i].Y))
		}
		longest = max(longest, len(points))
		if len(points) == 0 {
			continue
		}
		scatter, err := d.scatter(points, s.Group, false)
		if err != nil {
			return err
		}
		d.key(s.Name, scatter)
		if s.Limit > 0 {
			limit := plotter.XYs{{X: 0, Y: s.Limit}, {X: float64(longest) + 1, Y: s.Limit}}
			if _, err := d.line(limit, s.Group, 1, true); err != nil {
				return err
			}
		}
	}
	if _, err := d.rule(plotter.XY{}, plotter.XY{X: float64(longest) + 1}, 1, false); err != nil {
		return err
	}
	d.plot.X.Min, d.plot.X.Max = 0, float64(longest)+1
	d.plot.X.Tick.Marker = wholeTicks{}
	d.plot.Y.Min, d.plot.Y.Max = -high*1.1, high*1.1
	d.plot.Y.Tick.Marker = plot.ConstantTicks(signedTicks(d.plot.Y.Min, d.plot.Y.Max, high))
	return nil
}
