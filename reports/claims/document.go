package claims

import (
	_ "embed" // the method in words
	"fmt"
	"strings"
	"time"

	"bench/reports/page"
	"bench/reports/plot"
	"bench/results"
)

//go:embed method.txt
var method string

// Document is the report for people.
func (r *Report) Document() page.Document {
	d := page.Document{
		Kind: results.KindClaims, Title: "Which claims about deployment are true here?",
		Subject: page.Subject(r.manifest), Outcome: r.outcome(), Headline: r.headline(),
		Heading: fmt.Sprintf("%s, preset %s, in %v", page.Count(len(r.Claims), "claim"), r.Preset,
			time.Duration(r.Elapsed*float64(time.Second)).Round(time.Second)),
		Tiles: r.tiles(), Glance: r.glance(), Brief: []page.Table{r.table()}, Data: r,
	}
	d.Sections = []page.Section{{ID: "verdicts", Title: "Verdicts", Tables: []page.Table{r.reasons()}}}
	for _, c := range r.Claims {
		d.Sections = append(d.Sections, c.chapter())
	}
	for _, c := range r.Claims {
		if len(r.Claims) == 1 {
			break // the headline says it
		}
		d.Lead = append(d.Lead, c.Name+": "+strings.TrimSpace(c.Reason+" "+c.Hint))
	}
	if len(r.Diagnostics) > 0 {
		d.Sections = append(d.Sections, page.Diagnosed(r.Diagnostics))
	}
	d.Sections = append(d.Sections, page.Section{
		ID: "method", Title: "How it was tested", Folded: true, Text: strings.Split(strings.TrimSpace(method), "\n\n"),
	})
	var pages strings.Builder
	// It cannot fail: a builder takes whatever is written.
	_ = page.IllustratedMarkdown(&pages, d, "plots")
	d.Files = []page.File{{Name: Pages, Data: []byte(pages.String())}}
	return d
}

// Pages is the file that holds the report for a repository, with its pictures: docs/CLAIMS.md is made of one.
const Pages = "claims.md"

// outcome of a run: any verdict is a result; none at all is not.
func (r *Report) outcome() page.Outcome {
	switch {
	case r.Decided == 0:
		return page.Outcome{
			Verdict: page.Inconclusive, Label: "UNDECIDED", Reason: "no claim could be decided: " + r.why(),
		}
	case r.Status == results.Partial:
		return page.Outcome{Verdict: page.Degraded, Label: results.Partial, Reason: "the run was interrupted"}
	}
	return page.Outcome{Verdict: page.Passed, Label: "DECIDED"}
}

// why the first claim is undecided.
func (r *Report) why() string {
	if len(r.Claims) == 0 {
		return "there are none"
	}
	return r.Claims[0].Name + ": " + strings.TrimSpace(r.Claims[0].Reason+" "+r.Claims[0].Hint)
}

func (r *Report) headline() string {
	if len(r.Claims) == 1 {
		c := r.Claims[0]
		return fmt.Sprintf("%s: %s. %s", c.Claim, c.shown(), strings.TrimSpace(c.Reason+" "+c.Hint))
	}
	var parts []string
	for _, verdict := range results.ClaimVerdicts() {
		if n := len(r.named(verdict)); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, words[verdict]))
		}
	}
	return fmt.Sprintf("Of %s: %s.", page.Count(len(r.Claims), "claim"), page.List(parts))
}

// words are the verdicts as they stand in a sentence.
var words = map[string]string{
	results.Confirmed: "confirmed", results.Refuted: "refuted", results.Depends: "depending on more",
	results.NotDecided: "undecided",
}

// shown is the verdict of a claim as a table has it.
func (c Claim) shown() string {
	switch {
	case c.Verdict == results.Depends && c.Turning != "":
		return "depends: turns " + c.Turning
	case c.Verdict == results.Depends:
		return "depends"
	}
	return c.Verdict
}

// table is the answer for a terminal; reasons is the same with them, for a page.
func (r *Report) table() page.Table {
	t := page.Table{Columns: page.Columns("claim", "verdict", "figure")}
	for _, c := range r.Claims {
		t.Rows = append(t.Rows, []string{c.Claim, c.Verdict, c.Figure})
	}
	return t
}

func (r *Report) reasons() page.Table {
	t := page.Table{Columns: page.Columns("claim", "verdict", "figure", "reason")}
	for _, c := range r.Claims {
		t.Rows = append(t.Rows, []string{c.Claim, c.shown(), c.Figure, c.Reason})
	}
	return t
}

