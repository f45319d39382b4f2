package plot

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The title and the legend stand above a figure, never on its data. Legends wrap into as many lines as
// they need.

// entry is an entry of a legend.
type entry struct {
	name   string
	thumbs []plot.Thumbnailer
}

// key adds an entry to the legend.
func (d *drawing) key(name string, thumbs ...plot.Thumbnailer) {
	d.legend = append(d.legend, entry{name, thumbs})
}

// Measures of a legend.
const (
	lineHeight = vg.Length(14)
	swatch     = vg.Length(16)
	gap        = vg.Length(5)
)

// header draws the title and the legend at the top of an area, and returns what is left of it.
func (d *drawing) header(area draw.Canvas) draw.Canvas {
	title := sans(titleSize)
	for title.Width(d.Title) > area.Size().X && title.Font.Size > labelSize*0.7 {
		title.Font.Size *= 0.95
	}
	at := vg.Point{X: area.Min.X, Y: area.Max.Y - lineHeight}
	area.FillText(title, at, d.Title)
	label := sans(labelSize)
	at.Y -= lineHeight + gap
	for _, e := range d.legend {
		width := swatch + gap + label.Width(e.name) + 2*gap
		if at.X > area.Min.X && at.X+width > area.Max.X {
			at = vg.Point{X: area.Min.X, Y: at.Y - lineHeight}
		}
		mark := area
		mark.Rectangle = vg.Rectangle{Min: at, Max: vg.Point{X: at.X + swatch, Y: at.Y + labelSize}}
		for _, thumb := range e.thumbs {
			thumb.Thumbnail(&mark)
		}
		area.FillText(label, vg.Point{X: at.X + swatch + gap, Y: at.Y + 1}, e.name)
		at.X += width
	}
	area.Max.Y = at.Y - gap
	if len(d.legend) == 0 {
		area.Max.Y += lineHeight
	}
	return area
}

// Sizes of text, which stay readable in a figure 400 pixels wide.
const (
	titleSize = vg.Length(11)
	labelSize = vg.Length(10)
)

// sans is a style of text.
func sans(size vg.Length) draw.TextStyle {
	f := font.From(plot.DefaultFont, size)
	f.Variant = "Sans"
	return draw.TextStyle{Color: color.Black, Font: f, Handler: text.Plain{Fonts: font.DefaultCache}}
}
