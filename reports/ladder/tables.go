package ladder

import (
	"fmt"
	"maps"
	"slices"
	"strings"

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

func (r *Report) evidenceTable() page.Table {
	t := page.Table{Columns: page.Columns("rung", "#mean wait for a worker", "#workers busy", "concurrency",
		"#listen queue", "#CPU per request", "by tier", "#requests per connection", "#failed", "limit")}
	for _, rung := range r.Rungs {
		e := rung.Evidence
		t.Rows = append(t.Rows, []string{
			rung.Name, measured(e.QueueWait, page.Millis), measured(e.WorkersBusy, page.Percent),
			concurrency(e.Concurrency), queue(e), perRequest(e.CPU), byTier(e.CPU), page.Number(e.PerConn),
			fmt.Sprint(e.Failed), e.Limit,
		})
	}
	t.Note = "In the closed loop. The wait is the service time as the client saw it, less the time that a worker spent " +
		"on the request; only some servers count that. A listen queue is the longest seen; overflows are connections " +
		"that the kernel turned away."
	return t
}

func measured(i *stats.Interval, format func(float64) string) string {
	if i == nil {
		return page.Unknown
	}
	return page.Interval(*i, format)
}

func concurrency(n int) string {
	switch {
	case n > 0:
		return fmt.Sprint(n)
	case n == 0:
		return "a thread each"
	}
	return page.Unknown
}

func queue(e Evidence) string {
	text := page.Unknown
	if e.QueueWait != nil { // its server has counters
		text = fmt.Sprintf("%.0f", e.ListenQueue)
	}
	if e.Overflows > 0 {
		text += fmt.Sprintf(", %s", page.Count(e.Overflows, "overflow"))
	}
	return text
}

func perRequest(byTier map[string]float64) string {
	if len(byTier) == 0 {
		return page.Unknown
	}
	return page.Millis(total(byTier))
}

func total(byTier map[string]float64) (sum float64) {
	for _, tier := range slices.Sorted(maps.Keys(byTier)) {
		sum += byTier[tier]
	}
	return sum
}

func byTier(cpu map[string]float64) string {
	if len(cpu) < 2 {
		return ""
	}
	var parts []string
	for _, tier := range slices.Sorted(maps.Keys(cpu)) {
		parts = append(parts, tier+" "+page.Millis(cpu[tier]))
	}
	return strings.Join(parts, ", ")
}

// limits say what limited each rung.
func (r *Report) limits() (items []page.Item) {
	for _, rung := range r.Rungs {
		if text := rung.Evidence.LimitText; text != "" {
			items = append(items, page.Item{Name: rung.Name, Text: text})
		}
	}
	return items
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
	var tools []string
	for _, name := range slices.Sorted(maps.Keys(r.Tools)) {
		if v := r.Tools[name]; v != "" {
			tools = append(tools, name+" "+v)
		}
	}
	return append(items,
		page.Item{Text: fmt.Sprintf("seed: %d; profile: %s; engine: %s", r.Seed, r.Profile, r.Engine)},
		page.Item{Text: fmt.Sprintf("%s, %s, %s, kernel %s; %s", r.Host.CPU, page.Count(r.Host.Cores, "core"), r.Host.OS,
			r.Host.Kernel, strings.Join(tools, ", "))})
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
