package plot

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Search is the trials of one size and where its greatest rate was found to lie.
type Search struct {
	Name      string
	Trials    []Point // rate, microseconds
	Low, High float64 // 0 draws none
}

// Searches draws the latency of trials against their rates, with a limit in microseconds (0:
// none) and the intervals that were found.
func Searches(name, title, y string, searches []Search, limit float64) (*Figure, error) {
	f := newFigure(name, title, "offered rate, requests per second", y)
	f.Reads = "Each point is a trial. The dashed line is the limit; the shaded interval of a size is where its greatest rate lies that keeps it."
	var xs, ys extent
	if limit > 0 {
		ys.see(limit)
	}
	for _, s := range searches {
		for _, p := range s.Trials {
			xs.see(p.X)
			ys.see(max(p.Y, 1))
		}
	}
	if xs.high == 0 {
		xs.see(1)
		ys.see(1)
	}
	top := ys.headroom(len(searches))
	logAxis(&f.plot.X, xs.low, xs.high, countTicks{})
	logAxis(&f.plot.Y, ys.low, top, microsTicks{})
	for i, s := range searches {
		if s.Low > 0 && s.High > 0 {
			corners := plotter.XYs{{X: s.Low, Y: f.plot.Y.Min}, {X: s.High, Y: f.plot.Y.Min}, {X: s.High, Y: f.plot.Y.Max}, {X: s.Low, Y: f.plot.Y.Max}}
			if err := f.shade(corners, i); err != nil {
				return nil, err
			}
		}
		var xys plotter.XYs
		for _, p := range s.Trials {
			xys = append(xys, plotter.XY{X: p.X, Y: max(p.Y, 1)})
		}
		if len(xys) == 0 {
			continue
		}
		if err := f.points(s.Name, i, xys); err != nil {
			return nil, err
		}
	}
	if limit > 0 {
		line, err := plotter.NewLine(plotter.XYs{{X: f.plot.X.Min, Y: limit}, {X: f.plot.X.Max, Y: limit}})
		if err != nil {
			return nil, fmt.Errorf("drawing %s: %w", name, err)
		}
		line.Dashes, line.Width = dashes(true), vg.Points(1.4)
		f.plot.Add(line)
		f.plot.Legend.Add("the limit", line)
	}
	return f, nil
}

// points draws a series of them, and names it in the legend.
func (f *Figure) points(series string, i int, xys plotter.XYs) error {
	points, err := plotter.NewScatter(xys)
	if err != nil {
		return fmt.Errorf("drawing %s: %w", f.Name, err)
	}
	points.Color, points.Shape, points.Radius = colour(i), shape(i), vg.Points(3)
	f.plot.Add(points)
	f.plot.Legend.Add(series, points)
	return nil
}

// shade fills an area with a colour that lets the rest through.
func (f *Figure) shade(outline plotter.XYs, i int) error {
	area, err := plotter.NewPolygon(outline)
	if err != nil {
		return fmt.Errorf("drawing %s: %w", f.Name, err)
	}
	shade := colour(i)
	shade.A = 0x38
	area.Color, area.LineStyle.Width = color.NRGBA(shade), 0
	f.plot.Add(area)
	return nil
}

// Sized is a value of one size, with its interval.
type Sized struct {
	Size             float64
	Value, Low, High float64
}

// BySize draws measured values with their intervals against a size, over what a model says.
func BySize(name, title, x, y string, measured, unseen, model []Sized) (*Figure, error) {
	f := newFigure(name, title, x, y)
	f.Reads = "Points: measured, with their intervals; rings: measured after they had been predicted. The line is the model, the shade its 90 % interval."
	highest, last := 0.0, 1.0
	if len(model) > 0 {
		var line, low, high plotter.XYs
		for _, m := range model {
			line, low, high = append(line, plotter.XY{X: m.Size, Y: m.Value}), append(low, plotter.XY{X: m.Size, Y: m.Low}), append(high, plotter.XY{X: m.Size, Y: m.High})
			highest, last = max(highest, m.High), max(last, m.Size)
		}
		outline := append(plotter.XYs{}, low...)
		for i := len(high) - 1; i >= 0; i-- {
			outline = append(outline, high[i])
		}
		if err := f.shade(outline, 1); err != nil {
			return nil, err
		}
		middle, err := plotter.NewLine(line)
		if err != nil {
			return nil, fmt.Errorf("drawing %s: %w", name, err)
		}
		middle.Color, middle.Width, middle.Dashes = colour(1), vg.Points(1.6), dashes(true)
		f.plot.Add(middle)
		f.plot.Legend.Add("model", middle)
	}
	for i, points := range [][]Sized{measured, unseen} {
		if len(points) == 0 {
			continue
		}
		var xys plotter.XYs
		for _, p := range points {
			xys = append(xys, plotter.XY{X: p.Size, Y: p.Value})
			highest, last = max(highest, p.High), max(last, p.Size)
			bar, err := plotter.NewLine(plotter.XYs{{X: p.Size, Y: p.Low}, {X: p.Size, Y: p.High}})
			if err != nil {
				return nil, fmt.Errorf("drawing %s: %w", name, err)
			}
			bar.Color, bar.Width = colour(0), vg.Points(1.6)
			f.plot.Add(bar)
		}
		scatter, err := plotter.NewScatter(xys)
		if err != nil {
			return nil, fmt.Errorf("drawing %s: %w", name, err)
		}
		scatter.Color, scatter.Radius, scatter.Shape = colour(0), vg.Points(4), draw.CircleGlyph{}
		label := "measured"
		if i == 1 {
			scatter.Shape, label = draw.RingGlyph{}, "measured, after the prediction"
		}
		f.plot.Add(scatter)
		f.plot.Legend.Add(label, scatter)
	}
	f.plot.X.Min, f.plot.X.Max = 0, last*1.06
	f.plot.Y.Min, f.plot.Y.Max = 0, max(highest*1.3, 1e-9)
	f.plot.X.Tick.Marker = countedTicks{}
	return f, nil
}

// countedTicks labels whole numbers, as many as are easily read.
type countedTicks struct{}

func (countedTicks) Ticks(_, high float64) (ticks []plot.Tick) {
	step := math.Max(1, math.Ceil(high/12))
	for v := 0.0; v <= high; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprintf("%.0f", v)})
	}
	return ticks
}
