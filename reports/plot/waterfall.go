package plot

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// FallEffect is what a step of a waterfall is shown to do. It decides the step's colour.
type FallEffect int

// The effects, in the order of their colours.
const (
	Level    FallEffect = iota // not a step: a bar from the edge of the figure
	Gain                       // the step is shown to rise
	Loss                       // the step is shown to fall
	NoEffect                   // neither is shown
)

// Effects are the names of the effects, in their order.
var effectNames = []string{"measured", "gain", "loss", "no effect that matters"}

// Fall is a row of a waterfall: a step from one value to another, or a value itself.
type Fall struct {
	Name      string
	From, To  float64
	Low, High float64 // the interval of To; 0: none
	Effect    FallEffect
	Label     string // beside the bar
}

// Waterfall shows how a value becomes another step by step, from the top. Its axis is logarithmic: equal
// lengths are equal ratios, and the lengths of all steps add up to that of the whole.
func Waterfall(name, title, x, unit string, rows []Fall) Figure {
	f := Figure{
		Name: name, Title: title, Kind: kindWaterfall,
		X: Axis{Label: x, Unit: unit, Scale: Log}, Y: Axis{Scale: Names},
		Reads: "Each bar is one step, from the value of the rung below to its own; the line through its end is the 95 % " +
			"confidence interval of the step. The axis is logarithmic: bars of equal length are equal ratios, and all " +
			"steps together are as long as the whole. A grey bar is a step of which no effect could be measured, or one of " +
			"less than 5 %.",
	}
	series := map[FallEffect]*Series{}
	for i, row := range rows {
		f.Y.Names = append(f.Y.Names, row.Name)
		if series[row.Effect] == nil {
			series[row.Effect] = &Series{Name: effectNames[row.Effect], Group: int(row.Effect)}
		}
		s := series[row.Effect]
		s.Points = append(s.Points, Point{
			X: row.To, Y: float64(i), Low: row.Low, High: row.High, From: row.From, Label: row.Label,
		})
	}
	for effect := range FallEffect(len(effectNames)) {
		if s := series[effect]; s != nil {
			f.Series = append(f.Series, *s)
		}
	}
	return f
}

// farther is how far beyond the levels of a waterfall its axis may reach, as a ratio.
const farther = 2

// fallScale is the axis of a waterfall.
func (f Figure) fallScale() scale {
	var e extent
	for _, s := range f.Series {
		for _, p := range s.Points {
			e.see(p.X)
			e.see(p.From)
		}
	}
	// An interval that is far wider than all steps may leave the figure: it would shrink them to nothing.
	low, high := e.low/farther, e.high*farther
	for _, s := range f.Series {
		for _, p := range s.Points {
			e.see(clipped(p.Low, low, high))
			e.see(clipped(p.High, low, high))
		}
	}
	if e.low == 0 {
		return scale{low: 1, high: 10, logarithmic: true}
	}
	low, high = stepDown(e.low*0.8), stepUp(e.high)
	return scale{low: low, high: high, logarithmic: true, times: f.X.Unit == "µs"}
}

// clipped is a value within two ends; 0 stays 0, as there is none.
func clipped(v, low, high float64) float64 {
	if v <= 0 {
		return 0
	}
	return min(max(v, low), high)
}

func (f Figure) fallRows() ([]Row, []Mark) {
	s := f.fallScale()
	rows := make([]Row, len(f.Y.Names))
	for i, name := range f.Y.Names {
		rows[i].Name = name
	}
	for _, series := range f.Series {
		for _, p := range series.Points {
			i := int(p.Y)
			if i < 0 || i >= len(rows) {
				continue
			}
			from := s.place(max(p.From, s.low))
			to := s.place(p.X)
			row := Row{Name: rows[i].Name, Group: series.Group, Point: p, At: to, From: s.place(p.Low), To: s.place(p.High)}
			row.Bar = &RowPart{Name: series.Name, Group: series.Group, Value: p.X, From: min(from, to), To: max(from, to)}
			rows[i] = row
		}
	}
	var marks []Mark
	for _, tick := range s.ticks() {
		marks = append(marks, Mark{s.place(tick.Value), tick.Label})
	}
	return rows, marks
}

// waterfall draws the bars from the top, with a thin line from the end of each to the next.
func (d *drawing) waterfall() error {
	d.nominal(d.Y.Names)
	count := float64(len(d.Y.Names))
	d.plot.Y.Min, d.plot.Y.Max, d.plot.Y.Width = -0.7, count-0.3, 0
	s := d.fallScale()
	logAxis(&d.plot.X, s.low, s.high, plot.ConstantTicks(countTicks{}.Ticks(s.low, s.high)))
	d.plot.X.Max = s.high * math.Pow(s.high/s.low, labelShare)
	d.height = vg.Length(3.2+0.65*count) * vg.Centimeter
	for _, series := range d.Series {
		for i, p := range series.Points {
			thumb, err := d.fall(p, series.Group, count-1-p.Y, s)
			if err != nil {
				return err
			}
			if i == 0 {
				d.key(series.Name, thumb)
			}
		}
	}
	return nil
}

func (d *drawing) fall(p Point, group int, at float64, s scale) (plot.Thumbnailer, error) {
	const half = 0.3
	from := max(p.From, s.low)
	bar, err := plotter.NewPolygon(plotter.XYs{
		{X: from, Y: at - half}, {X: p.X, Y: at - half}, {X: p.X, Y: at + half}, {X: from, Y: at + half},
	})
	if err != nil {
		return nil, err
	}
	bar.Color, bar.LineStyle.Width = of(Outcomes, group), 0
	d.plot.Add(bar)
	if p.High > p.Low {
		low, high := max(p.Low, s.low), min(p.High, s.high)
		if _, err := d.rule(plotter.XY{X: low, Y: at}, plotter.XY{X: high, Y: at}, 1.2, false); err != nil {
			return nil, err
		}
	}
	if at > 0 {
		down := plotter.XYs{{X: p.X, Y: at - half}, {X: p.X, Y: at - 1 + half}}
		line, err := plotter.NewLine(down)
		if err != nil {
			return nil, err
		}
		line.Width, line.Color = vg.Points(0.6), of(Outcomes, int(NoEffect))
		d.plot.Add(line)
	}
	return bar, d.beside(p, at, s)
}

// labelShare is the room for labels to the right of the axis, as a share of its length.
const labelShare = 0.6

// beside writes a bar's label into a column at the right, where nothing is drawn.
func (d *drawing) beside(p Point, at float64, s scale) error {
	if p.Label == "" {
		return nil
	}
	label, err := plotter.NewLabels(plotter.XYLabels{
		XYs: plotter.XYs{{X: s.high, Y: at}}, Labels: []string{p.Label},
	})
	if err != nil {
		return err
	}
	style := &label.TextStyle[0]
	style.Font.Variant, style.Font.Size, style.YAlign = "Sans", labelSize, draw.YCenter
	label.Offset = vg.Point{X: vg.Points(8)}
	d.plot.Add(label)
	return nil
}
