package page

import (
	"bench/reports/plot"
	"bench/results"
)

// mostColumns bounds the columns of a heat map: no more can be told apart on a screen.
const mostColumns = 120

// HeatColumns are the columns of a heat map of the response times in consecutive intervals, and their
// width in seconds. Where there are more intervals than a screen can show, several share a column.
func HeatColumns(intervals []results.Interval) (columns []plot.Column, width float64) {
	if len(intervals) == 0 {
		return nil, 0
	}
	width = intervals[0].Length.Seconds()
	if width <= 0 {
		return nil, 0
	}
	each := (len(intervals) + mostColumns - 1) / mostColumns
	for from := 0; from < len(intervals); from += each {
		h := results.Total(intervals[from:min(from+each, len(intervals))], results.Response)
		column := plot.Column{At: float64(from) * width, Shares: map[int]float64{}}
		for _, bar := range h.Distribution() {
			if bar.Count > 0 {
				share := 100 * float64(bar.Count) / float64(h.TotalCount())
				column.Shares[plot.HeatBin(float64(bar.From+bar.To)/2)] += share
			}
		}
		if h.TotalCount() >= FewestSamples {
			column.P50, column.P99 = float64(results.Percentile(h, 50)), float64(results.Percentile(h, 99))
		}
		columns = append(columns, column)
	}
	return columns, float64(each) * width
}
