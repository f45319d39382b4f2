package ladder

import (
	"cmp"
	_ "embed" // the method in words
	"fmt"
	"slices"
	"strings"

	"bench/reports/compare"
	"bench/reports/page"
	"bench/reports/plot"
	"bench/results"
)

//go:embed method.txt
var method string

// answer puts the steps into words: the whole first, then each step that matters, then what none was shown of.
func (r *Report) answer() {
	if r.Grade == results.Invalid || len(r.Rungs) < 2 {
		r.Answer = []string{"The run is not a valid measurement of two rungs, so no step has a result; see the diagnostics."}
		return
	}
	first, last := r.Rungs[0], r.Rungs[len(r.Rungs)-1]
	if t := r.Total; t != nil {
		r.Answer = append(r.Answer, fmt.Sprintf("On %s, %s serves %s as many requests as %s: %s req/s vs. %s.%s",
			r.Scenario, last.Name, t.Times(), first.Name, page.Number(last.Throughput.Value),
			page.Number(first.Throughput.Value), unproven(t.Effect)))
	}
	for _, group := range []struct {
		effect Effect
		format string
	}{
		{Gain, "Steps that bring more requests per second: %s."}, {Loss, "Steps that cost some: %s."},
		{Negligible, "Less than 5 %%, either way: %s."},
		{None, "No measurable effect: %s."}, {Unknown, "Not known, for lack of an interval: %s."},
	} {
		var parts []string
		for _, s := range r.steps(group.effect) {
			parts = append(parts, s.To+" "+s.Times())
		}
		if len(parts) > 0 {
			r.Answer = append(r.Answer, fmt.Sprintf(group.format, page.List(parts)))
		}
	}
	if n := len(r.Skipped); n > 0 {
		r.Answer = append(r.Answer, fmt.Sprintf("Not measured: %s; the first because %s.", page.Count(n, "rung"),
			r.Skipped[0].Reason))
	}
	for _, i := range r.Interactions {
		r.Answer = append(r.Answer, i.says())
	}
	if len(r.Interactions) == 0 {
		r.Answer = append(r.Answer, "Each step was measured from the rung below only: another order may matter.")
	}
}

func unproven(e Effect) string {
	switch e {
	case None:
		return " This shows no difference: the interval contains 1."
	case Unknown:
		return " That is no proof: a single block has none."
	}
	return ""
}

// steps are those of an effect, the largest first.
func (r *Report) steps(e Effect) (list []Step) {
	for _, rung := range r.Rungs {
		if rung.Step != nil && rung.Step.Effect == e {
			list = append(list, *rung.Step)
		}
	}
	slices.SortStableFunc(list, func(a, b Step) int { return cmp.Compare(b.Value, a.Value) })
	return list
}

// says puts an interaction into words.
func (i Interaction) says() string {
	text := fmt.Sprintf("The step to %s brings %s from %s and %s from %s", i.Step, i.OnLadder.Times(), i.OnLadder.From,
		i.Elsewhere.Times(), i.Elsewhere.From)
	switch i.Effect {
	case Gain:
		return text + ": it brings more after the steps in between."
	case Loss:
		return text + ": it brings less after the steps in between."
	case Negligible:
		return text + ": less than 5 % apart, so the order hardly matters."
	case None:
		return text + "; no measurable difference, so the order is not shown to matter."
	}
	return text + "; whether the order matters is not known."
}

// Document is the report for people.
func (r *Report) Document() page.Document {
	d := page.Document{
		Kind: results.KindLadder, Title: fmt.Sprintf("What does each step bring to %s?", cmp.Or(r.App.Name, r.Name)),
		Subject: page.Subject(r.manifest), Outcome: r.outcome(), Headline: r.Answer[0], Lead: r.Answer[1:],
		Heading: r.heading(), Tiles: r.tiles(), Brief: []page.Table{r.briefTable()}, Data: r,
	}
	if len(r.Rungs) > 1 {
		d.Glance = r.waterfall()
	}
	evidence := page.Section{ID: "evidence", Title: "Why: what the servers did", Short: "Why",
		Tables: []page.Table{r.evidenceTable()}, Items: r.limits()}
	if f, has := r.timeFigure(); has {
		evidence.Figures = []plot.Figure{f}
	}
	d.Sections = []page.Section{
		{ID: "steps", Title: "Steps, each from the rung below", Short: "Steps", Tables: []page.Table{r.stepTable()}},
		{ID: "order", Title: "Does the order matter?", Short: "Order", Text: orderText, Tables: []page.Table{r.orderTable()}},
		evidence,
		{ID: "latency", Title: "Response times and cost", Short: "Latency", Figures: r.figures()},
		{ID: "skipped", Title: "Rungs that were skipped", Short: "Skipped", Tables: []page.Table{r.skippedTable()}},
	}
	if len(r.Diagnostics) > 0 {
		d.Sections = append(d.Sections, page.Diagnosed(r.Diagnostics))
	}
	d.Sections = append(d.Sections, page.Section{ID: "method", Title: "How it was measured", Short: "Method", Folded: true,
		Text: []string{strings.TrimSpace(method)}, Items: r.method()})
	return d
}

var orderText = []string{"Steps are not additive: a step may bring more, or less, after others. Each row takes " +
	"one step from two bases, in the same blocks. Where the interval of the last ratio includes 1, the order is not " +
	"shown to matter."}

func (r *Report) outcome() page.Outcome {
	o := r.Outcome()
	if len(r.Rungs) < 2 {
		o = compare.Head{Grade: results.Invalid}.Outcome()
	}
	return o
}

func (r *Report) heading() string {
	parts := []string{"ladder " + r.Ladder, r.Scenario, page.Count(len(r.Rungs), "rung"), r.Size(), r.Took().String()}
	return strings.Join(parts, " · ")
}

// tiles are the whole, the largest gain, and what the highest rung serves.
func (r *Report) tiles() (tiles []page.Tile) {
	if r.Grade == results.Invalid || len(r.Rungs) < 2 {
		return nil
	}
	if t := r.Total; t != nil {
		tiles = append(tiles, page.Tile{Name: "all steps together", Value: page.Factor(t.Value),
			Note: fmt.Sprintf("%s, from %s to %s", page.Range(t.Interval, page.Factor), t.From, t.To)})
	}
	largest := page.Tile{Name: "largest gain", Value: page.Unknown, Note: "no step is shown to bring any"}
	if gains := r.steps(Gain); len(gains) > 0 {
		largest.Name, largest.Value = "largest gain: "+gains[0].To, page.Factor(gains[0].Value)
		largest.Note = page.Range(gains[0].Interval, page.Factor)
	}
	tiles = append(tiles, largest)
	none := append(r.steps(None), r.steps(Negligible)...)
	tile := page.Tile{Name: "steps without an effect that matters",
		Value: fmt.Sprintf("%d of %d", len(none), len(r.Rungs)-1)}
	var names []string
	for _, s := range none {
		names = append(names, s.To)
	}
	tile.Note = strings.Join(names, ", ")
	return append(tiles, tile)
}
