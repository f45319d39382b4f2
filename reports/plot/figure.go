// Package plot draws the figures of a report with gonum/plot, as SVG and PNG. It gets
// numbers that are ready to be drawn and computes none that anyone should rely on.
package plot

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"strconv"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Figure is a drawing with its size.
type Figure struct {
	Name   string // file name without its ending
	Title  string
	Reads  string // how to read it, in words
	plot   *plot.Plot
	width  vg.Length
	height vg.Length
}

// palette is Okabe and Ito's, which people with any colour vision can tell apart (Okabe
// and Ito, Color Universal Design, 2008). Shapes and dashes tell the lines apart as well.
var palette = []color.RGBA{
	{0xd5, 0x5e, 0x00, 0xff}, {0x00, 0x72, 0xb2, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xcc, 0x79, 0xa7, 0xff},
	{0xe6, 0x9f, 0x00, 0xff}, {0x56, 0xb4, 0xe9, 0xff}, {0x33, 0x33, 0x33, 0xff},
}

var shapes = []draw.GlyphDrawer{
	draw.CircleGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.PyramidGlyph{}, draw.CrossGlyph{}, draw.PlusGlyph{}, draw.RingGlyph{},
}

func colour(i int) color.RGBA      { return palette[i%len(palette)] }
func shape(i int) draw.GlyphDrawer { return shapes[i%len(shapes)] }
func dashes(on bool) []vg.Length {
	if !on {
		return nil
	}
	return []vg.Length{vg.Points(4), vg.Points(3)}
}

// margin keeps labels at the edge of a figure whole.
const margin = vg.Length(0.35) * vg.Centimeter

func newFigure(name, title, x, y string) *Figure {
	p := plot.New()
	for _, style := range []*draw.TextStyle{
		&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle,
	} {
		style.Font.Variant = "Sans"
	}
	p.Title.Text = title
	p.Title.Padding = vg.Points(8)
	p.Title.TextStyle.Font.Size = vg.Points(13)
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.X.Label.Padding, p.Y.Label.Padding = vg.Points(4), vg.Points(4)
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.Padding = vg.Points(2)
	p.Legend.XOffs, p.Legend.YOffs = vg.Points(8), -vg.Points(4)
	p.BackgroundColor = color.White
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{0xe4}, color.Gray{0xe4}
	p.Add(grid)
	return &Figure{Name: name, Title: title, plot: p, width: 17 * vg.Centimeter, height: 10 * vg.Centimeter}
}

// SVG returns the figure as scalable vector graphics.
func (f *Figure) SVG() ([]byte, error) {
	canvas := vgsvg.New(f.width, f.height)
	f.draw(draw.New(canvas))
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("drawing %s: %w", f.Name, err)
	}
	return out.Bytes(), nil
}

// PNG returns the figure as an image of twice the screen's usual resolution.
func (f *Figure) PNG() ([]byte, error) {
	canvas := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(f.width, f.height), vgimg.UseDPI(144))}
	f.draw(draw.New(canvas))
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("drawing %s: %w", f.Name, err)
	}
	return out.Bytes(), nil
}

func (f *Figure) draw(c draw.Canvas) {
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	f.plot.Draw(draw.Crop(c, margin, -margin, margin, -margin))
}

// microsTicks labels a logarithmic axis of microseconds in units that people use.
type microsTicks struct{}

func (microsTicks) Ticks(low, high float64) []plot.Tick {
	return logTicks(low, high, 2e3, func(v float64) string {
		return time.Duration(math.Round(v * 1e3)).String()
	})
}

// countTicks labels a logarithmic axis of numbers.
type countTicks struct{}

func (countTicks) Ticks(low, high float64) []plot.Tick {
	return logTicks(low, high, 500, thousands)
}

// logTicks puts marks at 1…9 times the powers of ten and labels at 1, 2 and 5, or at the
// powers alone where the axis spans more than there is room for.
func logTicks(low, high, room float64, label func(float64) string) []plot.Tick {
	var ticks []plot.Tick
	if !(low > 0) || math.IsInf(high, 0) {
		return nil
	}
	wide := high/low > room
	for decade := math.Pow(10, math.Floor(math.Log10(low))); decade <= high; decade *= 10 {
		for i := 1.0; i < 10; i++ {
			v := decade * i
			if v < low*0.999 || v > high*1.001 {
				continue
			}
			tick := plot.Tick{Value: v}
			if i == 1 || !wide && (i == 2 || i == 5) {
				tick.Label = label(v)
			}
			ticks = append(ticks, tick)
		}
	}
	return ticks
}

func thousands(v float64) string {
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if v < 1000 || v != math.Trunc(v) {
		return text
	}
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// logAxis makes an axis logarithmic over whole steps of 1, 2, 5 around the values.
func logAxis(axis *plot.Axis, low, high float64, ticks plot.Ticker) {
	axis.Scale, axis.Tick.Marker = plot.LogScale{}, ticks
	if !(low > 0) || !(high > 0) {
		low, high = 1, 10
	}
	axis.Min, axis.Max = stepDown(low), stepUp(high)
	if axis.Min == axis.Max {
		axis.Max *= 2
	}
}

func stepDown(v float64) float64 {
	decade := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{5, 2} {
		if v >= decade*m {
			return decade * m
		}
	}
	return decade
}

func stepUp(v float64) float64 {
	decade := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if v <= decade*m {
			return decade * m
		}
	}
	return decade * 10
}

// extent keeps the least and the greatest of the values it has seen.
type extent struct{ low, high float64 }

func (e *extent) see(v float64) {
	if v <= 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	if e.low == 0 || v < e.low {
		e.low = v
	}
	e.high = max(e.high, v)
}

// headroom raises the upper end of a logarithmic axis so that a legend of so many lines
// fits above the highest value.
func (e extent) headroom(lines int) float64 {
	if e.low <= 0 || e.high <= e.low {
		return e.high * 10
	}
	share := min(0.5, 0.062*float64(lines)) // of the axis: more lines than that lie over the curves
	return e.high * math.Pow(max(e.high/e.low, 10), share/(1-share))
}

// wholeTicks labels a linear axis at whole steps: of seconds, or of percent.
type wholeTicks struct{}

func (wholeTicks) Ticks(_, high float64) []plot.Tick {
	step := 1.0
	for _, s := range []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600} {
		if step = s; high/step <= 8 {
			break
		}
	}
	var ticks []plot.Tick
	for v := 0.0; v <= high; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: thousands(v)})
	}
	return ticks
}
