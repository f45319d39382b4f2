// Package diff compares two stored runs of any kind, by the loads that both measured. The runs were not
// measured side by side: what the machine did between them is part of every change.
package diff

import (
	"fmt"
	"strings"

	"bench/reports/page"
	"bench/reports/plot"
	"bench/results"
	"bench/stats"
)

// Schema is the version of the comparison's JSON.
const Schema = "bench.diff/1"

// Report is the comparison of two runs.
type Report struct {
	Schema string `json:"schema"`
	Base   Side   `json:"base"`
	Head   Side   `json:"head"`
	// Unlike are the parts of the environment in which the runs differ. Changes are then no sign of a
	// change of the app.
	Unlike  []string `json:"unlike"`
	Changes []Change `json:"changes"`
	// Only are loads that one of the runs lacks.
	Only []string `json:"only_in_one"`
}

// Side is one of the runs.
type Side struct {
	Run         string              `json:"run"`
	Kind        string              `json:"kind"`
	Grade       results.Grade       `json:"grade"`
	Commit      string              `json:"commit,omitempty"`
	Environment results.Environment `json:"environment"`

	manifest results.Manifest
}

// Change is how a figure of a load differs between the runs.
type Change struct {
	Topology string         `json:"topology"`
	Scenario string         `json:"scenario"`
	Load     string         `json:"load"`
	Metric   string         `json:"metric"`
	Base     float64        `json:"base"` // geometric mean of the cells
	Head     float64        `json:"head"`
	Ratio    stats.Interval `json:"ratio"`  // head/base
	Better   int            `json:"better"` // 1: shown to be better; -1: worse; 0: no difference is shown
}

// metrics is the table of what is compared, for each cell.
var metrics = []struct {
	name   string
	more   bool // is better
	sent   bool // counts from sending: compared only where a run holds no response times, as of other tools
	unit   string
	format func(float64) string
	of     func(*results.Cell) float64
}{
	{"throughput", true, false, "req/s", page.Number, func(c *results.Cell) float64 { return c.Throughput() }},
	{"p50", false, false, "µs", micros, func(c *results.Cell) float64 { return percentile(c, results.Response, 50) }},
	{"p99", false, false, "µs", micros, func(c *results.Cell) float64 { return percentile(c, results.Response, 99) }},
	{"service p50", false, true, "µs", micros, func(c *results.Cell) float64 {
		return percentile(c, results.Service, 50)
	}},
	{"service p99", false, true, "µs", micros, func(c *results.Cell) float64 {
		return percentile(c, results.Service, 99)
	}},
	{"CPU per request", false, false, "ms", page.Millis, func(c *results.Cell) float64 {
		if c.Counts.OK == 0 {
			return 0
		}
		return results.TotalCPU(c.Usage).Seconds() * 1e3 / float64(c.Counts.OK)
	}},
}

func micros(us float64) string { return page.Micros(int64(us)) }

// percentile of a cell's times; 0 if too few requests lie beyond it.
func percentile(c *results.Cell, kind results.Kind, percent float64) float64 {
	h := results.Total(c.Counted(), kind)
	if float64(h.TotalCount())*(1-percent/100) < 1 {
		return 0
	}
	return float64(results.Percentile(h, percent))
}

// load names what a cell measures.
type load struct{ topology, scenario, load string }

func (l load) String() string { return strings.Join([]string{l.topology, l.scenario, l.load}, ", ") }

// measured are the valid cells of a run by load, and the loads in their order.
func measured(run *results.Run) (byLoad map[load][]*results.Cell, order []load) {
	byLoad = map[load][]*results.Cell{}
	for _, c := range run.Cells {
		if c.Grade == results.Invalid {
			continue
		}
		key := load{c.Topology, c.Scenario, c.Load}
		if run.Manifest.Kind == results.KindLoad {
			key = load{"the server", "the requests", "load"} // a run of one load, compared with another one
		}
		if byLoad[key] == nil {
			order = append(order, key)
		}
		byLoad[key] = append(byLoad[key], c)
	}
	return byLoad, order
}

