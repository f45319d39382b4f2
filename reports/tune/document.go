package tune

import (
	_ "embed" // the method in words
	"fmt"
	"strings"
	"time"

	"bench/reports/page"
	"bench/results"
	"bench/stats"
)

//go:embed method.txt
var method string

// Document is the report for people.
func (r *Report) Document() page.Document {
	d := page.Document{
		Kind: results.KindTune, Title: fmt.Sprintf("Which setting of %s is best for this app?", r.Topology),
		Subject: page.Subject(r.manifest), Outcome: r.outcome(), Headline: r.headline(), Lead: r.lead(),
		Heading: fmt.Sprintf("%s under %s, %s, in %v", r.Scenario, r.SLO,
			page.Count(len(r.Settings), "setting"), time.Duration(r.Elapsed*float64(time.Second)).Round(time.Second)),
		Tiles: r.tiles(), Glance: r.glance(), Data: r,
	}
	d.Brief = []page.Table{r.finalTable()}
	d.Sections = []page.Section{
		{ID: "settings", Title: "Settings of the last round", Tables: []page.Table{r.finalTable()}},
		{ID: "race", Title: "The race", Tables: []page.Table{r.roundTable()}},
		{ID: "eliminated", Title: "Settings that were eliminated", Folded: true, Tables: []page.Table{r.raceTable()}},
	}
	if len(r.Diagnostics) > 0 {
		d.Sections = append(d.Sections, page.Diagnosed(r.Diagnostics))
	}
	d.Sections = append(d.Sections, page.Section{
		ID: "method", Title: "How it was measured", Folded: true, Text: []string{strings.TrimSpace(method)},
	})
	return d
}

func (r *Report) outcome() page.Outcome {
	switch {
	case r.Best == "":
		return page.Outcome{
			Verdict: page.Invalid, Label: string(results.Invalid), Reason: "no setting was found that meets the SLO",
		}
	case r.Partial:
		return page.Outcome{Verdict: page.Degraded, Label: results.Partial, Reason: "the run was interrupted"}
	}
	return page.Outcome{Verdict: page.Passed, Label: string(r.Grade)}
}

func (r *Report) headline() string {
	if r.Best == "" {
		return fmt.Sprintf("No setting was shown to meet %s.", r.SLO)
	}
	best, _ := r.setting(r.Best)
	text := fmt.Sprintf("%s: %s requests per second under %s", best.Name,
		page.Interval(best.Throughput, page.Number), r.SLO)
	if best.ToBaseline == nil {
		return text + "."
	}
	return fmt.Sprintf("%s, %s %s.", text, ratioText(*best.ToBaseline), r.baselineText())
}

func (r *Report) baselineText() string {
	if r.Rule {
		return "the server's own rule of thumb (" + r.Baseline + ")"
	}
	return "the default (" + r.Baseline + ")"
}

// lead says how certain the choice is, and what it costs.
func (r *Report) lead() (lines []string) {
	best, found := r.setting(r.Best)
	if !found {
		return nil
	}
	switch to := best.ToBaseline; {
	case best.Name == r.Baseline:
		lines = append(lines, fmt.Sprintf("It is %s: nothing was found that is better.", r.baselineText()))
	case to != nil && to.Low <= 1:
		lines = append(lines, "That it is better than the baseline is not proven: the interval of their ratio includes 1.")
	}
	if up, known := r.setting(r.RunnerUp); known && up.ToBest != nil {
		text := fmt.Sprintf("Runner-up: %s, %s of its throughput", up.Name, page.Interval(*up.ToBest, page.Percent))
		if up.ToBest.High >= 1 {
			text += ", which is not proven to be less"
		}
		lines = append(lines, fmt.Sprintf("%s; memory %s against %s.", text, page.MiB(up.PSS), page.MiB(best.PSS)))
	}
	if base, known := r.setting(r.Baseline); known && base.PSS > 0 && base.Name != best.Name {
		lines = append(lines, fmt.Sprintf("It takes %s of memory, the baseline %s.", page.MiB(best.PSS), page.MiB(base.PSS)))
	}
	return lines
}

func ratioText(i stats.Interval) string { return page.Interval(i, page.Factor) }

// finalTable has the settings that were measured in the last round, the best first.
func (r *Report) finalTable() page.Table {
	t := page.Table{Columns: page.Columns("setting", "#req/s under the SLO", "#to the baseline", "#to the best",
		"#connections", "#memory", "#boots")}
	for _, s := range r.Settings {
		if s.Final {
			t.Rows = append(t.Rows, []string{
				s.Name, throughputText(s), optional(s.ToBaseline), optional(s.ToBest), fmt.Sprint(s.Connections),
				page.MiB(s.PSS), fmt.Sprint(s.Boots),
			})
		}
	}
	return t
}

func throughputText(s Setting) string {
	if s.Throughput.Value == 0 {
		return "misses it"
	}
	return page.Interval(s.Throughput, page.Number)
}

func optional(i *stats.Interval) string {
	if i == nil {
		return ""
	}
	return ratioText(*i)
}

// roundTable is the course of the race.
func (r *Report) roundTable() page.Table {
	t := page.Table{Columns: page.Columns("#round", "#settings", "#blocks", "#kept", "#time")}
	for i, round := range r.Rounds {
		kept := "–"
		if len(round.Kept) > 0 {
			kept = fmt.Sprint(len(round.Kept))
		}
		t.Rows = append(t.Rows, []string{
			fmt.Sprint(i + 1), fmt.Sprint(len(round.Arms)), fmt.Sprint(round.Blocks), kept,
			fmt.Sprintf("%.0f s", round.Elapsed),
		})
	}
	return t
}

// raceTable has the settings that were eliminated, the best first.
func (r *Report) raceTable() page.Table {
	t := page.Table{
		Columns: page.Columns("setting", "#req/s under the SLO", "#connections", "#memory", "#boots"),
		Note:    "Measured in few boots at different times: a rough figure each.",
	}
	for _, s := range r.Settings {
		if !s.Final {
			t.Rows = append(t.Rows, []string{
				s.Name, throughputText(s), fmt.Sprint(s.Connections), page.MiB(s.PSS), fmt.Sprint(s.Boots),
			})
		}
	}
	return t
}
