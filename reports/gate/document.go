package gate

import (
	"fmt"
	"math"
	"strings"

	"bench/internal/inert"
	"bench/reports/page"
	"bench/reports/plot"
	"bench/results"
)

// WorkTree is the name of a head that is not a commit: the files as they are.
const WorkTree = "work tree"

// Document is the report for people, with a JUnit file and annotations for CI systems.
func (r Report) Document() page.Document {
	return page.Document{
		Kind: results.KindGate, Title: r.question(), Subject: page.Subject(r.manifest), Outcome: r.outcome(),
		Headline: r.answer(), Reply: r.reply(), Heading: r.heading(), Tiles: r.tiles(), Glance: r.glance(), Brief: r.brief(),
		Sections: r.sections(),
		Data:     r, Files: []page.File{junit(r)}, Annotations: annotations(r),
	}
}

// outcomes are the verdicts in the terms that all kinds of run share.
var outcomes = map[Verdict]page.Verdict{
	Pass: page.Passed, Small: page.Passed, Regression: page.Regressed, Likely: page.Likely,
	Inconclusive: page.Inconclusive, Unfit: page.Invalid,
}

func (r Report) outcome() page.Outcome {
	return page.Outcome{Verdict: outcomes[r.Verdict], Label: strings.ToUpper(string(r.Verdict)), Reason: r.Headline()}
}

// answer is the reason, and the measurements that it rests on.
func (r Report) answer() string {
	return fmt.Sprintf("%s (%s, %.0f s)", r.Reason, page.Count(r.Pairs, "pair"), r.Elapsed)
}

// Headline is the verdict in one line.
func (r Report) Headline() string {
	return inert.Line(strings.ToUpper(string(r.Verdict)) + ": " + r.answer())
}

// heading says what was compared, and how.
func (r Report) heading() string {
	g := r.Gate
	return fmt.Sprintf("base %s, head %s · %s on %s · %s req/s to each", described(g.Base, g.BaseCommit, false),
		described(g.Head, g.HeadCommit, g.Dirty), g.Scenario, g.Topology, page.Number(g.Rate))
}

func described(name, commit string, dirty bool) string {
	if commit != "" && !strings.HasPrefix(commit, name) {
		name += " (" + commit + ")"
	}
	if dirty {
		name += " with uncommitted changes"
	}
	return name
}

func (r Report) sections() []page.Section {
	sections := []page.Section{{ID: "metrics", Title: "Metrics", Tables: []page.Table{r.table()}, Figures: r.figures()}}
	if len(r.Targets) > 0 {
		sections = append(sections, page.Section{ID: "targets", Title: "Targets", Tables: []page.Table{r.targetTable()}})
	}
	if remarks := r.remarks(); len(remarks) > 0 {
		sections = append(sections, page.Section{ID: "remarks", Title: "Other findings", Items: remarks})
	}
	if len(r.Diagnostics) > 0 {
		sections = append(sections, page.Diagnosed(r.Diagnostics))
	}
	sections = append(sections, page.Section{ID: "reproduce", Title: "Reproduce", Commands: []string{r.Reproduce()}})
	if g := r.Gate; strings.Contains(g.Failed, "\n") {
		said := page.Section{ID: "log", Title: "Log of " + g.FailedArm}
		for line := range strings.Lines(g.Failed) {
			said.Text = append(said.Text, strings.TrimSpace(line))
		}
		sections = append(sections, said)
	}
	return append(sections, page.Section{ID: "reading", Title: "How to read this", Folded: true, Text: []string{
		"A cost above zero means that head is slower.",
		"“pass” is proven: if head were slower by the margin that matters, at most 5 % of gates would pass it. " +
			"“regression” is proven too, twice: on equal versions, at most 1 % of gates report one, over all metrics, " +
			"targets, counters and failures, however often the gate looks. It is called one if the estimate is at least " +
			"half of the margin that matters, and it is not proven to be less than the margin. “likely” is proven once: " +
			"there was no time for the second proof.",
		"An absolute objective is reported as missed only when it is proven, at 1 %, that most pairs miss it. " +
			"Exact counters need no statistics.",
	}})
}

