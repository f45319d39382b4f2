package reports

import (
	"bench/results"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// JSON writes report.json.
func JSON(w io.Writer, r *Report) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the report as JSON: %w", err)
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

// table is rows of cells; the first row is the heading. Each table stands in every format
// that people read.
type table struct {
	title string
	rows  [][]string
	long  bool // for a file, not for a terminal
}

// tables are the figures of a report as people read them.
func (r *Report) tables() []table {
	list := []table{r.topologyTable(), r.scenarioTable()}
	if latency := r.latencyTable(); len(latency.rows) > 1 {
		list = append(list, latency)
	}
	return append(list, r.ratioTable(), r.targetTable())
}

func (r *Report) topologyTable() table {
	main := r.main()
	t := table{title: fmt.Sprintf("Topologies (%s, closed loop over %d connections)", main, r.connections()), rows: [][]string{{
		"topology", "req/s [95 %]", "CPU per request", "of it", "memory (PSS)", "slots", "boot", "first request"}}}
	for _, top := range r.Topologies {
		if top.Excluded != "" {
			t.rows = append(t.rows, []string{top.Name, "excluded", "", "", "", "", "", ""})
			continue
		}
		t.rows = append(t.rows, top.row())
	}
	return t
}

func (t Topology) row() []string {
	slots := map[int]string{0: "one a connection", -1: unknown}[t.Slots]
	if t.Slots > 0 {
		slots = fmt.Sprint(t.Slots)
	}
	cpu, memory, boot, first := unknown, unknown, unknown, unknown
	if t.CPUTotal.N > 0 {
		cpu = ms(t.CPUTotal.Value)
	}
	if t.CPUTotal.Confidence > 0 {
		cpu += fmt.Sprintf(" [%s, %s]", ms(t.CPUTotal.Low), ms(t.CPUTotal.High))
	}
	if t.PSS > 0 {
		memory = mebibytes(t.PSS)
	}
	if t.BootMS > 0 {
		boot, first = micros(int64(t.BootMS*1000)), micros(int64(t.FirstRequestMS*1000))
	}
	return []string{t.Name, rateText(t.MaxRate), cpu, tierList(t.CPU), memory, slots, boot, first}
}

func rateText(v Rate) string {
	bound := ""
	if v.LowerBound {
		bound = "≥ "
	}
	if v.N == 0 {
		return unknown
	}
	if v.Confidence == 0 {
		return bound + number(v.Value) + " (one block)"
	}
	return fmt.Sprintf("%s%s [%s, %s]", bound, number(v.Value), number(v.Low), number(v.High))
}

func tierList(perRequest map[string]float64) string {
	if len(perRequest) < 2 {
		return ""
	}
	text := tiers(perRequest)
	return text[strings.IndexByte(text, '(')+1 : len(text)-1]
}

func (r *Report) scenarioTable() table {
	t := table{title: "Rate by scenario (closed loop)", rows: [][]string{{"scenario", "place", "topology", "req/s [95 %]", "to " + r.Baseline, "p50", "p99", "right answers", "cells"}}}
	for _, s := range r.Scenarios {
		for i, p := range s.Order {
			versus := unknown
			if p.Topology == r.Baseline {
				versus = "baseline"
			} else if p.Versus != nil {
				versus = times(*p.Versus)
			}
			l := r.topology(p.Topology).load(s.Name, "burst")
			t.rows = append(t.rows, []string{
				s.Name, fmt.Sprint(i + 1), p.Topology, rateText(p.Rate), versus, micros(p.Response.P50), micros(p.Response.P99),
				l.right(), l.cells(),
			})
		}
	}
	return t
}

func (r *Report) latencyTable() table {
	t := table{title: "Response time at common offered rates (open loop, Poisson arrivals)", rows: [][]string{{
		"offered", "topology", "p50", "p90", "p99", "max", "service p99", "right answers", "objectives"}}}
	for _, top := range r.compared() {
		for _, l := range top.Loads {
			if l.Mode != "open" {
				continue
			}
			right := l.right()
			if !l.Sustained {
				right += " (fell behind)"
			}
			t.rows = append(t.rows, []string{
				number(l.Offered) + "/s", top.Name, micros(l.Response.P50), micros(l.Response.P90), micros(l.Response.P99),
				micros(l.Response.Max), micros(l.Service.P99), right, objectiveText(l.Objectives),
			})
		}
	}
	return t
}

// right is the number of right answers of all requests.
func (l Load) right() string {
	return fmt.Sprintf("%s of %s", number(float64(l.Counts.OK)), number(float64(l.Counts.Intended)))
}

// cells is the number of cells that the figures are made of.
func (l Load) cells() string {
	if l.Void == 0 {
		return fmt.Sprint(l.Cells)
	}
	return fmt.Sprintf("%d of %d", l.Cells-l.Void, l.Cells)
}

func objectiveText(list []ObjectiveResult) string {
	var parts []string
	for _, o := range list {
		mark := "met"
		if !o.Met {
			mark = "missed"
		}
		value := micros(int64(o.Value))
		if strings.HasPrefix(o.Objective, "errors") {
			value = fmt.Sprintf("%.2f%%", o.Value*100)
		}
		parts = append(parts, fmt.Sprintf("%s %s (%s)", o.Objective, mark, value))
	}
	return strings.Join(parts, "; ")
}

func (r *Report) ratioTable() table {
	t := table{long: true, title: "Ratios to " + r.Baseline + ", paired by block", rows: [][]string{{"topology", "scenario", "load", "metric", "ratio [95 %]", "blocks"}}}
	for _, top := range r.compared() {
		for _, v := range top.VsBaseline {
			t.rows = append(t.rows, []string{top.Name, v.Scenario, v.Load, v.Metric, times(v), fmt.Sprint(v.N)})
		}
	}
	return t
}

func (r *Report) targetTable() table {
	t := table{long: true, title: "Response time by target", rows: [][]string{{"scenario", "load", "topology", "target", "count", "p50", "p99", "max"}}}
	for _, top := range r.compared() {
		for _, l := range top.Loads {
			for _, target := range r.targetNames(l.Scenario) {
				s, measured := l.Targets[target]
				if !measured {
					continue
				}
				t.rows = append(t.rows, []string{l.Scenario, l.Load, top.Name, target, number(float64(s.Count)), micros(s.P50), micros(s.P99), micros(s.Max)})
			}
		}
	}
	return t
}

func (r *Report) targetNames(scenario string) []string {
	var names []string
	for _, s := range r.Scenarios {
		if s.Name == scenario {
			for _, t := range s.Targets {
				names = append(names, t.Name)
			}
		}
	}
	// Those beyond the hundredth share a name that is none of theirs.
	for _, t := range r.Topologies {
		for _, l := range t.Loads {
			for _, name := range slices.Sorted(maps.Keys(l.Targets)) {
				if l.Scenario == scenario && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// heading says what was measured, when and for how long.
func (r *Report) heading() string {
	blocks := fmt.Sprintf("%d blocks", r.Blocks)
	if r.BlocksDone != r.Blocks {
		blocks = fmt.Sprintf("%s, %d of %d blocks", r.Status, r.BlocksDone, r.Blocks)
	}
	app := ""
	if r.App.Name != "" {
		app = "app " + r.App.Name + " · "
	}
	return app + fmt.Sprintf("grade %s · %s · engine %s · profile %s · %s · %s, of it %.0f %% measuring",
		r.Grade, blocks, r.Engine, r.Profile, r.Started.UTC().Format("2006-01-02 15:04 UTC"),
		time.Duration(r.Elapsed*float64(time.Second)).Round(time.Second), r.Measuring)
}

// Text writes the summary for a terminal: the answer first.
func Text(w io.Writer, r *Report) error {
	var out strings.Builder
	for _, line := range r.Answer {
		fmt.Fprintln(&out, line)
	}
	fmt.Fprintf(&out, "%s\n", r.heading())
	for _, t := range r.tables() {
		if t.long {
			continue
		}
		fmt.Fprintf(&out, "\n%s\n", t.title)
		columns := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		for _, row := range t.rows {
			fmt.Fprintf(columns, "  %s\n", strings.Join(row, "\t"))
		}
		if err := columns.Flush(); err != nil {
			return err
		}
	}
	fmt.Fprintln(&out, "\nWhy")
	for _, s := range r.Scenarios {
		for _, p := range s.Order {
			fmt.Fprintf(&out, "  %s, %s: %s\n", s.Name, p.Topology, strings.Join(p.Reasons, " "))
		}
		if strings.Contains(s.Finding, "not measured") {
			fmt.Fprintf(&out, "  %s: %s\n", s.Name, s.Finding)
		}
	}
	fmt.Fprintln(&out, "\nNotes")
	for _, n := range r.Notes {
		fmt.Fprintf(&out, "  %s\n", n.Text)
	}
	if len(r.Warnings) > 0 {
		fmt.Fprintln(&out, "\nWarnings")
	}
	for _, c := range r.Warnings {
		fmt.Fprintf(&out, "  %s: %s\n", c.Code, strings.TrimSpace(c.Message+" "+c.Remedy))
	}
	_, err := io.WriteString(w, results.Plain(out.String()))
	return err
}

// Markdown writes the whole report for a pull request or a job summary.
func Markdown(w io.Writer, r *Report) error {
	var out strings.Builder
	fmt.Fprintf(&out, "# bench compare: %s\n\n", escapeMarkdown(r.Name))
	for _, line := range r.Answer {
		fmt.Fprintf(&out, "- %s\n", escapeMarkdown(line))
	}
	fmt.Fprintf(&out, "\n%s\n", escapeMarkdown(r.heading()))
	for _, t := range r.tables() {
		if t.long {
			fmt.Fprintf(&out, "\n<details><summary>%s</summary>\n\n", html.EscapeString(t.title))
		} else {
			fmt.Fprintf(&out, "\n## %s\n\n", escapeMarkdown(t.title))
		}
		for j, row := range t.rows {
			for k := range row {
				row[k] = escapeMarkdown(row[k])
			}
			fmt.Fprintf(&out, "| %s |\n", strings.Join(row, " | "))
			if j == 0 {
				fmt.Fprintf(&out, "|%s\n", strings.Repeat("---|", len(row)))
			}
		}
		if t.long {
			fmt.Fprint(&out, "\n</details>\n")
		}
	}
	fmt.Fprint(&out, "\n## Why\n\n")
	for _, s := range r.Scenarios {
		for _, p := range s.Order {
			fmt.Fprintf(&out, "- **%s, %s**: %s\n", escapeMarkdown(s.Name), escapeMarkdown(p.Topology), escapeMarkdown(strings.Join(p.Reasons, " ")))
		}
	}
	fmt.Fprint(&out, "\n## Notes\n\n")
	for _, n := range r.Notes {
		fmt.Fprintf(&out, "- %s\n", escapeMarkdown(n.Text))
	}
	if len(r.Warnings) > 0 {
		fmt.Fprint(&out, "\n## Warnings\n\n")
	}
	for _, c := range r.Warnings {
		fmt.Fprintf(&out, "- %s: %s\n", escapeMarkdown(c.Code), escapeMarkdown(strings.TrimSpace(c.Message+" "+c.Remedy)))
	}
	fmt.Fprint(&out, "\n## How it was measured\n\n")
	for _, line := range r.Plan {
		fmt.Fprintf(&out, "- %s\n", escapeMarkdown(line))
	}
	fmt.Fprintf(&out, "- seed %d; %s, %d cores, Linux %s; %s\n", r.Seed, escapeMarkdown(r.Host.CPU), r.Host.Cores, escapeMarkdown(r.Host.Kernel), escapeMarkdown(r.toolText()))
	_, err := io.WriteString(w, results.Plain(out.String()))
	return err
}

func (r *Report) toolText() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(r.Tools)) {
		if v := r.Tools[name]; v != "" {
			parts = append(parts, name+" "+v)
		}
	}
	return strings.Join(parts, ", ")
}

var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "|", `\|`, "<", "&lt;", ">", "&gt;", "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "#", `\#`, "\n", " ", "\r", " ", "::", ":\u200b:",
)

// escapeMarkdown makes a text mean itself in Markdown, and no workflow command of a CI.
func escapeMarkdown(s string) string { return markdownEscapes.Replace(s) }
