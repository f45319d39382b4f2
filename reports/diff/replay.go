package diff

import (
	"fmt"
	"slices"

	"bench/reports/page"
	"bench/reports/plot"
	"bench/results"
	"bench/stats"
)

// ReplaySchema is the version of a replay's JSON.
const ReplaySchema = "bench.replay/1"

// Answers to the question whether a replay found what the stored run had found.
const (
	Agrees    = "agrees"    // the intervals overlap: they show no difference
	Disagrees = "disagrees" // the intervals have no value in common
	Open      = "open"      // one of the runs has no interval
)

// Replay is a stored run beside the same one carried out again.
type Replay struct {
	Report
	Findings []Agreement `json:"findings"`
	Dir      string      `json:"dir"` // of the run that was carried out again
	// Verdicts are those of both runs.
	Verdicts [2]string `json:"verdicts"`
}

// Agreement is a finding of the stored run beside what was found again.
type Agreement struct {
	Finding string         `json:"finding"`
	Stored  stats.Interval `json:"stored"`
	Again   stats.Interval `json:"again"`
	Answer  string         `json:"answer"`

	format func(float64) string
}

// Judged is a run with what it says.
type Judged struct {
	Named
	Outcome  page.Outcome
	Findings []page.Finding
}

// BuildReplay sets what was found again beside what was stored. It is a pure function of both.
func BuildReplay(stored, again Judged, dir string) *Replay {
	r := &Replay{
		Report: *Build(stored.Name, stored.Run, again.Name, again.Run), Findings: []Agreement{}, Dir: dir,
		Verdicts: [2]string{stored.Outcome.Label, again.Outcome.Label},
	}
	r.Schema = ReplaySchema
	for _, f := range stored.Findings {
		a := Agreement{Finding: f.Name, Stored: f.Interval, Answer: Open, format: f.Format}
		at := slices.IndexFunc(again.Findings, func(other page.Finding) bool { return other.Name == f.Name })
		if at >= 0 {
			a.Again = again.Findings[at].Interval
			a.Answer = answer(a.Stored, a.Again)
		}
		r.Findings = append(r.Findings, a)
	}
	return r
}

// answer reports whether two intervals have a value in common.
func answer(a, b stats.Interval) string {
	if !ends(a) || !ends(b) {
		return Open
	}
	if below(a, b) || below(b, a) {
		return Disagrees
	}
	return Agrees
}

// ends reports whether an interval has ends: those of a search are no confidence interval, and ends all the same;
// a single block is a value.
func ends(i stats.Interval) bool { return i.Known() || i.Low > 0 && i.High != i.Low }

// below reports whether all values of one interval are lower than those of another. One without an upper end is
// below none.
func below(a, b stats.Interval) bool { return a.High < b.Low && !(a.High == 0 && a.Low > 0) }

func (r *Replay) count(answer string) (n int) {
	for _, f := range r.Findings {
		if f.Answer == answer {
			n++
		}
	}
	return n
}

// outcome: one figure that is shown to differ is a disagreement; without any figure, nothing can be told.
func (r *Replay) outcome() page.Outcome {
	switch {
	case r.count(Disagrees) > 0:
		return page.Outcome{Verdict: page.Regressed, Label: "DISAGREES", Reason: r.answer()}
	case r.Head.Grade == results.Invalid:
		return page.Outcome{Verdict: page.Inconclusive, Label: "UNKNOWN", Reason: "what was measured again is INVALID"}
	case r.count(Agrees) == 0:
		return page.Outcome{Verdict: page.Inconclusive, Label: "UNKNOWN", Reason: r.answer()}
	}
	return page.Outcome{Verdict: page.Passed, Label: "AGREES"}
}

// answer is the answer in one sentence.
func (r *Replay) answer() string {
	known := len(r.Findings) - r.count(Open)
	if known == 0 {
		return "Nothing can be told: the runs have no finding in common that has an interval in both."
	}
	text := page.Count(known, "finding")
	if n := r.count(Disagrees); n > 0 {
		first := r.Findings[slices.IndexFunc(r.Findings, func(a Agreement) bool { return a.Answer == Disagrees })]
		return fmt.Sprintf("Of %s, %d came out differently here: %s, %s instead of %s.", text, n, first.Finding,
			page.Interval(first.Again, first.format), page.Interval(first.Stored, first.format))
	}
	if known == 1 {
		return "This machine agrees with the stored run: its only finding was found again."
	}
	return fmt.Sprintf("This machine agrees with the stored run in all of %s.", text)
}

// replayText says how to read a replay.
const replayText = "A finding disagrees where the two intervals have no value in common. Overlapping " +
	"intervals show no difference; the wider they are, the less that says. The more findings there are, the likelier " +
	"it is that one of them disagrees by chance."

// Document is the replay for people.
func (r *Replay) Document() page.Document {
	d := r.Report.Document()
	d.Kind, d.Title = "replay", fmt.Sprintf("Does this machine agree with %s?", r.Base.Run)
	d.Outcome, d.Headline, d.Data, d.Glance = r.outcome(), r.answer(), r, r.glance()
	d.Lead = nil
	if len(r.Unlike) > 0 {
		d.Lead = []string{"The runs differ in more than the time: " + page.List(r.Unlike) + "."}
	}
	if r.Verdicts[0] != r.Verdicts[1] {
		d.Lead = append(d.Lead, fmt.Sprintf("The stored run says %s, this one %s.", r.Verdicts[0], r.Verdicts[1]))
	}
	d.Brief = []page.Table{r.table()}
	d.Sections = append([]page.Section{{
		ID: "findings", Title: "Findings", Text: []string{replayText}, Tables: []page.Table{r.table()},
	}}, d.Sections...)
	return d
}

// table is the findings, those that differ first.
func (r *Replay) table() page.Table {
	t := page.Table{Columns: page.Columns("finding", "#stored", "#interval", "#here", "#interval", "")}
	for _, answer := range []string{Disagrees, Agrees, Open} {
		for _, f := range r.Findings {
			if f.Answer == answer {
				t.Rows = append(t.Rows, append(append([]string{f.Finding}, f.cells(f.Stored)...),
					append(f.cells(f.Again), answer)...))
			}
		}
	}
	return t
}

// cells are an estimate and its interval.
func (a Agreement) cells(i stats.Interval) []string {
	if !i.Measured() {
		return []string{page.Unknown, page.Unknown}
	}
	return []string{a.format(i.Value), page.Range(i, a.format)}
}

// glance shows how what was found here relates to what was stored.
func (r *Replay) glance() plot.Figure {
	var rows []string
	stored, again := plot.Series{Name: "stored"}, plot.Series{Name: "here", Group: 1}
	const most = 4 // each has two rows
	for _, f := range r.Findings {
		if f.Answer == Open || f.Stored.Value <= 0 || f.Again.Value <= 0 || len(rows) == 2*most {
			continue
		}
		for _, side := range []struct {
			series *plot.Series
			i      stats.Interval
		}{{&stored, f.Stored}, {&again, f.Again}} {
			percent := func(v float64) float64 { return v / f.Stored.Value * 100 }
			side.series.Points = append(side.series.Points, plot.Point{
				X: percent(side.i.Value), Y: float64(len(rows)), Low: percent(side.i.Low), High: percent(side.i.High),
			})
			rows = append(rows, f.Finding+": "+side.series.Name)
		}
	}
	if len(rows) == 0 {
		return plot.Figure{}
	}
	return plot.Values("glance", "What was found here, with what was stored as 100 %", "percent of the stored value", "%",
		rows, []plot.Series{stored, again})
}
