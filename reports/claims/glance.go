package claims

import (
	"fmt"
	"slices"

	"bench/reports/page"
	"bench/reports/plot"
	"bench/results"
)

// What the first screen shows beside the answer.

// named are the names of the claims with a verdict.
func (r *Report) named(verdict string) (names []string) {
	for _, c := range r.Claims {
		if c.Verdict == verdict {
			names = append(names, c.Name)
		}
	}
	return names
}

// tiles are the verdicts, each with its claims.
func (r *Report) tiles() (tiles []page.Tile) {
	const most = 3
	for _, verdict := range results.ClaimVerdicts() {
		names := r.named(verdict)
		tile := page.Tile{Name: words[verdict], Value: fmt.Sprint(len(names))}
		if more := len(names) - most; more > 0 {
			names = append(slices.Clone(names[:most]), fmt.Sprintf("%d more", more))
		}
		tile.Note = page.List(names)
		tiles = append(tiles, tile)
	}
	return tiles
}

// mostGlanced is the number of claims that a first screen has room for.
const mostGlanced = 8

// glance shows the first ratio of each of the first claims.
func (r *Report) glance() plot.Figure {
	var rows []string
	var points plot.Series
	for _, c := range r.Claims {
		at := slices.IndexFunc(c.Predictions, Prediction.ratio)
		if at < 0 || len(rows) == mostGlanced {
			continue
		}
		e := c.Predictions[at].Effect
		points.Points = append(points.Points, plot.Point{X: e.Value, Y: float64(len(rows)), Low: e.Low, High: e.High})
		rows = append(rows, c.Name+": "+c.Predictions[at].Measure)
	}
	if len(rows) == 0 {
		return plot.Figure{}
	}
	return plot.Ratios("glance", "The first ratio that each claim predicts, as measured", "ratio of the two topologies",
		rows, []plot.Series{points})
}
