package export

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"bench/internal/inert"
	"bench/results"
)

// load is a topology under a load, over all cells.
type load struct {
	topology, scenario, load string
	times                    *results.Histogram
	counts                   results.Counts
	rate                     float64 // mean of the cells
	cells                    int
}

// loads are the loads of a run, in the order of their first cells.
func loads(run *results.Run) (list []*load) {
	at := map[[3]string]*load{}
	for _, c := range cells(run) {
		key := [3]string{c.Topology, c.Scenario, c.Load}
		l := at[key]
		if l == nil {
			l = &load{c.Topology, c.Scenario, c.Load, results.NewHistogram(), results.Counts{}, 0, 0}
			at[key], list = l, append(list, l)
		}
		l.times.Merge(c.times)
		l.counts = l.counts.Plus(c.Counts)
		l.rate += c.Throughput()
		l.cells++
	}
	for _, l := range list {
		l.rate /= float64(l.cells)
	}
	return list
}

// HGRM writes the percentiles of each load in the text format of HdrHistogram, in milliseconds. A line
// that begins with # says whose they are.
func HGRM(w io.Writer, run *results.Run) error {
	var out strings.Builder
	for _, l := range loads(run) {
		fmt.Fprintf(&out, "# %s %s %s\n", word(l.topology), word(l.scenario), word(l.load))
		l.percentiles(&out)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// percentiles writes five lines per halving of the distance to 100 %, as HdrHistogram does.
func (l *load) percentiles(out *strings.Builder) {
	out.WriteString("       Value     Percentile TotalCount 1/(1-Percentile)\n\n")
	total := l.times.TotalCount()
	const perHalf = 5
	for half := 1.0; half*float64(total) >= 1; half /= 2 { // the share beyond the percentile
		for step := range perHalf {
			beyond := half * (1 - float64(step)/(2*perHalf))
			us := results.Percentile(l.times, (1-beyond)*100)
			fmt.Fprintf(out, "%12.3f %2.12f %10d %14.2f\n",
				float64(us)/1e3, 1-beyond, int64((1-beyond)*float64(total)+0.5), 1/beyond)
		}
	}
	fmt.Fprintf(out, "%12.3f %2.12f %10d\n", float64(l.times.Max())/1e3, 1.0, total)
	fmt.Fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", l.times.Mean()/1e3, l.times.StdDev()/1e3)
	fmt.Fprintf(out, "#[Max     = %12.3f, Total count    = %12d]\n", float64(l.times.Max())/1e3, total)
}

// OpenMetrics writes gauges of each load. Percentiles of different loads must not be averaged.
func OpenMetrics(w io.Writer, run *results.Run) error {
	var out strings.Builder
	all := loads(run)
	family := func(name, unit, help string, values func(*load, func(labels string, v float64))) {
		fmt.Fprintf(&out, "# TYPE %s gauge\n", name)
		if unit != "" {
			fmt.Fprintf(&out, "# UNIT %s %s\n", name, unit)
		}
		fmt.Fprintf(&out, "# HELP %s %s\n", name, help)
		for _, l := range all {
			labels := fmt.Sprintf("topology=%s,scenario=%s,load=%s", quoted(l.topology), quoted(l.scenario), quoted(l.load))
			values(l, func(more string, v float64) {
				fmt.Fprintf(&out, "%s{%s%s} %s\n", name, labels, more, strconv.FormatFloat(v, 'g', 9, 64))
			})
		}
	}
	family("bench_throughput", "", "Successful responses per second, mean of the cells.",
		func(l *load, add func(string, float64)) { add("", l.rate) })
	family("bench_response_time_seconds", "seconds", "Response time by quantile, of all cells together.",
		func(l *load, add func(string, float64)) {
			for i, us := range results.Percentiles(l.times, percents...) {
				add(fmt.Sprintf(`,quantile="%s"`, strconv.FormatFloat(percents[i]/100, 'g', 6, 64)), float64(us)/1e6)
			}
		})
	family("bench_requests", "", "Requests that were due, by outcome.", func(l *load, add func(string, float64)) {
		add(`,outcome="ok"`, float64(l.counts.OK))
		add(`,outcome="failed"`, float64(l.counts.Failed()))
	})
	out.WriteString("# EOF\n")
	_, err := io.WriteString(w, out.String())
	return err
}

// quoted is a text as the value of a label.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(inert.Line(text)) + `"`
}