// Build compares two runs, which have the given names. It is a pure function of them.
func Build(baseName string, base *results.Run, headName string, head *results.Run) *Report {
	r := &Report{
		Schema: Schema, Base: side(baseName, base), Head: side(headName, head),
		Unlike: []string{}, Changes: []Change{}, Only: []string{},
	}
	r.unlike()
	before, order := measured(base)
	after, more := measured(head)
	for _, key := range order {
		if after[key] == nil {
			r.Only = append(r.Only, fmt.Sprintf("%v: only in %s", key, baseName))
			continue
		}
		r.compare(key, before[key], after[key])
	}
	for _, key := range more {
		if before[key] == nil {
			r.Only = append(r.Only, fmt.Sprintf("%v: only in %s", key, headName))
		}
	}
	return r
}

func side(name string, run *results.Run) Side {
	m := run.Manifest
	grade := results.Valid
	if len(run.Cells) == 0 {
		grade = results.Invalid
	}
	for _, c := range run.Cells {
		if c.Grade == results.Degraded {
			grade = grade.Worse(results.Degraded)
		}
	}
	return Side{name, m.Kind, grade, m.App.Commit, results.NewEntry(m, name).Environment, m}
}

// unlike finds what else than the app differs between the runs.
func (r *Report) unlike() {
	a, b := r.Base.Environment, r.Head.Environment
	for _, part := range []struct {
		name       string
		base, head any
	}{
		{"CPU", a.CPU, b.CPU}, {"cores", a.Cores, b.Cores}, {"kernel", a.Kernel, b.Kernel},
		{"interpreter", a.Python, b.Python}, {"framework", a.Django, b.Django}, {"servers", a.Server, b.Server},
		{"profile", a.Profile, b.Profile},
		{"requests", a.Load, b.Load}, {"kind of run", r.Base.Kind, r.Head.Kind},
		{"engine", r.Base.manifest.Engine, r.Head.manifest.Engine},
	} {
		if part.base != part.head {
			r.Unlike = append(r.Unlike, fmt.Sprintf("%s: %v and %v", part.name, part.base, part.head))
		}
	}
}

func (r *Report) compare(key load, before, after []*results.Cell) {
	values := func(cells []*results.Cell, of func(*results.Cell) float64) (list []float64) {
		for _, c := range cells {
			if v := of(c); v > 0 {
				list = append(list, v)
			}
		}
		return list
	}
	due := results.Total(before[0].Intervals, results.Response).TotalCount() > 0 &&
		results.Total(after[0].Intervals, results.Response).TotalCount() > 0
	for _, m := range metrics {
		if m.name == "throughput" && (before[0].Mode != results.ClosedLoop || after[0].Mode != results.ClosedLoop) {
			continue // it is what was offered
		}
		if m.sent && due {
			continue // the response times say more
		}
		base, head := values(before, m.of), values(after, m.of)
		ratio := stats.Independent(base, head)
		if !ratio.Measured() {
			continue
		}
		better := ratio.Direction()
		if !m.more {
			better = -better
		}
		one := func(list []float64) float64 { return stats.Independent([]float64{1}, list).Value } // geometric mean
		r.Changes = append(r.Changes, Change{
			key.topology, key.scenario, key.load, m.name, one(base), one(head), ratio, better,
		})
	}
}

