package plot

import (
	"math"
	"slices"

	"gonum.org/v1/plot/plotter"
)

// The drawers of response times.

// firstNine is where an axis of nines begins, at 50 %: the faster half of the requests is not where
// topologies differ in what matters.
var firstNine = -math.Log10(0.5)

func (d *drawing) percentiles() error {
	var y extent
	deepest := 1.0
	for _, s := range d.Series {
		if len(s.Points) > 0 {
			deepest = max(deepest, s.Points[len(s.Points)-1].X)
		}
	}
	for _, s := range d.Series {
		points := slices.DeleteFunc(s.xys(1), func(p plotter.XY) bool { return p.X < firstNine-1e-9 })
		if len(points) < 2 {
			continue
		}
		for _, p := range points {
			y.see(p.Y)
		}
		line, err := d.line(points, s.Group, 1.8, false)
		if err != nil {
			return err
		}
		d.key(s.Name, line)
	}
	d.plot.X.Min, d.plot.X.Max = firstNine, deepest
	d.plot.X.Tick.Marker = ninesTicks{}
	logAxis(&d.plot.Y, y.low, y.high, microsTicks{})
	return nil
}

func (d *drawing) histogram() error {
	var x extent
	highest := 0.0
	for _, s := range d.Series {
		points := s.xys(0)
		if len(points) == 0 {
			continue
		}
		for _, p := range points {
			x.see(p.X)
			highest = max(highest, p.Y)
		}
		line, err := d.line(points, s.Group, 1.6, false)
		if err != nil {
			return err
		}
		d.key(s.Name, line)
	}
	logAxis(&d.plot.X, x.low, x.high, microsTicks{})
	d.plot.Y.Min, d.plot.Y.Max = 0, max(highest*1.05, 1)
	d.plot.Y.Tick.Marker = wholeTicks{}
	return nil
}

func (d *drawing) byRate() error {
	var x, y extent
	y.see(d.Y.Limit)
	for _, s := range d.Series {
		if len(s.Points) == 0 {
			continue
		}
		for _, p := range s.Points {
			x.see(p.X)
			y.see(p.Y)
		}
		line, err := d.line(s.xys(1), s.Group, 1.6, s.Dashed)
		if err != nil {
			return err
		}
		points, err := d.scatter(s.xys(1), s.Group, s.Dashed)
		if err != nil {
			return err
		}
		d.key(s.Name, line, points)
	}
	logAxis(&d.plot.X, x.low, x.high, countTicks{})
	logAxis(&d.plot.Y, y.low, y.high, microsTicks{})
	return d.limit()
}

func (d *drawing) overTime() error {
	var y extent
	last, least := 0.0, 1.0
	if d.Y.Scale == Linear {
		least = 0
	}
	for _, s := range d.Series {
		if len(s.Points) == 0 {
			continue
		}
		for _, p := range s.Points {
			y.see(p.Y)
			last = max(last, p.X)
		}
		points, err := d.scatter(s.xys(least), s.Group, s.Dashed)
		if err != nil {
			return err
		}
		d.key(s.Name, points)
	}
	d.plot.X.Min, d.plot.X.Max = 0, max(last*1.02, 1)
	d.plot.X.Tick.Marker = wholeTicks{}
	if d.Y.Scale == Linear {
		d.plot.Y.Min, d.plot.Y.Max = 0, max(y.high*1.05, 1e-9)
		d.plot.Y.Tick.Marker = evenTicks{}
		return d.rules()
	}
	logAxis(&d.plot.Y, y.low, y.high, microsTicks{})
	return d.rules()
}
