package plot

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// microsTicks labels a logarithmic axis of microseconds in units that people use.
type microsTicks struct{}

func (microsTicks) Ticks(low, high float64) []plot.Tick {
	return logTicks(low, high, 2e3, func(v float64) string {
		switch {
		case v < 1e3:
			return thousands(v) + " µs"
		case v < 1e6:
			return thousands(v/1e3) + " ms"
		}
		return thousands(v/1e6) + " s"
	})
}

// countTicks labels a logarithmic axis of numbers.
type countTicks struct{}

func (countTicks) Ticks(low, high float64) []plot.Tick {
	return logTicks(low, high, 500, thousands)
}

// logTicks puts marks at 1 to 9 times the powers of ten, and labels at 1, 2 and 5, or at the powers
// alone if the axis spans too much for more.
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

// logAxis makes an axis logarithmic, from one step of 1, 2, 5 to another around the values.
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

// extent keeps the smallest and the largest of the values it has seen.
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

// wholeTicks labels a linear axis at whole seconds or percents.
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

// ninesTicks labels an axis of nines.
type ninesTicks struct{}

func (ninesTicks) Ticks(_, high float64) []plot.Tick {
	ticks := []plot.Tick{
		{Value: 0, Label: "0 %"}, {Value: -math.Log10(0.5), Label: "50 %"}, {Value: -math.Log10(0.25), Label: "75 %"},
	}
	text := "9"
	for x := 1.0; x <= high+1e-9; x++ {
		label := text + "0 %"
		if x == 2 {
			label = "99 %"
		} else if x > 2 {
			label = "99." + text[2:] + " %"
		}
		ticks = append(ticks, plot.Tick{Value: x, Label: label})
		text += "9"
	}
	return ticks
}

// countedTicks labels whole numbers, no more than are easily read.
type countedTicks struct{}

func (countedTicks) Ticks(_, high float64) (ticks []plot.Tick) {
	step := math.Max(1, math.Ceil(high/12))
	for v := 0.0; v <= high; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprintf("%.0f", v)})
	}
	return ticks
}

// evenTicks labels a linear axis from 0 at even steps of 1, 2 or 5 times a power of ten.
type evenTicks struct{}

func (evenTicks) Ticks(_, high float64) (ticks []plot.Tick) {
	const most = 6
	step := stepUp(high / most)
	for i := 0.0; i*step <= high; i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: strconv.FormatFloat(i*step, 'g', 6, 64)})
	}
	return ticks
}
