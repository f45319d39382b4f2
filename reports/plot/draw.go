package plot

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// drawers is the table of the kinds of figures.
var drawers = map[string]func(*drawing) error{
	kindPercentiles: (*drawing).percentiles,
	kindHistogram:   (*drawing).histogram,
	kindByRate:      (*drawing).byRate,
	kindIntervals:   (*drawing).intervals,
	kindStacks:      (*drawing).stacks,
	kindOverTime:    (*drawing).overTime,
	kindChanges:     (*drawing).changes,
	kindSearches:    (*drawing).searches,
	kindBySize:      (*drawing).bySize,
	kindWaterfall:   (*drawing).waterfall,
	kindHeat:        (*drawing).heat,
}

// drawing is a figure that is being drawn.
type drawing struct {
	Figure
	plot          *plot.Plot
	legend        []entry
	width, height vg.Length
}

// SVG draws a figure as scalable vector graphics.
func SVG(f Figure) ([]byte, error) {
	svg, err := render(f, func(d *drawing) canvas { return vgsvg.New(d.width, d.height) })
	// An image fills its rectangle, as it does in PNG: otherwise it keeps the ratio of its pixels.
	return bytes.ReplaceAll(svg, []byte("<image "), []byte(`<image preserveAspectRatio="none" `)), err
}

// PNG draws a figure as an image at twice the usual screen resolution.
func PNG(f Figure) ([]byte, error) {
	return render(f, func(d *drawing) canvas {
		return vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(d.width, d.height), vgimg.UseDPI(144))}
	})
}

// DataURI is a figure's SVG as the source of an image in a page. As it is an image and not markup,
// nothing in it can run, whatever its labels hold.
func DataURI(f Figure) (string, error) {
	svg, err := SVG(f)
	if err != nil {
		return "", err
	}
	return "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(svg), nil
}

type canvas interface {
	vg.CanvasSizer
	io.WriterTo
}

func render(f Figure, on func(*drawing) canvas) ([]byte, error) {
	drawer, known := drawers[f.Kind]
	if !known {
		return nil, fmt.Errorf("drawing %s: %q is not a kind of figure", f.Name, f.Kind)
	}
	d := newDrawing(f)
	if err := drawer(d); err != nil {
		return nil, fmt.Errorf("drawing %s: %w", f.Name, err)
	}
	paper := on(d)
	area := draw.New(paper)
	area.SetColor(color.White)
	area.Fill(area.Rectangle.Path())
	d.plot.Draw(d.header(draw.Crop(area, margin, -margin, margin, -margin)))
	var out bytes.Buffer
	if _, err := paper.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("drawing %s: %w", f.Name, err)
	}
	return out.Bytes(), nil
}

// margin keeps labels at the edge of a figure from being cut off.
const margin = vg.Length(0.35) * vg.Centimeter

func newDrawing(f Figure) *drawing {
	p := plot.New()
	for _, style := range []*draw.TextStyle{&p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Font.Variant, style.Font.Size = "Sans", labelSize
	}
	p.X.Label.Text, p.Y.Label.Text = f.X.Label, f.Y.Label
	p.X.Label.Padding, p.Y.Label.Padding = vg.Points(4), vg.Points(4)
	p.BackgroundColor = color.White
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{0xe4}, color.Gray{0xe4}
	p.Add(grid)
	return &drawing{Figure: f, plot: p, width: 13 * vg.Centimeter, height: 8.5 * vg.Centimeter}
}

// shapes are those of a group's points: filled, and hollow for the less important series of the group.
var shapes = [][2]draw.GlyphDrawer{
	{draw.CircleGlyph{}, draw.RingGlyph{}}, {draw.BoxGlyph{}, draw.SquareGlyph{}},
	{draw.PyramidGlyph{}, draw.TriangleGlyph{}}, {draw.CrossGlyph{}, draw.CrossGlyph{}},
	{draw.PlusGlyph{}, draw.PlusGlyph{}},
}

func shape(i int, hollow bool) draw.GlyphDrawer {
	if hollow {
		return shapes[i%len(shapes)][1]
	}
	return shapes[i%len(shapes)][0]
}

// colour is that of a series of the figure.
func (d *drawing) colour(group int) color.RGBA {
	if d.Tiers {
		return of(Tiers, group)
	}
	return of(Arms, group)
}

func dashes(on bool) []vg.Length {
	if !on {
		return nil
	}
	return []vg.Length{vg.Points(4), vg.Points(3)}
}

// line draws a line through points, without an entry in the legend.
func (d *drawing) line(points plotter.XYs, group int, width float64, dashed bool) (*plotter.Line, error) {
	line, err := plotter.NewLine(points)
	if err != nil {
		return nil, err
	}
	line.Color, line.Width, line.Dashes = d.colour(group), vg.Points(width), dashes(dashed)
	d.plot.Add(line)
	return line, nil
}

// rule draws a black line.
func (d *drawing) rule(from, to plotter.XY, width float64, dashed bool) (*plotter.Line, error) {
	line, err := plotter.NewLine(plotter.XYs{from, to})
	if err != nil {
		return nil, err
	}
	line.Width, line.Dashes = vg.Points(width), dashes(dashed)
	d.plot.Add(line)
	return line, nil
}

// scatter draws a series of points, without an entry in the legend.
func (d *drawing) scatter(points plotter.XYs, group int, hollow bool) (*plotter.Scatter, error) {
	scatter, err := plotter.NewScatter(points)
	if err != nil {
		return nil, err
	}
	scatter.Color, scatter.Shape, scatter.Radius = d.colour(group), shape(group, hollow), vg.Points(3)
	d.plot.Add(scatter)
	return scatter, nil
}

// shade fills an area with a translucent colour.
func (d *drawing) shade(outline plotter.XYs, group int) error {
	area, err := plotter.NewPolygon(outline)
	if err != nil {
		return err
	}
	shade := d.colour(group)
	shade.A = 0x38
	area.Color, area.LineStyle.Width = color.NRGBA(shade), 0
	d.plot.Add(area)
	return nil
}

// xys are a series' points, raised to at least a value for logarithmic axes.
func (s Series) xys(least float64) (points plotter.XYs) {
	for _, p := range s.Points {
		points = append(points, plotter.XY{X: p.X, Y: max(p.Y, least)})
	}
	return points
}
