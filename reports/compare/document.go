package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"bench/reports/page"
	"bench/reports/plot"
	"bench/results"
)

// Document is the report for people.
func (r *Report) Document() page.Document {
	d := page.Document{
		Kind: results.KindCompare, Title: fmt.Sprintf("How should %s be deployed?", cmp.Or(r.App.Name, r.Name)),
		Subject: page.Subject(r.run.Manifest), Outcome: r.Outcome(), Headline: r.Answer[0], Lead: r.Answer[1:],
		Heading: r.heading(),
		Tiles:   r.tiles(), Glance: r.glance(), Brief: r.brief(), Data: r,
	}
	figures := r.Figures()
	main, others := r.why()
	d.Sections = []page.Section{
		{ID: "throughput", Title: "Throughput by scenario, in a closed loop", Short: "Throughput",
			Tables: []page.Table{r.scenarioTable()}, Figures: named(figures, "max-throughput")},
	}
	if latency := r.latencyTable(); len(latency.Rows) > 0 {
		d.Sections = append(d.Sections, page.Section{
			ID: "latency", Title: "Response time at the same offered rates", Short: "Latency",
			Text:   []string{"Open loop, Poisson arrivals: a response time counts from when its request was due."},
			Tables: []page.Table{latency},
			Figures: append(named(figures, "latency-by-rate", "latency-percentiles", "latency-histogram",
				"latency-over-time"), r.heatFigures()...),
		})
	}
	if timeline, has := page.Timeline(r.run.Cells); has {
		d.Sections = append(d.Sections, timeline)
	}
	if len(r.Hosts) > 0 {
		d.Sections = append(d.Sections, page.Section{ID: page.HostsSection, Title: "What ran where", Short: "Hosts",
			Tables: []page.Table{r.hostTable()}})
	}
	d.Sections = append(d.Sections,
		page.Section{ID: "why", Title: "Why", Items: main},
		page.Section{ID: "topologies", Title: r.topologyTitle(), Short: "Cost", Tables: []page.Table{r.topologyTable()},
			Figures: append(named(figures, "cpu-per-request", "memory", "cpu-over-time", "memory-over-time"),
				r.tierFigures()...)},
		page.Section{ID: "notes", Title: "Notes", Items: r.noteItems()})
	if len(r.Diagnostics) > 0 {
		d.Sections = append(d.Sections, page.Diagnosed(r.Diagnostics))
	}
	d.Sections = append(d.Sections,
		page.Section{ID: "why-others", Title: "Why, on the other scenarios", Short: "Other scenarios", Folded: true,
			Items: others},
		page.Section{ID: "ratios", Title: "Ratios to " + r.Baseline + ", paired by block", Short: "Ratios", Folded: true,
			Tables: []page.Table{r.ratioTable()}},
		page.Section{ID: "targets", Title: "Response time by target", Short: "Targets", Folded: true,
			Tables: []page.Table{r.targetTable()}},
		page.Section{ID: "method", Title: "How it was measured", Short: "Method", Folded: true, Items: r.method()})
	return d
}

// named are the figures with the given names, in that order, as far as they exist.
func named(figures []plot.Figure, names ...string) (some []plot.Figure) {
	for _, name := range names {
		if i := slices.IndexFunc(figures, func(f plot.Figure) bool { return f.Name == name }); i >= 0 {
			some = append(some, figures[i])
		}
	}
	return some
}

// heading says how much was measured, when and for how long.
func (r *Report) heading() string {
	parts := []string{
		r.Size(), "engine " + r.Engine, "profile " + r.Profile,
		fmt.Sprintf("%v, %.0f %% of it spent measuring", r.Took(), r.Measuring),
	}
	return strings.Join(parts, " · ")
}

// why names what limited each topology on the main scenario, and on the others.
func (r *Report) why() (main, others []page.Item) {
	for i, s := range r.Scenarios {
		var items []page.Item
		for _, p := range s.Order {
			item := page.Item{Name: s.Name + ", " + p.Topology, Text: strings.Join(p.Reasons, " ")}
			if i == 0 {
				item.Name, item.Group = p.Topology, r.group(p.Topology)+1
			}
			items = append(items, item)
		}
		if len(s.Missing) > 0 {
			items = append(items, page.Item{Name: s.Name, Text: "not measured: " + strings.Join(s.Missing, ", ") + "."})
		}
		if i == 0 {
			main = items
		} else {
			others = append(others, items...)
		}
	}
	return main, others
}

func (r *Report) noteItems() (items []page.Item) {
	for _, n := range r.Notes {
		items = append(items, page.Item{Text: n.Text})
	}
	return items
}

// method says how the run was measured, on what, and with which versions.
func (r *Report) method() (items []page.Item) {
	for _, line := range r.Plan {
		items = append(items, page.Item{Text: line})
	}
	app := "app: " + r.App.Name
	if r.App.Commit != "" {
		app += " at " + r.App.Commit
	}
	items = append(items, page.Item{Text: fmt.Sprintf("seed: %d; %s", r.Seed, app)}, page.Item{Text: r.Machine()})
	for _, t := range r.Topologies {
		text := fmt.Sprintf("%s: %s; configuration hash %s", t.Ref, t.Summary, t.ConfigHash)
		if t.Excluded != "" {
			text += "; excluded: " + t.Excluded
		}
		items = append(items, page.Item{Name: t.Name, Text: text})
	}
	return items
}
