package history

import (
	"fmt"

	"bench/reports/page"
	"bench/reports/plot"
)

// Document is the trend of a figure as a page: a section for each series.
func Document(metric string, series []Series) page.Document {
	d := page.Document{
		Kind: "trend", Title: "How has " + metric + " developed?", Data: map[string]any{"series": series},
		Headline: "No change of level was found.", Outcome: page.Outcome{Verdict: page.Passed, Label: "TREND"},
	}
	changes := 0
	for i, s := range series {
		section := page.Section{
			ID: fmt.Sprintf("series-%d", i+1), Title: fmt.Sprintf("%s on %s, %s", s.App, s.Topology, s.Scenario),
			Text:    []string{fmt.Sprintf("%s of bench %s, in the environment %s", s.Metric, s.Command, s.Fingerprint)},
			Figures: s.figures(i), Tables: []page.Table{s.table()},
		}
		for _, c := range s.Changes {
			changes++
			section.Items = append(section.Items, page.Item{
				Name: fmt.Sprintf("run %d", c.Index+1),
				Text: fmt.Sprintf("from %s to %s, %s %s", page.Number(c.Before), page.Number(c.After),
					page.Change(c.After/c.Before), c.Commit),
			})
		}
		d.Sections = append(d.Sections, section)
	}
	switch {
	case len(series) == 0:
		d.Headline = "The history has no run with this figure."
		d.Outcome = page.Outcome{Verdict: page.Invalid, Label: "NOTHING TO SHOW"}
	case changes > 0:
		d.Headline = page.Count(changes, "change") + " of level."
	}
	return d
}

// figures is the series as a chart, which a series that begins with 0 has not.
func (s Series) figures(i int) []plot.Figure {
	f, err := s.Figure()
	if err != nil {
		return nil
	}
	f.Name = fmt.Sprintf("%s-%d", f.Name, i+1)
	return []plot.Figure{f}
}

func (s Series) table() page.Table {
	t := page.Table{Columns: page.Columns("#run", "when", "commit", "#"+s.Metric, "directory")}
	for i, p := range s.Points {
		t.Rows = append(t.Rows, []string{fmt.Sprint(i + 1), p.At, p.Commit, page.Number(p.Value), p.Run})
	}
	return t
}
