package capacity

import (
	"bench/reports/capacity/model"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"bench/results"
	"bench/stats"
)

// Files are the forms of a report that a run directory holds, by name.
var Files = map[string]func(io.Writer, *Report) error{
	"report.json": JSON, "report.md": Markdown, "report.txt": Text, "report.html": HTML,
}

// JSON writes the report as JSON.
func JSON(w io.Writer, r *Report) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(r)
}

// table is a titled one, the same in every form.
type table struct {
	Title   string
	Columns []string
	Rows    [][]string
	Note    string
}

func rateText(v float64) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf("%.4g", v)
}

func (x Range) String() string {
	switch {
	case x.Low == 0:
		return "none"
	case x.High == 0:
		return fmt.Sprintf("≥ %.4g", x.Low)
	}
	return fmt.Sprintf("%.4g – %.4g", x.Low, x.High)
}

// rate is a range of the size in words.
func (s Size) rate(x Range) string {
	if x.Low == 0 && s.undecided() {
		return "undecided"
	}
	return x.String()
}

func shareText(share float64) string {
	if share == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", share*100)
}

func paceText(pace float64) string {
	if pace == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", pace)
}

func estimateText(e model.Estimate) string {
	if e.Low == 0 && e.High == 0 {
		return fmt.Sprintf("%.4g", e.Estimate)
	}
	return fmt.Sprintf("%.4g [%.4g, %.4g]", e.Estimate, e.Low, e.High)
}

func signed(share float64) string { return fmt.Sprintf("%+.1f %%", share*100) }

// tables are the report's figures, in the order in which they answer: what, why, how sure.
func (r *Report) tables() (all []table) {
	sizes := table{Title: "Greatest rate that meets the SLO", Columns: []string{"topology", "requests/s", "width", "by the search alone", "at twice the limit", "boots", "model", "waits (Erlang C)", "machine's pace", "busy cores", "took"}}
	priced := false
	for _, s := range r.Sizes {
		priced = priced || s.PerMillion > 0
	}
	if priced {
		sizes.Columns = append(sizes.Columns, "price of a million")
	}
	for _, s := range r.Sizes {
		width := "-"
		if s.MaxRate.Low > 0 && s.MaxRate.High > 0 {
			width = fmt.Sprintf("%.1f %%", (s.MaxRate.High/s.MaxRate.Low-1)*100)
		}
		loose := "-"
		if len(s.Goals) > 1 {
			loose = Range{s.Goals[1].Low, s.Goals[1].High}.String()
		}
		model := "-"
		if s.Model != nil {
			model = rateText(s.Model.MaxRate.Estimate)
		}
		row := []string{s.Topology, s.rate(s.MaxRate), width, s.rate(s.Searched), loose, fmt.Sprint(s.Goals[0].Confirmed), model, shareText(s.Waits), paceText(s.Pace), fmt.Sprintf("%.0f %%", s.Busy*100), fmt.Sprintf("%.0f s", s.Elapsed)}
		if priced {
			row = append(row, fmt.Sprintf("%.4g", s.PerMillion))
		}
		sizes.Rows = append(sizes.Rows, row)
	}
	if slices.ContainsFunc(r.Sizes, func(s Size) bool { return s.Assisted }) {
		sizes.Note = fmt.Sprintf("Where the luck of the arrivals and the machine's pace have been taken out, an interval reaches %.0f %% to each side at least: that much is assumed, not measured. Boots are those in which the lower bound of the search was tried.", model.LeastHalf*100)
	}
	all = append(all, sizes)
	if limits, ok := r.limits(); ok {
		all = append(all, limits)
	}
	if r.Model != nil {
		all = append(all, r.Model.table())
	}
	if len(r.Validation) > 0 {
		all = append(all, r.validation())
	}
	if len(r.Checks) > 0 {
		all = append(all, r.checks())
	}
	return all
}

// checks are the recommendations that were tried.
func (r *Report) checks() table {
	t := table{Title: "The recommendation, tried", Columns: []string{"topology", "requests/s", "expected", "measured", "the machine's pace", "requests/s at it", "measured"}}
	word := map[bool]string{true: "meets the SLO", false: "does not"}
	for _, c := range r.Checks {
		atPace := "-"
		if c.RateAtPace > 0 {
			atPace = word[c.MetAtPace]
		}
		t.Rows = append(t.Rows, []string{c.Topology, fmt.Sprintf("%.4g", c.Rate), word[c.Expected], word[c.Met], paceText(c.Pace), rateText(c.RateAtPace), atPace})
	}
	offered, paced := r.recommended(asOffered), r.recommended(atPace)
	t.Note = fmt.Sprintf("A recommendation is exact if its size meets the SLO and the next smaller one does not. At the pace that the machine was learnt at, %s; with the rate as it is, whatever the pace was then, %s.", paced, offered)
	return t
}

