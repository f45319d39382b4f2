package plot_test

import (
	"bytes"
	"fmt"

	"bench/reports/plot"
)

// A figure is a value: it can be stored as JSON and drawn by anyone.
func ExampleSVG() {
	f := plot.ByRate("latency-by-rate", "Response time by offered rate", []plot.Series{{
		Name: "uwsgi, p99", Points: []plot.Point{{X: 100, Y: 2000}, {X: 200, Y: 2400}, {X: 400, Y: 9000}},
	}})
	svg, err := plot.SVG(f)
	fmt.Println(f.Kind, f.Y.Unit, bytes.Contains(svg, []byte("Response time by offered rate")), err)
	// Output: by-rate µs true <nil>
}