func (r Report) table() page.Table {
	t := page.Table{Columns: page.Columns("metric", "#base", "#head", "#cost", "#95 % CI", "verdict", "#pairs",
		"#detectable")}
	for _, m := range r.Metrics {
		t.Rows = append(t.Rows, m.rows()...)
		if len(m.rows()) > 1 {
			t.Note = uncorrectedNote
		}
	}
	if r.Verdict == Inconclusive || r.Verdict == Likely {
		t.Note += "Detectable: the smallest slowdown of which the pairs that there is time for prove a regression with " +
			"90 % probability, both tests included. A longer --budget detects smaller ones."
	}
	return t
}

// targetTable shows the targets, which the mix may hide.
func (r Report) targetTable() page.Table {
	t := page.Table{Columns: page.Columns("target", "#base p50", "#head p50", "#cost", "#95 % CI", "verdict", "#pairs")}
	for _, m := range r.Targets {
		row := m.row()
		if m.Verdict == Inconclusive && !m.Suspect {
			row[5] = page.Unknown // it does not have to be shown that nothing is slower
		}
		t.Rows = append(t.Rows, row[:7])
	}
	return t
}

// uncorrected follows the name of a metric in a row of its cost before the correction for CPU speed.
const uncorrected = ", uncorrected"

const uncorrectedNote = "The uncorrected cost is that of the two values above it. They were measured one after the " +
	"other, while the cores ran at different speeds: the cost in the row above is corrected for that, and judged. "

// rows are the metric's own, and, where its cost is not that of the values beside it, one that has that cost.
func (m Result) rows() [][]string {
	rows := [][]string{m.row()}
	u := m.Uncorrected
	if u == nil || !m.Ratio.Measured() || page.Change(u.Value) == page.Change(m.Ratio.Value) {
		return rows
	}
	raw := Result{Ratio: *u}
	return append(rows, []string{m.Name + uncorrected, "", "", page.Change(u.Value), raw.interval(), "", "", ""})
}

func (m Result) row() []string {
	if !m.Ratio.Measured() {
		none := page.Unknown
		return []string{m.Name, none, none, none, none, string(m.Verdict), "0", none}
	}
	return []string{
		m.Name, m.value(m.Base), m.value(m.Head), page.Change(m.Ratio.Value), m.interval(), string(m.Verdict),
		fmt.Sprint(m.Ratio.N), page.Percent(m.Detectable),
	}
}

// value writes a figure with four significant digits: two that are a percent apart must differ.
func (m Result) value(v float64) string {
	switch m.Unit {
	case "":
		return fmt.Sprintf("%.2f %%", v*100)
	case "req/s":
		return page.Number(v) + " req/s"
	}
	return fmt.Sprintf("%#.4g %s", v, m.Unit)
}

// interval is the confidence interval of the change.
func (m Result) interval() string {
	if !m.Ratio.Known() {
		return page.Unknown
	}
	return fmt.Sprintf("[%s, %s]", page.Change(m.Ratio.Low), page.Change(m.Ratio.High))
}

// change is the change of a metric, with its interval.
func (m Result) change() string {
	if !m.Ratio.Measured() {
		return page.Unknown
	}
	return page.Interval(m.Ratio, page.Change)
}

// remarks are the findings beside the metrics.
func (r Report) remarks() (items []page.Item) {
	add := func(name, format string, args ...any) {
		items = append(items, page.Item{Name: name, Text: fmt.Sprintf(format, args...)})
	}
	for _, m := range r.tested() {
		if c := m.Confirm; c != nil && c.Ratio.Measured() {
			add(m.Name, "%s in %s, which played no part in the first test",
				page.Interval(c.Ratio, page.Change), page.Count(c.Ratio.N, "more pair"))
		}
	}
	for _, c := range r.Counters {
		add(c.Name+" of "+c.Target, "%s", counted(c))
	}
	for _, d := range r.Gate.Differences {
		add("responses differ", "%s", strings.ReplaceAll(d, "the baseline", "base"))
	}
	if r.Attribution != nil {
		add("the cost grew", "%s", r.Attribution)
	}
	for _, o := range r.Objectives {
		add("", "%s", o)
	}
	if f := r.Failures; f.Head+f.Base > 0 || f.HeadSilent+f.BaseSilent > 0 {
		add("", "%s", f)
	}
	return append(items, r.reservations()...)
}

