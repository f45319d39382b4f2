package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"bench/loadgen"
	"bench/reports/page"
	"bench/results"
)

func printLoad(s *shell, r loadResult, asJSON bool) error {
	if asJSON {
		return s.json(r)
	}
	_, err := io.WriteString(s.out, r.text())
	return err
}

func (r loadResult) text() string {
	var out strings.Builder
	load := "closed loop"
	if r.Pacer != "" {
		load = "open loop, " + r.Pacer
	}
	fmt.Fprintf(&out, "%s: %.1f requests per second (%s, %s engine, grade %s)\n",
		r.Target, r.Rate.Achieved, load, r.Engine, r.Grade)
	rows := []timeRow{
		{"response", r.Response}, {"service", r.Service}, {"lateness", r.Lateness},
		{"first byte", r.TTFB}, {"connect", r.Connect}, {"wake-up", r.Wakeup},
	}
	if len(r.Targets) > 1 {
		for _, name := range slices.Sorted(maps.Keys(r.Targets)) {
			rows = append(rows, timeRow{"response of " + name, r.Targets[name].Response})
		}
	}
	writeTimes(&out, rows)
	c := r.Counts
	fmt.Fprintf(&out, "intended %d = ok %d + http_error %d + bad_body %d + connect_error %d + reset %d + timeout %d"+
		" + dropped %d + in_flight %d\n",
		c.Intended, c.OK, c.HTTPError, c.BadBody, c.ConnectError, c.Reset, c.Timeout, c.Dropped, c.InFlight)
	fmt.Fprintln(&out, statusText(r.Statuses))
	fmt.Fprintf(&out, "connections %d, requests per connection %.1f, stale retries %d\n",
		r.Connections.Opened, r.Connections.PerConn, c.StaleRetry)
	fmt.Fprintln(&out, r.Generator)
	for _, slow := range r.Slow {
		fmt.Fprintln(&out, slow)
	}
	for _, o := range r.SLO {
		fmt.Fprintln(&out, objectiveLine(o))
	}
	for _, d := range r.Diagnostics {
		fmt.Fprintf(&out, "%s: %s\n", d.Code, d.Sentences())
	}
	return out.String()
}

// timeRow is one row of the table of times.
type timeRow struct {
	name string
	results.Summary
}

func writeTimes(out io.Writer, rows []timeRow) {
	us := func(v int64) time.Duration { return time.Duration(v) * time.Microsecond }
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tcount\tmin\tmean\tp50\tp90\tp99\tp99.9\tmax\t")
	for _, row := range rows {
		fmt.Fprintf(w, "%s\t%d\t%v\t%v\t%v\t%v\t%v\t%v\t%v\t\n", row.name, row.Count, us(row.Min), us(int64(row.Mean)),
			us(row.P50), us(row.P90), us(row.P99), us(row.P999), us(row.Max))
	}
	_ = w.Flush() // into a string: cannot fail
}

func statusText(statuses map[int]uint64) string {
	var parts []string
	for _, code := range slices.Sorted(maps.Keys(statuses)) {
		parts = append(parts, fmt.Sprintf("%d: %d", code, statuses[code]))
	}
	if parts == nil {
		return "no complete response"
	}
	return "status codes " + strings.Join(parts, ", ")
}

// String is the generator's own figures in a line.
func (g loadGenerator) String() string {
	text := fmt.Sprintf("generator: %.1f µs of CPU per request", g.CPUPerRequest)
	if g.Timer != "" {
		threads := "1 thread"
		if g.Threads != 1 {
			threads = fmt.Sprintf("%d threads", g.Threads)
		}
		text += fmt.Sprintf(", %s, timer %s", threads, g.Timer)
	}
	if g.Margin > 0 {
		text += fmt.Sprintf(", generator margin %.1f× (one thread can send %.0f requests per second)",
			g.Margin, g.Calibration.Ceiling)
	}
	return text
}

// objectiveLine is an objective with what was measured, and whether it was met.
func objectiveLine(o results.Judged) string {
	verdict := o.Verdict
	if verdict != results.Met {
		verdict = strings.ToUpper(verdict)
	}
	return fmt.Sprintf("%s: %s (%s)", o.Objective, verdict, page.Judged(o))
}

// liveText is the line of progress while a load runs.
func liveText(p loadgen.Plan, l loadgen.Live) string {
	return fmt.Sprintf("%v of %v: %d ok, %d failed, last second p50 %v, p99 %v",
		l.Elapsed.Round(time.Second), p.Duration, l.Counts.OK, l.Counts.Failed(), l.P50, l.P99)
}

// writeHistograms writes the file of --hdr.
func (o loadOptions) writeHistograms(m loadgen.Measurement) error {
	if o.hdr == "" {
		return nil
	}
	log, err := results.EncodeHlog(m.Intervals)
	if err != nil {
		return err
	}
	return results.WriteFile(o.hdr, log)
}
