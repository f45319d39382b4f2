package chromium

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"math"
	"slices"
)

// colours is the number of colours of a small picture.
const colours = 64

// Small is a picture with few of its colours, which makes that of a page a third as large. The others become the
// nearest of these.
func Small(picture []byte) ([]byte, error) {
	from, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, fmt.Errorf("making a picture smaller: %w", err)
	}
	times, area := map[color.RGBA]int{}, from.Bounds()
	at := func(x, y int) color.RGBA {
		c := color.RGBAModel.Convert(from.At(x, y)).(color.RGBA)
		return color.RGBA{coarse(c.R), coarse(c.G), coarse(c.B), 0xff}
	}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			times[at(x, y)]++
		}
	}
	palette := chosen(times)
	nearest := map[color.RGBA]uint8{}
	for c := range times {
		nearest[c] = uint8(palette.Index(c))
	}
	to := image.NewPaletted(area, palette)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			to.SetColorIndex(x, y, nearest[at(x, y)])
		}
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to)
	return out.Bytes(), err
}

// coarse is one of 64 shades: nobody tells finer ones apart.
func coarse(v uint8) uint8 { return v&^3 | v>>6 }

// chosen are the colours that would be missed most: one after the other, that which is far from those chosen
// before, and not rare.
func chosen(times map[color.RGBA]int) (palette color.Palette) {
	all := slices.SortedFunc(maps.Keys(times), func(a, b color.RGBA) int { return cmp.Compare(number(a), number(b)) })
	away := make([]float64, len(all)) // from the nearest colour of the palette
	for i := range away {
		away[i] = 1
	}
	for len(palette) < min(colours, len(all)) {
		next, most := 0, -1.0
		for i, c := range all {
			if missed := away[i] * math.Sqrt(float64(times[c])); missed > most {
				next, most = i, missed
			}
		}
		palette = append(palette, all[next])
		for i, c := range all {
			if d := distance(c, all[next]); len(palette) == 1 || d < away[i] {
				away[i] = d
			}
		}
	}
	return palette
}

// distance is the square of how far apart two colours are.
func distance(a, b color.RGBA) float64 {
	r, g, s := float64(a.R)-float64(b.R), float64(a.G)-float64(b.G), float64(a.B)-float64(b.B)
	return r*r + g*g + s*s
}

// number orders colours.
func number(c color.RGBA) int { return int(c.R)<<16 | int(c.G)<<8 | int(c.B) }