// limits are what each resource allows by itself.
func (r *Report) limits() (table, bool) {
	t := table{Title: "What each resource allows by itself", Columns: []string{"topology"}, Note: "Requests per second. The least is the bound that no load can pass; what queueing and the SLO leave of it is the greatest rate."}
	var names []string
	for _, s := range r.Sizes {
		if s.Model == nil {
			return t, false
		}
		for _, l := range s.Model.Limits {
			if !slices.Contains(names, l.Resource) {
				names = append(names, l.Resource)
			}
		}
	}
	slices.Sort(names)
	t.Columns = append(t.Columns, names...)
	for _, s := range r.Sizes {
		row := []string{s.Topology}
		for _, name := range names {
			at := slices.IndexFunc(s.Model.Limits, func(l model.Limit) bool { return l.Resource == name })
			if at < 0 {
				row = append(row, "-")
				continue
			}
			row = append(row, fmt.Sprintf("%.4g", s.Model.Limits[at].Rate))
		}
		t.Rows = append(t.Rows, row)
	}
	return t, true
}

func (m *Model) table() table {
	t := table{Title: "What a request costs", Columns: []string{"part", "ms"}}
	for _, tier := range slices.Sorted(maps.Keys(m.CPU)) {
		t.Rows = append(t.Rows, []string{"CPU, " + tier, fmt.Sprintf("%.3f", m.CPU[tier])})
	}
	t.Rows = append(t.Rows,
		[]string{"CPU, the load generator", fmt.Sprintf("%.3f", m.Generator)},
		[]string{"in a worker's slot", fmt.Sprintf("%.3f", m.Service)},
		[]string{"of it off the CPU", fmt.Sprintf("%.3f", m.Wait)},
		[]string{"outside of all that", fmt.Sprintf("%.3f", m.Outside)})
	t.Note = fmt.Sprintf("With all %d cores busy, CPU work takes %.2f times as long. The simulation that is made of this meets the measured rates when it is made %s times as fast.", m.Cores, m.Slowdown, estimateText(m.Correction))
	if u := m.USL; u != nil {
		t.Note += fmt.Sprintf(" Universal Scalability Law, for diagnosis: contention σ %s, coherence κ %s.", estimateText(u.Sigma), estimateText(u.Kappa))
	}
	return t
}

func (r *Report) validation() table {
	t := table{Title: "How wrong the model is: predicted, then measured", Columns: []string{"topology", "figure", "predicted", "measured", "error", "within", "error at the machine's pace"}}
	for _, v := range r.Validation {
		within := "-"
		if v.Covered != nil {
			within = map[bool]string{true: "yes", false: "NO"}[*v.Covered]
		}
		atPace := "-"
		if v.AtPace > 0 {
			atPace = signed(v.ErrorAtPace)
		}
		figure, unit := "requests/s", ""
		if v.Figure != "max_rate" {
			figure, unit = fmt.Sprintf("%s (%.4g/s)", v.Figure, v.Rate), " ms"
		}
		t.Rows = append(t.Rows, []string{v.Topology, figure, estimateText(v.Predicted) + unit, estimateText(v.Measured) + unit, signed(v.Error), within, atPace})
	}
	t.Note = r.accuracy()
	if n := r.unmeasured(); n > 0 {
		t.Note += fmt.Sprintf(" %d of the predicted figures could not be measured.", n)
	}
	if r.Prediction != "" {
		t.Note += " "
		t.Note += "The prediction was written before these sizes were measured; SHA-256 of prediction.json: " + r.Prediction
	}
	return t
}