// Document is the comparison for people.
func (r *Report) Document() page.Document {
	d := page.Document{
		Kind: "diff", Title: fmt.Sprintf("What changed from %s to %s?", r.Base.Run, r.Head.Run),
		Subject: page.Subject(r.Head.manifest), Headline: r.answer(), Data: r, Glance: r.glance(),
		Outcome: page.Outcome{Verdict: page.Passed, Label: "COMPARED"}, Brief: []page.Table{r.table(true)},
		Heading: "two stored runs, not measured side by side: the machine may have changed between them",
	}
	if len(r.Unlike) > 0 {
		d.Outcome = page.Outcome{
			Verdict: page.Inconclusive, Label: "UNLIKE", Reason: "the runs differ in more than the app",
		}
		d.Lead = append(d.Lead, "The runs differ in more than the app, and a change may come from that: "+
			strings.Join(r.Unlike, "; ")+".")
	}
	if len(r.Changes) == 0 {
		d.Outcome = page.Outcome{Verdict: page.Invalid, Label: "NOTHING IN COMMON", Reason: d.Headline}
		d.Brief = nil
	}
	d.Sections = []page.Section{{ID: "changes", Title: "Changes", Tables: []page.Table{r.table(false)}}}
	var only []page.Item
	for _, text := range r.Only {
		only = append(only, page.Item{Text: text})
	}
	d.Sections = append(d.Sections,
		page.Section{ID: "only", Title: "Loads that one run lacks", Short: "Missing", Items: only})
	return d
}

// answer counts what is shown to differ.
func (r *Report) answer() string {
	if len(r.Changes) == 0 {
		return "The runs have no load in common: they share no topology, scenario and load."
	}
	var worse, better []string
	for _, c := range r.Changes {
		text := fmt.Sprintf("%s of %s on %s (%s) %s", c.Metric, c.Topology, c.Scenario, c.Load, page.Change(c.Ratio.Value))
		switch c.Better {
		case -1:
			worse = append(worse, text)
		case 1:
			better = append(better, text)
		}
	}
	if len(worse)+len(better) == 0 {
		return fmt.Sprintf("No difference is shown in any of %s.", page.Count(len(r.Changes), "figure"))
	}
	var parts []string
	for _, group := range []struct {
		word string
		list []string
	}{{"worse", worse}, {"better", better}} {
		if n := len(group.list); n > 0 {
			text := fmt.Sprintf("%d %s: %s", n, group.word, strings.Join(group.list[:min(n, 3)], ", "))
			if n > 3 {
				text += " …"
			}
			parts = append(parts, text)
		}
	}
	return fmt.Sprintf("Of %s, %s.", page.Count(len(r.Changes), "figure"), strings.Join(parts, "; "))
}

var verdicts = map[int]string{1: "better", -1: "worse", 0: "no difference shown"}

// table shows the changes; the brief one only those that a terminal has room for, shown ones first.
func (r *Report) table(brief bool) page.Table {
	t := page.Table{Columns: page.Columns("topology", "scenario", "load", "figure", "#base", "#head", "#change",
		"#95 % CI", "verdict")}
	for _, shown := range []bool{true, false} {
		for _, c := range r.Changes {
			if brief && (c.Better != 0) != shown || !brief && !shown {
				continue
			}
			format := page.Number
			for _, m := range metrics {
				if m.name == c.Metric {
					format = m.format
				}
			}
			t.Rows = append(t.Rows, []string{
				c.Topology, c.Scenario, c.Load, c.Metric, format(c.Base), format(c.Head), page.Change(c.Ratio.Value),
				page.Range(c.Ratio, page.Change), verdicts[c.Better],
			})
		}
	}
	if brief {
		t.Columns = t.Columns[:8]
	}
	return t
}

// glance shows the changes of the first loads.
func (r *Report) glance() plot.Figure {
	var rows []string
	var series []plot.Series
	percent := func(ratio float64) float64 { return (ratio - 1) * 100 }
	const most = 8
	for _, c := range r.Changes {
		if !c.Ratio.Known() || len(rows) == most {
			continue
		}
		series = append(series, plot.Series{Name: c.Metric, Group: 1 - c.Better, Points: []plot.Point{{
			X: percent(c.Ratio.Value), Y: float64(len(rows)), Low: percent(c.Ratio.Low), High: percent(c.Ratio.High),
		}}})
		rows = append(rows, fmt.Sprintf("%s, %s, %s: %s", c.Topology, c.Scenario, c.Load, c.Metric))
	}
	if len(rows) == 0 {
		return plot.Figure{}
	}
	const title = "Change from base to head, with 95 % confidence interval"
	return plot.Effects("glance", title, "change, %", rows, series, 0)
}
