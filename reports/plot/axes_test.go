package plot

import (
	"slices"
	"testing"

	"bench/internal/proof"
)

// Rates from 50 to 100,000 are labelled at powers of ten alone: more labels would overlap.
func TestLongNumbersHaveRoom(t *testing.T) {
	var labels []string
	for _, tick := range (countTicks{}).Ticks(50, 100_000) {
		if tick.Label != "" {
			labels = append(labels, tick.Label)
		}
	}
	if want := []string{"100", "1,000", "10,000", "100,000"}; !slices.Equal(labels, want) {
		t.Errorf("labels %v; want %v", labels, want)
	}
}

func withRules(f Figure) Figure {
	f.Rules = []Rule{{X: 1, Label: "a restart"}, {X: 2, Label: "a restart"}, {X: 99, Label: "beyond the end"}}
	return f
}

// Every kind has a constructor and a drawer, and can draw a figure without data.
func TestEveryKindDraws(t *testing.T) {
	proof.WithoutRace(t)
	series := func(points ...Point) []Series { return []Series{{Name: "a", Points: points}} }
	some := []Point{{X: 1, Y: 2, Low: 1, High: 3}, {X: 2, Y: 4, Low: 3, High: 5}}
	kinds := map[string]bool{}
	for _, points := range [][]Point{nil, some} {
		for _, f := range []Figure{
			Percentiles("p", "P", series(points...)), Histogram("h", "H", series(points...)),
			ByRate("r", "R", series(points...)),
			Intervals("i", "I", "x", []string{"one", "two", "three"}, series(points...)), OverTime("o", "O", series(points...)),
			Stacks("s", "S", "y", "ms", []Stack{{"a", []Part{{"app", 1}}}, {"b", nil}}, []string{"app", "proxy"}),
			Changes("c", "C", "pair", "reads", series(points...)), Searches("e", "E", "p99", series(points...), 3),
			BySize("b", "B", "workers", "y", points, points, points),
			Waterfall("w", "W", "req/s", "req/s", []Fall{{Name: "a", To: 2}, {Name: "b", From: 2, To: 3, Low: 1, High: 4,
				Effect: Gain, Label: "1.50×"}}[:len(points)]),
			Heat("t", "T", "s", 1, 1, []Column{{0, map[int]float64{8: 90, 20: 10}, 1000, 2000}, {1, nil, 0, 0}}[:len(points)]),
			withRules(UseByTier("u", "U", "cores", "cores", series(points...))),
		} {
			kinds[f.Kind] = true
			svg, err := SVG(f)
			if err != nil || len(svg) < 1000 {
				t.Errorf("%s of %d points: %d bytes, %v", f.Kind, len(points), len(svg), err)
			}
			if png, err := PNG(f); err != nil || len(png) < 1000 {
				t.Errorf("%s of %d points as PNG: %d bytes, %v", f.Kind, len(points), len(png), err)
			}
		}
	}
	if len(kinds) != len(drawers) {
		t.Errorf("%d kinds have a constructor, %d a drawer", len(kinds), len(drawers))
	}
	if _, err := SVG(Figure{Name: "x", Kind: "pie"}); err == nil {
		t.Error("a figure of an unknown kind is drawn")
	}
}