// chapter is a claim's own section.
func (c Claim) chapter() page.Section {
	s := page.Section{
		ID: "claim-" + c.Name, Title: fmt.Sprintf("%s: %s", c.Claim, c.shown()), Short: c.Name,
		Text: []string{c.Reason, "Source: " + c.Source},
	}
	for _, text := range []string{c.Hint, c.About} {
		if text != "" {
			s.Text = append(s.Text, text)
		}
	}
	s.Tables = []page.Table{c.predictionTable(), c.valueTable(), c.experimentTable()}
	s.Figures = c.figures()
	return s
}

func (c Claim) predictionTable() page.Table {
	t := page.Table{Title: "Predictions", Columns: page.Columns("prediction", "answer", "#measured", "wanted")}
	for _, p := range c.Predictions {
		says := p.Says
		if p.Param != "" {
			says += fmt.Sprintf(" (%s %g)", p.Param, p.At)
		}
		t.Rows = append(t.Rows, []string{says, p.Answer, p.Figure, p.Why})
	}
	return t
}

func (c Claim) valueTable() page.Table {
	t := page.Table{Title: "Measured", Columns: page.Columns("topology", "step", "measure", "#value", "#blocks")}
	for _, v := range c.Values {
		t.Rows = append(t.Rows, []string{
			v.Arm, v.Step, v.Measure, page.Interval(v.Value, formatOf(v.Measure)), fmt.Sprint(v.Value.N),
		})
	}
	return t
}

func (c Claim) experimentTable() page.Table {
	t := page.Table{Title: "Experiment", Columns: page.Columns("part", "name", "what it is")}
	for _, a := range c.Arms {
		t.Rows = append(t.Rows, []string{"topology", a.Name, a.Ref})
	}
	for _, s := range c.Steps {
		t.Rows = append(t.Rows, []string{"step", s.Name, s.About})
	}
	return t
}

// ratio reports whether a prediction is about a ratio, and that is known.
func (p Prediction) ratio() bool {
	return p.To != "" && p.Effect.Known() && (p.Rule != results.EquivalenceRule || p.Relative)
}

// figures show the predictions about ratios, and the measured values, with their intervals.
func (c Claim) figures() (figures []plot.Figure) {
	var rows []string
	var points plot.Series
	for _, p := range c.Predictions {
		if !p.ratio() {
			continue
		}
		points.Points = append(points.Points, plot.Point{
			X: p.Effect.Value, Y: float64(len(rows)), Low: p.Effect.Low, High: p.Effect.High,
		})
		rows = append(rows, p.Name)
	}
	if len(rows) > 0 {
		figures = append(figures, plot.Ratios("claim-"+c.Name, c.Claim, "ratio of the two topologies", rows,
			[]plot.Series{points}))
	}
	return append(figures, c.valueFigures()...)
}

// units are how a figure shows values of a unit: its own, and a divisor.
var units = map[results.Unit]struct {
	name string
	per  float64
}{
	results.PerSecond: {"req/s", 1}, results.Microseconds: {"µs", 1}, results.Bytes: {"MiB", 1 << 20},
	results.Number: {"", 1},
}

// valueFigures show the values of each measure, one row for each topology and step.
func (c Claim) valueFigures() (figures []plot.Figure) {
	for _, m := range results.Measures {
		var rows []string
		var points plot.Series
		unit := units[m.Unit]
		for _, v := range c.Values {
			if v.Measure != m.Name || !(v.Value.Low > 0) {
				continue
			}
			points.Points = append(points.Points, plot.Point{
				X: v.Value.Value / unit.per, Y: float64(len(rows)), Low: v.Value.Low / unit.per, High: v.Value.High / unit.per,
			})
			rows = append(rows, v.Arm+", "+v.Step)
		}
		if len(rows) > 0 {
			title, name := strings.ReplaceAll(m.Name, "_", " "), strings.ReplaceAll(m.Name, "_", "-")
			axis := title
			if m.Unit != results.Microseconds && unit.name != "" { // the marks of times have their unit
				axis += ", " + unit.name
			}
			figures = append(figures, plot.Values("claim-"+c.Name+"-"+name, c.Name+": "+axis, axis, unit.name, rows,
				[]plot.Series{points}))
		}
	}
	return figures
}
