package page

import (
	"math"

	"bench/reports/plot"
	"bench/results"
)

// FewestSamples is the number of samples that must lie beyond a percentile for it to be shown: the
// curve stops where there are fewer. A second with fewer samples has no percentiles.
const FewestSamples = results.FewestBeyond

// PercentileCurve is the response time by percentile: it walks along the nines, in twenty steps each.
func PercentileCurve(h *results.Histogram) (points []plot.Point) {
	if h == nil || h.TotalCount() < FewestSamples {
		return nil
	}
	last := math.Log10(float64(h.TotalCount()) / FewestSamples)
	const steps = 20
	var percents []float64
	for i, x := 0, 0.0; x < last || i == 0; i++ {
		x = min(float64(i)/steps, last)
		points = append(points, plot.Point{X: x})
		percents = append(percents, 100*(1-math.Pow(10, -x)))
	}
	for i, us := range results.Percentiles(h, percents...) {
		points[i].Y = math.Max(1, float64(us))
	}
	return points
}

// binsPerDecade is the number of bins of a histogram per decade of its logarithmic axis.
const binsPerDecade = 20

// HistogramOutline is made of the corners of a histogram's outline: the share of the requests in each bin,
// in percent.
func HistogramOutline(h *results.Histogram) []plot.Point {
	if h == nil || h.TotalCount() == 0 {
		return nil
	}
	shares := map[int]float64{}
	first, last := math.MaxInt, math.MinInt
	for _, bar := range h.Distribution() {
		if bar.Count == 0 {
			continue
		}
		middle := math.Max(1, float64(bar.From+bar.To)/2)
		bin := int(math.Floor(math.Log10(middle) * binsPerDecade))
		shares[bin] += 100 * float64(bar.Count) / float64(h.TotalCount())
		first, last = min(first, bin), max(last, bin)
	}
	edge := func(bin int) float64 { return math.Pow(10, float64(bin)/binsPerDecade) }
	points := []plot.Point{{X: edge(first)}}
	for bin := first; bin <= last; bin++ {
		points = append(points, plot.Point{X: edge(bin), Y: shares[bin]}, plot.Point{X: edge(bin + 1), Y: shares[bin]})
	}
	return append(points, plot.Point{X: edge(last + 1)})
}
