package stats

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Welch is the method of Independent.
const Welch = "ratio of geometric means, Welch's t interval on logarithms"

// Independent estimates other/base from values that are not paired, such as those of two runs (Welch 1947).
// Values that are not positive are left out. A single value on either side leaves the ratio without an
// interval.
func Independent(base, other []float64) Interval {
	b, o := logarithms(base), logarithms(other)
	if len(b) == 0 || len(o) == 0 {
		return Interval{Method: NoInterval}
	}
	i := Interval{N: min(len(b), len(o)), Method: NoInterval}
	value := stat.Mean(o, nil) - stat.Mean(b, nil)
	i.Value = exp(value)
	i.Low, i.High = i.Value, i.Value
	if i.N < 2 {
		return i
	}
	nb, no := float64(len(b)), float64(len(o))
	vb, vo := stat.Variance(b, nil)/nb, stat.Variance(o, nil)/no
	i.Method, i.Confidence = Welch, Level
	if vb+vo == 0 {
		return i
	}
	freedom := (vb + vo) * (vb + vo) / (vb*vb/(nb-1) + vo*vo/(no-1))
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: freedom}.Quantile(1 - (1-Level)/2)
	half := t * math.Sqrt(vb+vo)
	i.Low, i.High = exp(value-half), exp(value+half)
	return i
}

func logarithms(values []float64) (logs []float64) {
	for _, v := range values {
		if v > 0 && !math.IsInf(v, 1) {
			logs = append(logs, math.Log(v))
		}
	}
	return logs
}
