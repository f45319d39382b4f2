package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

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
	grade := string(r.Grade)
	if r.Status == results.Partial {
		grade += ", " + r.Status
	}
	fmt.Fprintf(&out, "%s: %s requests per second (%s, %s engine, grade %s)\n",
		r.Target, page.Number(r.Rate.Achieved), load, r.Engine, grade)
	rows := []timeRow{
		{"response", r.Response}, {"service", r.Service}, {"lateness", r.Lateness},
		{"first byte", r.TTFB}, {"connect", r.Connect}, {"wake-up", r.Wakeup},
	}
	writeTimes(&out, rows)
	c := r.Counts
	fmt.Fprintf(&out, "intended %d = ok %d + http_error %d + bad_body %d + connect_error %d + reset %d + timeout %d"+
		" + dropped %d + in_flight %d\n",
		c.Intended, c.OK, c.HTTPError, c.BadBody, c.ConnectError, c.Reset, c.Timeout, c.Dropped, c.InFlight)
	fmt.Fprintln(&out, statusText(r.Statuses))
	if len(r.Targets) > 1 {
		r.writeTargets(&out)
	}
	for _, reason := range r.Reasons {
		fmt.Fprintln(&out, r.reasonLine(reason))
	}
	fmt.Fprintf(&out, "connections %d, requests per connection %.1f, stale retries %d\n",
		r.Connections.Opened, r.Connections.PerConn, c.StaleRetry)
	fmt.Fprintln(&out, r.Generator)
	if len(r.Workers) > 0 {
		writeWorkers(&out, r.Workers)
	}
	for _, slow := range r.Slow {
		fmt.Fprintln(&out, slow)
	}
	if r.Impact != nil {
		for _, i := range r.Impact.Incidents {
			fmt.Fprintf(&out, "%s: lost %d, longest gap %s (before: %s), recovered: %s\n", i.Text, i.Lost, page.Gap(i.Gap),
				page.Gap(r.Impact.GapBefore), page.Recovered(i.Recovery))
		}
	}
	for _, o := range r.SLO {
		fmt.Fprintln(&out, objectiveLine(o))
	}
	for _, d := range r.Diagnostics {
		fmt.Fprintf(&out, "%s: %s: %s\n", d.Severity, d.Code, d.Sentences())
	}
	return out.String()
}

// timeRow is one row of the table of times.
type timeRow struct {
	name string
	results.Summary
}

func writeTimes(out io.Writer, rows []timeRow) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tcount\tmin\tmean\tp50\tp90\tp99\tp99.9\tmax\t")
	for _, row := range rows {
		us := page.Micros
		if row.Count == 0 {
			us = func(int64) string { return page.Unknown }
		}
		fmt.Fprintf(w, "%s\t%d\t%v\t%v\t%v\t%v\t%v\t%v\t%v\t\n", row.name, row.Count, us(row.Min), us(int64(row.Mean)),
			us(row.P50), us(row.P90), us(row.P99), us(row.P999), us(row.Max))
	}
	_ = w.Flush() // into a string: cannot fail
}

// writeTargets writes a table of the targets: their requests, response times and status codes.
func (r loadResult) writeTargets(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "target\tintended\tok\tfailed\tdropped\tp50\tp99\tmax\t  status codes")
	for _, name := range slices.Sorted(maps.Keys(r.Targets)) {
		t := r.Targets[name]
		c := t.Counts
		p50, p99, most := page.Unknown, page.Unknown, page.Unknown
		if t.Response.Count > 0 {
			p50, p99, most = page.Micros(t.Response.P50), page.Micros(t.Response.P99), page.Micros(t.Response.Max)
		}
		codes, _ := strings.CutPrefix(statusText(t.Statuses), "status codes ")
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t  %s\n", name, c.Intended, c.OK, c.Failed()-c.Dropped-c.InFlight,
			c.Dropped, p50, p99, most, codes)
	}
	_ = w.Flush() // into a string: cannot fail
}

// reasonLine is a reason as a line; one of all responses says so.
func (r loadResult) reasonLine(reason results.Reason) string {
	if reason.Count == r.Counts.Sent && reason.Count > 1 {
		return "all " + reason.String()
	}
	return reason.String()
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

// objectiveLine is an objective with what was measured, and by how much it was missed.
func objectiveLine(o results.Judged) string {
	verdict, value := o.Verdict, page.Judged(o)
	if verdict != results.Met {
		verdict = strings.ToUpper(verdict)
	}
	limit, err := results.ParseObjective(o.Objective)
	if err == nil && o.Verdict == results.Missed && o.Value != nil {
		value += fmt.Sprintf(" (+%s %%)", page.Number(significant(100*(*o.Value/limit.Limit-1))))
	}
	return fmt.Sprintf("%s: %s, %s", spaced.ReplaceAllString(o.Objective, "$1 $2"), verdict, value)
}

// spaced matches a number and its unit.
var spaced = regexp.MustCompile(`(\d)(%|µs|us|ms|s|m|h)$`)

// significant rounds to three significant figures.
func significant(v float64) float64 {
	if v == 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-2)
	return math.Round(v/unit) * unit
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
