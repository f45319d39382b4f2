package ladder

import (
	"fmt"

	"bench/reports/page"
	"bench/results"
	"bench/stats"
)

// The tables of a report.

var effectWords = map[Effect]string{
	Gain: "gain", Loss: "loss", None: "no measurable effect", Negligible: "less than 5 %", Unknown: page.Unknown,
}

func (r *Report) briefTable() page.Table {
	t := page.Table{Columns: page.Columns("rung", "#req/s", "#step [95 % CI]", "effect", "#p99", "limit")}
	for _, rung := range r.Rungs {
		row := []string{rung.Name, page.Number(rung.Throughput.Value), "", "",
			page.Micros(rung.Evidence.Response.P99), rung.Evidence.Limit}
		if rung.Step != nil {
			row[2], row[3] = rung.Step.Times(), effectWords[rung.Step.Effect]
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (r *Report) stepTable() page.Table {
	t := page.Table{Columns: page.Columns("rung", "adds", "#req/s [95 % CI]", "#step [95 % CI]", "effect",
		"#CPU per request", "#p99 at the common rate", "topology")}
	for _, rung := range r.Rungs {
		row := []string{
			rung.Name, rung.Adds, rung.Throughput.String(), page.Unknown, "", page.Unknown, page.Unknown, rung.Topology,
		}
		if s := rung.Step; s != nil {
			row[3], row[4] = s.Times(), effectWords[s.Effect]
			row[5], row[6] = factor(s.CPU), factor(s.P99)
		}
		t.Rows = append(t.Rows, row)
	}
	if total := r.Total; total != nil {
		t.Note = fmt.Sprintf("All steps together, measured directly: %s. The product of the steps is %s.",
			total.Times(), page.Factor(r.Product))
	}
	return t
}

func factor(i *stats.Interval) string {
	if i == nil {
		return page.Unknown
	}
	return page.Interval(*i, page.Factor)
}

func (r *Report) orderTable() page.Table {
	t := page.Table{Columns: page.Columns("step to", "on the ladder, from", "#brings [95 % CI]", "elsewhere, from",
		"#brings [95 % CI]", "#one to the other [95 % CI]", "the order")}
	words := map[Effect]string{
		Gain: "matters: more on the ladder", Loss: "matters: less on the ladder", None: "not shown to matter",
		Negligible: "matters by less than 5 %",
		Unknown:    "not known",
	}
	for _, i := range r.Interactions {
		t.Rows = append(t.Rows, []string{i.Step, i.OnLadder.From, i.OnLadder.Times(), i.Elsewhere.From,
			i.Elsewhere.Times(), page.Interval(i.Ratio, page.Factor), words[i.Effect]})
	}
	return t
}

func (r *Report) skippedTable() page.Table {
	t := page.Table{Columns: page.Columns("rung", "reason", "how to have it measured")}
	for _, s := range r.Skipped {
		t.Rows = append(t.Rows, []string{s.Name, s.Reason, s.Hint})
	}
	return t
}

// method says how the run was measured, on what, and with which versions.
func (r *Report) method() (items []page.Item) {
	items = append(items, page.Item{Text: fmt.Sprintf("ladder %s: %s", r.Ladder, r.Summary)})
	for _, line := range r.Plan {
		items = append(items, page.Item{Text: line})
	}
	return append(items,
		page.Item{Text: fmt.Sprintf("seed: %d; profile: %s; engine: %s", r.Seed, r.Profile, r.Engine)},
		page.Item{Text: r.Machine()})
}

// Entries are the run's lines in the history, one for each rung. The first holds what comes from the
// manifest.
func (r *Report) Entries(first results.Entry) (all []results.Entry) {
	for _, rung := range r.Rungs {
		e := first
		e.Topology, e.Grade = rung.Topology, string(r.Grade)
		e.Metrics = map[string]float64{"max_throughput": rung.Throughput.Value}
		all = append(all, e)
	}
	return all
}