// accuracy sums up how wrong the predictions were.
func (r *Report) accuracy() string {
	var rates, tails, paced []float64
	within := 0
	for _, v := range r.Validation {
		if v.Covered == nil {
			tails, paced = append(tails, math.Abs(v.Error)), append(paced, math.Abs(v.ErrorAtPace))
			continue
		}
		rates = append(rates, math.Abs(v.Error))
		if *v.Covered {
			within++
		}
	}
	text := fmt.Sprintf("Greatest rate: error %.1f %% at the median, %.1f %% at worst; %d of %d within the predicted 90 %% interval.", stats.Median(rates)*100, slices.Max(append(rates, 0))*100, within, len(rates))
	if len(tails) > 0 {
		text += fmt.Sprintf(" p99: error %.0f %% at the median, %.0f %% with the machine's pace taken out.", stats.Median(tails)*100, stats.Median(paced)*100)
	}
	return text
}

// remarks are what the answer rests on, in sentences.
func (r *Report) remarks() (lines []string) {
	if rec := r.Recommendation; rec != nil && rec.Cores > 0 && rec.Refused == "" {
		lines = append(lines, fmt.Sprintf("Limit of the machines: %s; next: %s.", rec.Binding, rec.Next),
			fmt.Sprintf("Answers reach up to %s: twice what was measured.", machines(rec.Range)))
		if rec.CostPerHour > 0 {
			lines = append(lines, fmt.Sprintf("Price: %.4g per hour.", rec.CostPerHour))
		}
	} else if rec != nil && rec.Refused == "" {
		lines = append(lines, fmt.Sprintf("Limit of a machine with these workers: %s; next: %s.", rec.Binding, rec.Next))
		if rec.Extrapolated {
			lines = append(lines, "More than one machine is extrapolated from one: the load divided evenly, and whatever divides it is not the limit. Machines were not measured.")
		}
		if _, extends := At(r.Sizes[0].Size, r.Sweep, r.Sizes[0].Value+1); extends {
			lines = append(lines, fmt.Sprintf("Answers reach up to %s=%d: twice what was measured.", r.Sweep, rec.Range))
		}
		if rec.CostPerHour > 0 {
			lines = append(lines, fmt.Sprintf("Price: %.4g per hour.", rec.CostPerHour))
		}
	} else if r.Binding != "" {
		lines = append(lines, fmt.Sprintf("What binds: %s; next: %s.", r.Binding, r.Next))
	}
	lines = append(lines, fmt.Sprintf("The load generator runs on the same %d cores as the servers (%s); its CPU time is in the model.", r.Host.Cores, r.Host.CPU))
	for _, w := range r.Warnings {
		lines = append(lines, strings.TrimSpace(w.Code+": "+w.Message+". "+w.Remedy))
	}
	lines = append(lines, fmt.Sprintf("Scenario %s, seed %d, %.0f s in all; grade %s.", r.Scenario, r.Seed, r.Elapsed, r.Grade))
	return lines
}

// Text writes the report for a terminal.
func Text(w io.Writer, r *Report) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n", r.Headline())
	for _, t := range r.tables() {
		fmt.Fprintf(&out, "\n%s\n", t.Title)
		tab := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(tab, "  "+strings.Join(t.Columns, "\t"))
		for _, row := range t.Rows {
			fmt.Fprintln(tab, "  "+strings.Join(row, "\t"))
		}
		if err := tab.Flush(); err != nil {
			return err
		}
		if t.Note != "" {
			fmt.Fprintln(&out, "  "+t.Note)
		}
	}
	fmt.Fprintln(&out)
	for _, line := range r.remarks() {
		fmt.Fprintln(&out, line)
	}
	_, err := io.WriteString(w, results.Plain(out.String())) // a died topology's log may be quoted
	return err
}

// Markdown writes the report for a merge request or a summary.
func Markdown(w io.Writer, r *Report) error {
	var out strings.Builder
	fmt.Fprintf(&out, "**%s**\n", escape(r.Headline()))
	for _, t := range r.tables() {
		fmt.Fprintf(&out, "\n### %s\n\n| %s |\n|%s\n", t.Title, strings.Join(t.Columns, " | "), strings.Repeat("---|", len(t.Columns)))
		for _, row := range t.Rows {
			cells := make([]string, len(row))
			for i, cell := range row {
				cells[i] = escape(cell)
			}
			fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | "))
		}
		if t.Note != "" {
			fmt.Fprintf(&out, "\n%s\n", escape(t.Note))
		}
	}
	fmt.Fprintln(&out)
	for _, line := range r.remarks() {
		fmt.Fprintf(&out, "- %s\n", escape(line))
	}
	_, err := io.WriteString(w, results.Plain(out.String()))
	return err
}

func escape(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "\n", " ", "`", "'", "*", `\*`, "_", `\_`).Replace(text)
}
