package stats

import (
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// MeanAbove is the mean of some values, and whether Student's one-sided test shows it to be above
// zero at level alpha. Fewer than three values show nothing.
func MeanAbove(values []float64, alpha float64) (mean float64, shown bool) {
	if len(values) < 3 {
		return 0, false
	}
	mean, sd := stat.MeanStdDev(values, nil)
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(len(values) - 1)}.Quantile(1 - alpha)
	return mean, mean > t*stat.StdErr(sd, float64(len(values)))
}
