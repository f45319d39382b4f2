package stats

import "math"

// Interval is what is known of a quantity that cannot be negative: an estimate, and the two ends
// between which the true value lies with some confidence. The whole program uses this type for
// it, with the same keys in every JSON file.
//
// Unknowns are plain numbers too, by convention:
//
//   - N 0 and Value 0: nothing was measured.
//   - Confidence 0 and Low = High = Value: a single replicate, which has no interval.
//   - High 0 and Low > 0: one-sided; the true value is at least Low, and no upper end was found.
//   - Low 0 and High > 0: one-sided; the true value is at most High, and may be zero.
//
// Confidence is also 0 where two ends were found that have no probability, as in a search that
// stopped between two rates; Method then says how.
type Interval struct {
	Value      float64 `json:"value"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Confidence float64 `json:"confidence"`
	Method     string  `json:"method"`
	N          int     `json:"n"` // the independent replicates it rests on: blocks, pairs, boots
}

// Between is the interval of a quantity that was found to lie between two ends. Its value is their
// geometric mean, or the only end there is.
func Between(low, high float64, method string) Interval {
	i := Interval{Low: low, High: high, Method: method}
	switch {
	case low > 0 && high > 0:
		if i.Value = math.Sqrt(low * high); i.Value == 0 || math.IsInf(i.Value, 1) {
			i.Value = math.Sqrt(low) * math.Sqrt(high)
		}
	default:
		i.Value = max(low, high)
	}
	return i
}

// Measured reports whether the interval rests on any measurement.
func (i Interval) Measured() bool { return i.N > 0 }

// Known reports whether there is an interval, and not just a value.
func (i Interval) Known() bool { return i.Confidence > 0 }

// Contains reports whether a value lies within the ends.
func (i Interval) Contains(v float64) bool {
	return v >= i.Low && (v <= i.High || i.High == 0 && i.Low > 0)
}

// Direction reports on which side of 1 a ratio is shown to lie: above (1), below (-1), or neither (0).
func (i Interval) Direction() int {
	switch {
	case !i.Known():
		return 0
	case i.Low > 1:
		return 1
	case i.High < 1 && i.High > 0:
		return -1
	}
	return 0
}