// reservations are what was not measured, or not at the first attempt.
func (r Report) reservations() (items []page.Item) {
	add := func(format string, args ...any) { items = append(items, page.Item{Text: fmt.Sprintf(format, args...)}) }
	if r.Void > 0 {
		add("%s void and not counted: %s", were(r.Void, "pair"), r.Voided)
	}
	if g := r.Gate; g.Retried > 0 {
		add("%s repeated after a failure, most recently: %s", were(g.Retried, "boot"), firstLine(g.RetriedFor))
	}
	if len(r.Metrics) > 0 && r.Pairs > 0 && !r.Gate.Queries {
		add("Database queries are not counted, because the app does not report their number (see docs/CI.md).")
	}
	return items
}

// were is a number of things with its verb.
func were(n int, thing string) string {
	if n == 1 {
		return "1 " + thing + " was"
	}
	return page.Count(n, thing) + " were"
}

// firstLine is the first line of a text from a server.
func firstLine(text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return inert.Line(first)
}

// figures show the pairs; metrics with the same limit share a figure.
func (r Report) figures() []plot.Figure {
	var small, large []plot.Series
	for _, m := range r.Metrics {
		changes := make([]float64, len(m.Logs))
		for i, l := range m.Logs {
			changes[i] = (math.Exp(l) - 1) * 100
		}
		s := plot.Series{Name: m.Name, Points: plot.Sequence(changes), Limit: m.Effect * 100}
		if m.Effect > 0.1 {
			large = append(large, s)
			continue
		}
		if len(small) > 0 {
			s.Limit = 0 // drawn once
		}
		small = append(small, s)
	}
	return []plot.Figure{
		plot.Changes("pairs", "Change in cost from base to head, by pair", "pair", pairsRead, small),
		plot.Changes("slow", "Change in the share of slow responses from base to head, by pair", "pair", pairsRead, large),
	}
}

// pairsRead explains how to read the figures of pairs.
const pairsRead = "Each point is one pair of fresh boots, and shows how much more head cost than base. Points " +
	"scattered around zero are chance; points on one side of it are a difference. The dashed line marks the change " +
	"that matters."

// Reproduce is the command that measures the same again, as far as a command can express it, with the
// flags that were given in alphabetical order.
func (r Report) Reproduce() string {
	command := "bench gate --base " + quoted(r.Gate.Base)
	if r.Gate.Head != WorkTree {
		command += " --head " + quoted(r.Gate.Head)
	}
	command += " --topology " + quoted(r.Gate.Topology)
	for _, flag := range r.flags {
		command += " --" + flag.name + " " + quoted(flag.value)
	}
	return fmt.Sprintf("%s --seed %d", command, r.seed)
}

// setting is a flag that a run was given on the command line.
type setting struct{ name, value string }

// repeated are the flags that the command repeats, beside base, head, topology and seed.
var repeated = []string{"app", "budget", "head-env", "metrics", "objective", "profile", "scenario"}

// flagsOf are the flags of a run that its report repeats.
func flagsOf(run Run) (flags []setting) {
	for _, name := range repeated {
		// Lists print as [a,b].
		value := strings.TrimSuffix(strings.TrimPrefix(run.Manifest.Config[name], "["), "]")
		if value != "" && (name != "profile" || value != "controlled") {
			flags = append(flags, setting{name, value})
		}
	}
	return flags
}

// quoted is a word, quoted for a shell where needed.
func quoted(text string) string {
	if strings.ContainsAny(text, " '\"$`\\;&|<>()*?[]{}~#\n\t") || text == "" {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return text
}
