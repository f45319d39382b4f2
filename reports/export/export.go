// Package export writes the measurements of a run in the formats of other tools, from its cells and
// their histograms.
package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"bench/internal/inert"
	"bench/results"
)

// Format is a form for other tools.
type Format struct {
	Name  string
	Says  string // what it is, for help
	Write func(io.Writer, *results.Run) error
}

// Formats is the table of all formats.
var Formats = []Format{
	{"csv", "a line per cell, for spreadsheets and data frames", CSV},
	{"hgrm", "percentiles of each load, for HdrHistogram's plotter", HGRM},
	{"benchstat", "Go benchmark lines, a line per cell", Benchstat},
	{"openmetrics", "gauges for Prometheus", OpenMetrics},
}

// measured is a cell that counts, with its response times.
type measured struct {
	*results.Cell
	times *results.Histogram
}

// cells are the cells that are measurements.
func cells(run *results.Run) (list []measured) {
	for _, c := range run.Cells {
		if c.Grade != results.Invalid {
			list = append(list, measured{c, results.Total(c.Counted(), results.Response)})
		}
	}
	return list
}

// percents are the percentiles that a line holds.
var percents = []float64{50, 90, 99, 99.9}

// CSV writes a line per cell, also of those that are not measurements, with their grade.
func CSV(w io.Writer, run *results.Run) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{ // errors are kept until Flush
		"index", "block", "topology", "scenario", "load", "mode", "offered_rate", "connections", "started", "duration_s",
		"grade", "intended", "ok", "failed", "throughput", "cpu_s", "pss_peak_bytes",
		"p50_us", "p90_us", "p99_us", "p99_9_us", "max_us",
	})
	for _, c := range run.Cells {
		h := results.Total(c.Counted(), results.Response)
		line := []string{
			fmt.Sprint(c.Index), fmt.Sprint(c.Block), field(c.Topology), field(c.Scenario), field(c.Load), c.Mode,
			number(c.Rate), fmt.Sprint(c.Connections), c.Started.UTC().Format("2006-01-02T15:04:05.000Z"), number(c.Duration),
			string(c.Grade), fmt.Sprint(c.Counts.Intended), fmt.Sprint(c.Counts.OK), fmt.Sprint(c.Counts.Failed()),
			number(c.Throughput()), number(results.TotalCPU(c.Usage).Seconds()), fmt.Sprint(results.PeakPSS(c.Usage)),
		}
		for _, us := range results.Percentiles(h, percents...) {
			line = append(line, fmt.Sprint(us))
		}
		_ = out.Write(append(line, fmt.Sprint(h.Max())))
	}
	out.Flush()
	return out.Error()
}

// field is a text as a cell of a spreadsheet, which must not take it for a formula.
func field(text string) string {
	text = inert.Line(text)
	if strings.ContainsAny(text[:min(1, len(text))], "=+-@") {
		return "'" + text
	}
	return text
}

func number(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.6g", v), ".0") }

// Benchstat writes a line of Go's benchmark format per cell, which benchstat compares.
func Benchstat(w io.Writer, run *results.Run) error {
	var out strings.Builder
	fmt.Fprintf(&out, "pkg: bench/%s\n", run.Manifest.Kind)
	if cpu := inert.Line(run.Manifest.Host.CPU); cpu != "" {
		fmt.Fprintf(&out, "cpu: %s\n", cpu)
	}
	for _, c := range cells(run) {
		q := results.Percentiles(c.times, 50, 99)
		fmt.Fprintf(&out, "Benchmark/topology=%s/scenario=%s/load=%s %d %.6g req/s %d p50-µs %d p99-µs",
			word(c.Topology), word(c.Scenario), word(c.Load), max(1, c.Counts.OK), c.Throughput(), q[0], q[1])
		if cpu := results.TotalCPU(c.Usage).Seconds(); cpu > 0 && c.Counts.OK > 0 {
			fmt.Fprintf(&out, " %.6g cpu-µs/req", cpu*1e6/float64(c.Counts.OK))
		}
		out.WriteString("\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// word is a text without spaces and slashes, which separate the parts of a benchmark's name.
func word(text string) string {
	return strings.Map(func(c rune) rune {
		if c == '/' || c == ' ' || c == '=' {
			return '-'
		}
		return c
	}, inert.Line(text))
}
