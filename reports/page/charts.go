package page

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"

	"bench/internal/inert"
	"bench/reports/plot"
)

// chart is the form of a figure that the page's script draws: the same values as in report.json, in
// columns and with five significant digits, which are more than a screen can show.
type chart struct {
	Name   string      `json:"name"`
	Kind   string      `json:"kind"`
	X      plot.Axis   `json:"x"`
	Y      plot.Axis   `json:"y"`
	Series []chartLine `json:"series"`

	Tiers    bool        `json:"tiers,omitempty"`
	Rules    []chartRule `json:"rules,omitempty"`
	Happened []string    `json:"happened,omitempty"` // the labels of the rules, by their numbers
}

// chartRule is a vertical line with the number of what happened there.
type chartRule struct {
	X      rounded `json:"x"`
	Number int     `json:"number"`
}

type chartLine struct {
	Name   string     `json:"name"`
	Group  int        `json:"group"`
	Dashed bool       `json:"dashed,omitempty"`
	Limit  float64    `json:"limit,omitempty"`
	Span   *plot.Span `json:"span,omitempty"`
	Xs     []rounded  `json:"xs"`
	Ys     []rounded  `json:"ys"`
	Lows   []rounded  `json:"lows,omitempty"`
	Highs  []rounded  `json:"highs,omitempty"`
	Values []rounded  `json:"values,omitempty"` // of the fields of a heat map
}

// rounded is a number that is written with five significant digits.
type rounded float64

// MarshalJSON is part of json.Marshaler.
func (r rounded) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(r), 'g', 5, 64), nil
}

// encodeCharts encodes the figures that are not laid out as rows, as JSON that is safe within a script
// element: <, > and & are escaped.
func encodeCharts(figures []plot.Figure) ([]byte, error) {
	charts := []chart{}
	for _, f := range figures {
		if f.Rowed() {
			continue
		}
		c := chart{Name: f.Name, Kind: f.Kind, X: f.X, Y: f.Y, Series: []chartLine{}, Tiers: f.Tiers}
		labels, numbers := f.Numbered()
		for i, r := range f.Rules {
			c.Rules = append(c.Rules, chartRule{rounded(r.X), numbers[i]})
		}
		c.Happened = labels
		for _, s := range f.Series {
			c.Series = append(c.Series, newChartLine(s))
		}
		charts = append(charts, c)
	}
	encoded, err := json.Marshal(charts)
	return inert.JSON(encoded), err
}

func newChartLine(s plot.Series) chartLine {
	line := chartLine{Name: s.Name, Group: s.Group, Dashed: s.Dashed, Limit: s.Limit, Span: s.Span,
		Xs: []rounded{}, Ys: []rounded{}}
	ranges := false
	for _, p := range s.Points {
		line.Xs, line.Ys = append(line.Xs, rounded(p.X)), append(line.Ys, rounded(p.Y))
		line.Lows, line.Highs = append(line.Lows, rounded(p.Low)), append(line.Highs, rounded(p.High))
		if p.Value != 0 {
			line.Values = append(line.Values, rounded(p.Value))
		}
		ranges = ranges || p.Low != 0 || p.High != 0
	}
	if !ranges {
		line.Lows, line.Highs = nil, nil
	}
	return line
}

// pageRow is a row of a figure with its numbers as texts.
type pageRow struct {
	plot.Row
	Value string
	Range string // its interval
}

type pageRows struct {
	Rows  []pageRow
	Marks []plot.Mark
	Parts []plot.RowPart // of a figure of stacks: the key to its colours
	// Effects are the key to the colours of a waterfall.
	Effects []plot.RowPart
}

// rowsOf lays a figure out as rows; nothing if it is of another kind.
func rowsOf(f plot.Figure) (out pageRows) {
	rows, marks := f.Rows()
	out.Marks = marks
	axis := cmp.Or(f.X.Unit, f.Y.Unit)
	seen := map[string]bool{}
	for _, r := range rows {
		row := pageRow{Row: r, Value: quantity(r.X, axis)}
		switch {
		case r.Bar != nil:
			row.Value, row.Range = r.Label, ""
		case axis == "%" && len(r.Parts) > 0:
			row.Value = Percent(r.X / 100)
		case r.AtLeast:
			row.Value = "≥ " + row.Value
		case r.Low < r.High:
			row.Range = between(quantity(r.Low, axis), quantity(r.High, axis))
		}
		out.Rows = append(out.Rows, row)
		if bar := r.Bar; bar != nil && !seen[bar.Name] {
			seen[bar.Name], out.Effects = true, append(out.Effects, *bar)
		}
		for _, p := range r.Parts {
			if !seen[p.Name] {
				seen[p.Name], out.Parts = true, append(out.Parts, p)
			}
		}
	}
	return out
}

// quantity writes a value in the unit of an axis.
func quantity(v float64, unit string) string {
	switch unit {
	case "ms":
		return Millis(v)
	case "µs":
		return Micros(int64(v))
	case "%":
		return fmt.Sprintf("%+.1f %%", v)
	case "×":
		return Factor(v)
	case "MiB":
		return Number(v) + " MiB"
	}
	return Number(v)
}
