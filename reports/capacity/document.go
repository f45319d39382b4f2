package capacity

import (
	"fmt"
	"time"

	"bench/reports/page"
	"bench/results"
)

// Document is the report for people.
func (r *Report) Document() page.Document {
	d := page.Document{
		Kind: results.KindCapacity, Title: r.question(), Subject: page.Subject(r.manifest), Outcome: r.outcome(),
		Headline: r.Headline(), Heading: r.heading(), Tiles: r.tiles(), Glance: r.glance(), Brief: r.brief(), Data: r,
	}
	if len(r.Configurations) > 0 {
		d.Lead = r.lead()
		d.Sections = r.grounds()
	}
	if len(r.Diagnostics) > 0 {
		d.Sections = append(d.Sections, page.Diagnosed(r.Diagnostics))
	}
	d.Sections = append(d.Sections, page.Section{
		ID: "method", Title: "How it was measured", Folded: true, Text: []string{method},
	})
	return d
}

// grounds are the sections with the report's tables and figures, in the order of the questions that
// they answer: what, why, how certain.
func (r *Report) grounds() []page.Section {
	sections := []page.Section{
		{
			ID: "capacity", Short: "Capacity", Title: "Capacity: the highest rate that meets " + r.SLO,
			Tables: []page.Table{r.capacityTable()}, Figures: r.rateFigures(),
		},
		{ID: "limits", Title: "Limits by resource", Figures: r.useFigures()},
	}
	if limits, ok := r.limitTable(); ok {
		sections[1].Tables = []page.Table{limits}
	} else {
		sections[1].Title = "Use of resources"
	}
	sections = append(sections, page.Section{ID: "course", Title: "How a trial close to the capacity went",
		Short: "Close to it", Figures: r.courseFigures()})
	if r.Model != nil {
		sections = append(sections, page.Section{
			ID: "cost", Title: "Cost of a request", Tables: []page.Table{r.Model.table()},
		})
	}
	if len(r.Validation) > 0 {
		sections = append(sections, page.Section{
			ID: "validation", Title: "Model error: predictions compared to later measurements",
			Tables: []page.Table{r.validationTable()},
		})
	}
	if len(r.Checks) > 0 {
		sections = append(sections, page.Section{
			ID: "checks", Title: "Recommendations put to the test", Tables: []page.Table{r.checkTable()},
		})
	}
	return sections
}

const method = "Open-loop trials with Poisson arrivals search for the highest rate that meets the SLO. The trials " +
	"grow longer, and each rate is tried more than once, in as many boots as the time allows (in the manner of RFC " +
	"9971). The result is a measurement, and therefore an interval. The model simulates proxies, queues, workers and " +
	"cores with the service times measured here."

// heading says what was measured, and for how long.
func (r *Report) heading() string {
	return fmt.Sprintf("scenario %s · SLO %s · %v · seed %d",
		r.Scenario, r.SLO, time.Duration(r.Elapsed*float64(time.Second)).Round(time.Second), r.Seed)
}

// outcome is how the run ended. A partial run that found no rate to meet the SLO is not a miss: others
// were not tried.
func (r *Report) outcome() page.Outcome {
	o := page.Outcome{Verdict: page.Passed, Label: string(r.Grade)}
	if r.Partial {
		o.Label += ", " + results.Partial
	}
	switch {
	case r.Grade == results.Invalid:
		o.Verdict, o.Reason = page.Invalid, "the run is INVALID; see the diagnostics"
	case r.Undecided:
		o.Verdict = page.Inconclusive
		o.Reason = "the time ran out before any rate was shown to meet the SLO; allow more with --budget"
	case r.Capacity.Low == 0 && !r.Partial:
		o.Verdict, o.Reason = page.Regressed, r.capacityInWords()+"."
	case r.Grade == results.Degraded || r.Partial:
		o.Verdict = page.Degraded
	}
	return o
}
