package plot

import (
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Column is a stretch of time in a heat map: the share of its requests in each bin of the response time, in
// percent, and two of its percentiles.
type Column struct {
	At     float64         // its start, in seconds
	Shares map[int]float64 // by bin, see HeatBin
	P50    float64         // in microseconds; 0: too few requests
	P99    float64
}

// heatBins is the number of bins per decade of a heat map.
const heatBins = 8

// HeatBin is the bin of a heat map that a response time belongs to.
func HeatBin(us float64) int { return int(math.Floor(math.Log10(max(us, 1)) * heatBins)) }

// edge is the lower edge of a bin, in microseconds.
func edge(bin int) float64 { return math.Pow(10, float64(bin)/heatBins) }

// Heat shows how response times are distributed in each column of time, which are width seconds wide.
func Heat(name, title, x string, group int, width float64, columns []Column) Figure {
	f := Figure{
		Name: name, Title: title, Kind: kindHeat,
		X: Axis{Label: x, Unit: "s", Scale: Linear, Step: width},
		Y: Axis{Label: responseTime, Unit: "µs", Scale: Log, Step: edge(1)},
		Reads: "Each column is a stretch of time; the darker a field, the more of its requests took about that long. " +
			"The solid line is the 99th percentile, the dashed one the median. Two bands are two ways to respond; " +
			"a gap with a plume above it is a stop, and the queue that it left.",
	}
	shares := Series{Name: heatSeries, Group: group}
	half, tail := Series{Name: "p50", Group: group, Dashed: true}, Series{Name: "p99", Group: group}
	for _, c := range columns {
		low, high := math.MaxInt, math.MinInt
		for bin := range c.Shares {
			low, high = min(low, bin), max(high, bin)
		}
		for bin := low; bin <= high && len(c.Shares) > 0; bin++ {
			if share := c.Shares[bin]; share > 0 {
				shares.Points = append(shares.Points, Point{X: c.At, Y: edge(bin), Value: share})
			}
		}
		if c.P50 > 0 {
			half.Points = append(half.Points, Point{X: c.At + width/2, Y: c.P50})
			tail.Points = append(tail.Points, Point{X: c.At + width/2, Y: c.P99})
		}
	}
	f.Series = []Series{shares, tail, half}
	return f
}

// heatSeries is the name of the series of a heat map that is drawn as fields.
const heatSeries = "share of the requests"

func (d *drawing) heat() error {
	var x, y extent
	for _, s := range d.Series {
		for _, p := range s.Points {
			x.high = max(x.high, p.X+d.X.Step)
			y.see(p.Y)
			if s.Name == heatSeries {
				y.see(p.Y * d.Y.Step)
			}
		}
	}
	d.plot.X.Min, d.plot.X.Max = 0, max(x.high, 1)
	d.plot.X.Tick.Marker = wholeTicks{}
	logAxis(&d.plot.Y, y.low, y.high, microsTicks{})
	for _, s := range d.Series {
		if s.Name == heatSeries {
			d.plot.Add(fields{s.Points, d.X.Step, d.Y.Step, d.colour(s.Group)})
			continue
		}
		if len(s.Points) == 0 {
			continue
		}
		line, err := d.line(s.xys(1), s.Group, 1.4, s.Dashed)
		if err != nil {
			return err
		}
		line.Color = color.Black // on its own colour it would not show
		d.key(s.Name, line)
	}
	return d.rules()
}

// fields are the fields of a heat map. They are drawn as one image: as shapes, they would be most of a page.
type fields struct {
	points        []Point
	width, height float64 // of a field; its height as a ratio
	colour        color.RGBA
}

// finest bounds the image's size in fields, in both directions.
const finest = 400

// Plot is part of plot.Plotter.
func (f fields) Plot(c draw.Canvas, p *plot.Plot) {
	if len(f.points) == 0 || f.width <= 0 {
		return
	}
	var y extent
	last, most := 0.0, 0.0
	for _, q := range f.points {
		y.see(q.Y)
		last, most = max(last, q.X+f.width), max(most, q.Value)
	}
	columns := min(finest, int(math.Ceil(last/f.width-1e-9)))
	row := func(v float64) int { return int(math.Round(math.Log(v/y.low) / math.Log(f.height))) }
	rows := min(finest, row(y.high)+1)
	const grain = 8 // pixels of a field: an image is smoothed where it is enlarged
	img := image.NewRGBA(image.Rect(0, 0, columns*grain, rows*grain))
	for _, q := range f.points {
		column, above := int(math.Round(q.X/f.width)), rows-1-row(q.Y)
		if column >= columns || above < 0 {
			continue
		}
		shade := tint(f.colour, math.Sqrt(q.Value/most))
		for i := range grain * grain {
			img.SetRGBA(column*grain+i%grain, above*grain+i/grain, shade)
		}
	}
	tx, ty := p.Transforms(&c)
	c.DrawImage(vg.Rectangle{
		Min: vg.Point{X: tx(0), Y: ty(y.low)},
		Max: vg.Point{X: tx(float64(columns) * f.width), Y: ty(y.low * math.Pow(f.height, float64(rows)))},
	}, img)
}

// tint mixes a colour with white: 0 is white, 1 the colour.
func tint(c color.RGBA, share float64) color.RGBA {
	mix := func(v uint8) uint8 { return uint8(255 - (255-float64(v))*(0.08+0.92*share)) }
	return color.RGBA{mix(c.R), mix(c.G), mix(c.B), 0xff}
}
