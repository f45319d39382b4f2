package plot

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// scale maps the values of an axis to places from 0 to 1.
type scale struct {
	low, high   float64
	logarithmic bool
	times       bool // of microseconds, logarithmic
}

func (s scale) place(v float64) float64 {
	low, high := s.low, s.high
	if s.logarithmic {
		v, low, high = math.Log(max(v, s.low)), math.Log(low), math.Log(high)
	}
	if high <= low {
		return 0
	}
	return min(1, max(0, (v-low)/(high-low)))
}

func (s scale) ticks() (labelled []plot.Tick) {
	all := signedTicks(s.low, s.high, max(-s.low, s.high))
	switch {
	case s.times:
		all = microsTicks{}.Ticks(s.low, s.high)
	case s.logarithmic:
		all = countTicks{}.Ticks(s.low, s.high)
	}
	for _, t := range all {
		if t.Label != "" {
			labelled = append(labelled, t)
		}
	}
	return labelled
}

// intervalScale is the scale of a figure of intervals: logarithmic for rates, and around zero for
// changes.
func (f Figure) intervalScale() scale {
	var e extent
	least, most := 0.0, 0.0
	for _, s := range f.Series {
		for _, p := range s.Points {
			for _, v := range []float64{p.X, p.Low, p.High} {
				e.see(v)
				least, most = min(least, v), max(most, v)
			}
		}
	}
	if f.X.Scale == Log {
		if e.low == 0 {
			return scale{low: 1, high: 10, logarithmic: true}
		}
		low, high := stepDown(e.low), stepUp(e.high)
		if low == high {
			high *= 2
		}
		return scale{low, high, true, f.X.Unit == "µs"}
	}
	least, most = min(least, -f.X.Limit), max(most, f.X.Limit)
	step := stepUp(max(most-least, 1) / 8)
	return scale{low: math.Floor(least/step) * step, high: math.Ceil(most/step) * step}
}

// signedTicks are the marks of a linear axis around zero, at steps of 1, 2 or 5 times a power of ten.
func signedTicks(low, top, high float64) (ticks []plot.Tick) {
	const most = 4 // to either side of zero
	step := stepUp(high / most)
	for i := math.Ceil(low/step) + 0; i*step <= top; i++ { // + 0, as -0 is written with its sign
		label := strconv.FormatFloat(i*step, 'f', -1, 64)
		if i > 0 {
			label = "+" + label
		}
		ticks = append(ticks, plot.Tick{Value: i * step, Label: label})
	}
	return ticks
}
