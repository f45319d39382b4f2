package plot

import (
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// The drawers of searches for a capacity, and of capacities by configuration.

func (d *drawing) searches() error {
	d.searchAxes()
	for _, s := range d.Series {
		if s.Span != nil {
			bottom, top := d.plot.Y.Min, d.plot.Y.Max
			low, high := s.Span.Low, s.Span.High
			corners := plotter.XYs{{X: low, Y: bottom}, {X: high, Y: bottom}, {X: high, Y: top}, {X: low, Y: top}}
			if err := d.shade(corners, s.Group); err != nil {
				return err
			}
		}
		if len(s.Points) == 0 {
			continue
		}
		points, err := d.scatter(s.xys(1), s.Group, false)
		if err != nil {
			return err
		}
		d.key(s.Name, points)
	}
	return d.limit()
}

// limit draws the limit of the Y axis, if it has one.
func (d *drawing) limit() error {
	at := d.Y.Limit
	if at <= 0 {
		return nil
	}
	line, err := d.rule(plotter.XY{X: d.plot.X.Min, Y: at}, plotter.XY{X: d.plot.X.Max, Y: at}, 1.4, true)
	if err != nil {
		return err
	}
	d.key("limit", line)
	return nil
}

func (d *drawing) searchAxes() {
	var x, y extent
	if d.Y.Limit > 0 {
		y.see(d.Y.Limit)
	}
	for _, s := range d.Series {
		for _, p := range s.Points {
			x.see(p.X)
			y.see(max(p.Y, 1))
		}
	}
	if x.high == 0 {
		x.see(1)
		y.see(1)
	}
	logAxis(&d.plot.X, x.low, x.high, countTicks{})
	logAxis(&d.plot.Y, y.low, y.high, microsTicks{})
}

func (d *drawing) bySize() error {
	highest, last := 0.0, 1.0
	for _, s := range d.Series {
		for _, p := range s.Points {
			highest, last = max(highest, p.High), max(last, p.X)
		}
		if len(s.Points) == 0 {
			continue
		}
		sized := d.measuredBySize
		if s.Name == predictedSeries {
			sized = d.modelBySize
		}
		if err := sized(s); err != nil {
			return err
		}
	}
	d.plot.X.Min, d.plot.X.Max = 0, last*1.06
	d.plot.Y.Min, d.plot.Y.Max = 0, max(highest*1.05, 1e-9)
	d.plot.X.Tick.Marker = countedTicks{}
	return nil
}

func (d *drawing) modelBySize(s Series) error {
	var outline plotter.XYs
	for _, p := range s.Points {
		outline = append(outline, plotter.XY{X: p.X, Y: p.Low})
	}
	for i := len(s.Points) - 1; i >= 0; i-- {
		outline = append(outline, plotter.XY{X: s.Points[i].X, Y: s.Points[i].High})
	}
	if err := d.shade(outline, s.Group); err != nil {
		return err
	}
	line, err := d.line(s.xys(0), s.Group, 1.6, s.Dashed)
	if err != nil {
		return err
	}
	d.key(s.Name, line)
	return nil
}

func (d *drawing) measuredBySize(s Series) error {
	for _, p := range s.Points {
		if _, err := d.line(plotter.XYs{{X: p.X, Y: p.Low}, {X: p.X, Y: p.High}}, s.Group, 1.6, false); err != nil {
			return err
		}
	}
	points, err := d.scatter(s.xys(0), s.Group, s.Name == heldOutSeries)
	if err != nil {
		return err
	}
	points.Shape = shape(0, s.Name == heldOutSeries)
	points.Radius = vg.Points(4)
	d.key(s.Name, points)
	return nil
}
