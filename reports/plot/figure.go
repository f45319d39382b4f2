// Package plot holds the figures of a report as values, plain numbers with their axes, and draws them
// as SVG and PNG with gonum/plot. Drawing computes nothing that anyone should rely on: report.json has
// the numbers as they are drawn.
package plot

// Figure is what a drawing shows. Its kind names a row in the table of drawers (draw.go).
type Figure struct {
	Name   string   `json:"name"` // of its files, without the extension
	Title  string   `json:"title"`
	Reads  string   `json:"reads"` // how to read it
	Kind   string   `json:"kind"`
	X      Axis     `json:"x"`
	Y      Axis     `json:"y"`
	Series []Series `json:"series"`
	// Tiers means that the series are tiers, which have colours of their own.
	Tiers bool `json:"tiers,omitempty"`
	// Rules are places on the X axis at which something happened, drawn as vertical lines.
	Rules []Rule `json:"rules,omitempty"`
}

// Rule is a place on the X axis with what happened there.
type Rule struct {
	X     float64 `json:"x"`
	Label string  `json:"label"`
}

// Axis is one axis of a figure.
type Axis struct {
	Label string `json:"label,omitempty"`
	Unit  string `json:"unit,omitempty"` // of the points' values: µs, req/s, s, %, MiB, ms
	Scale string `json:"scale"`
	// Names are the names of the places 0, 1, 2 … on an axis of names, from the left or the top.
	Names []string `json:"names,omitempty"`
	// Limit is a value that matters, drawn as a line; 0 draws none.
	Limit float64 `json:"limit,omitempty"`
	// Step is the size of a field of a heat map on this axis; on a logarithmic one, a ratio.
	Step float64 `json:"step,omitempty"`
}

// Scales of an axis.
const (
	Linear = "linear"
	Log    = "log"
	// Nines is −log10(1 − q) of a quantile q: 1 is 90 %, 2 is 99 %, 3 is 99.9 %.
	Nines = "nines"
	Names = "names"
)

// Series is one of the things that a figure compares.
type Series struct {
	Name   string  `json:"name"`
	Group  int     `json:"group"`            // series of one group share a colour and a shape
	Dashed bool    `json:"dashed,omitempty"` // the less important of two series in a group
	Points []Point `json:"points"`
	// Limit is a value on the Y axis that matters to this series alone; 0 draws none.
	Limit float64 `json:"limit,omitempty"`
	// Span is an interval on the X axis, shaded over the whole height.
	Span *Span `json:"span,omitempty"`
}

// Span is a range on an axis.
type Span struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Point is a value at a place, with the ends of its interval if it has one.
type Point struct {
	X    float64 `json:"x"`
	Y    float64 `json:"y"`
	Low  float64 `json:"low,omitempty"`
	High float64 `json:"high,omitempty"`
	// AtLeast marks a lower bound: the true value is higher.
	AtLeast bool `json:"at_least,omitempty"`
	// From is where a step of a waterfall begins; Label is written beside it.
	From  float64 `json:"from,omitempty"`
	Label string  `json:"label,omitempty"`
	// Value is that of a field of a heat map, in percent.
	Value float64 `json:"value,omitempty"`
}

// Sequence are values at the places 1, 2, 3 ….
func Sequence(values []float64) []Point {
	points := make([]Point, len(values))
	for i, v := range values {
		points[i] = Point{X: float64(i + 1), Y: v}
	}
	return points
}

// grouped puts every series into a group of its own.
func grouped(series []Series) []Series {
	for i := range series {
		series[i].Group = i
	}
	return series
}
