package capacity

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"bench/reports/capacity/model"
	"bench/reports/page"
	"bench/stats"
)

func (r *Report) capacityTable() page.Table {
	t := page.Table{Columns: page.Columns(
		"topology", "#capacity, req/s", "#width of the interval", "#by search alone", "#with twice the limits",
		"#boots", "#by the model", "#share that would wait (Erlang C)", "#CPU speed", "#cores busy", "#search time")}
	priced := slices.ContainsFunc(r.Configurations, func(s Configuration) bool { return s.PerMillion > 0 })
	if priced {
		t.Columns = append(t.Columns, page.Column{Name: "price of a million requests", Numeric: true})
	}
	for _, s := range r.Configurations {
		row := s.row()
		if priced {
			row = append(row, fmt.Sprintf("%.4g", s.PerMillion))
		}
		t.Rows = append(t.Rows, row)
	}
	if slices.ContainsFunc(r.Configurations, func(s Configuration) bool { return s.Assisted }) {
		t.Note = fmt.Sprintf("An interval that is corrected for the randomness of the arrivals and for the machine's CPU "+
			"speed extends by at least %.0f %% to each side; this minimum is assumed, not measured. Boots: those in which the "+
			"lower end of the search was tried.", model.LeastHalf*100)
	}
	return t
}

// row is the configuration's row in the table of capacities.
func (s Configuration) row() []string {
	width, loose, predicted := page.Unknown, page.Unknown, page.Unknown
	if s.Capacity.Low > 0 && s.Capacity.High > 0 {
		width = fmt.Sprintf("%.1f %%", (s.Capacity.High/s.Capacity.Low-1)*100)
	}
	if len(s.Goals) > 1 {
		loose = rateText(s.Goals[1].Rate)
	}
	if s.Model != nil {
		predicted = page.Number(s.Model.Capacity.Value)
	}
	return []string{
		s.Topology, s.rate(s.Capacity), width, s.rate(s.Searched), loose, fmt.Sprint(s.Goals[0].Rate.N), predicted,
		known(s.Waits, page.Percent), known(s.CPUSpeed, speedText),
		fmt.Sprintf("%.0f %%", s.Busy*100), fmt.Sprintf("%.0f s", s.Elapsed),
	}
}

// rate writes a rate of the configuration.
func (s Configuration) rate(i stats.Interval) string {
	if i.Low == 0 && s.undecided() {
		return "undecided"
	}
	return rateText(i)
}

// known formats a value that is 0 if unknown.
func known(v float64, format func(float64) string) string {
	if v == 0 {
		return page.Unknown
	}
	return format(v)
}

func speedText(speed float64) string { return fmt.Sprintf("%.2f", speed) }

func milliseconds(ms float64) string { return fmt.Sprintf("%.3f", ms) }

// digits is for small numbers, which page.Number would round away.
func digits(v float64) string { return fmt.Sprintf("%.4g", v) }

// limitTable is the rate that each resource alone allows; not ok without a model.
func (r *Report) limitTable() (t page.Table, ok bool) {
	t.Columns = page.Columns("topology")
	t.Note = "Requests per second that each resource alone allows. No load can exceed the lowest; the capacity is what " +
		"queueing and the SLO leave of it."
	var names []string
	for _, s := range r.Configurations {
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
	for _, name := range names {
		t.Columns = append(t.Columns, page.Column{Name: name, Numeric: true})
	}
	t.Columns = append(t.Columns, page.Column{Name: "bottleneck"})
	for _, s := range r.Configurations {
		t.Rows = append(t.Rows, r.limitRow(s.Topology, s.Model.Limits, names))
	}
	if rec := r.Recommendation; rec != nil && len(rec.Limits) > 0 {
		t.Rows = append(t.Rows, r.limitRow("recommended machine", rec.Limits, names))
	}
	return t, true
}

// limitRow are the limits of the named resources, and which of them is the lowest.
func (r *Report) limitRow(topology string, limits []model.Limit, names []string) []string {
	row := []string{topology}
	for _, name := range names {
		at := slices.IndexFunc(limits, func(l model.Limit) bool { return l.Resource == name })
		if at < 0 {
			row = append(row, page.Unknown)
			continue
		}
		row = append(row, page.Number(limits[at].Rate))
	}
	at := slices.IndexFunc(limits, func(l model.Limit) bool { return !r.fleet() || l.Resource != model.Cores })
	return append(row, limits[max(at, 0)].Resource) // not the host's cores, which machines share only here
}

func (m *Model) table() page.Table {
	t := page.Table{Columns: page.Columns("part", "#time per request, ms")}
	for _, tier := range slices.Sorted(maps.Keys(m.CPU)) {
		t.Rows = append(t.Rows, []string{"CPU time, " + tier, milliseconds(m.CPU[tier])})
	}
	t.Rows = append(t.Rows,
		[]string{"CPU time, load generator", milliseconds(m.Generator)},
		[]string{"in a worker", milliseconds(m.Service)},
		[]string{"in a worker, off the CPU", milliseconds(m.Wait)},
		[]string{"outside workers and proxies", milliseconds(m.Outside)})
	t.Note = fmt.Sprintf("While all %s are busy, CPU work takes %.2f times as long. The simulation built on these times "+
		"agrees with the measured configurations if everything in it runs %s times as fast.",
		page.Count(m.Cores, "core"), m.Slowdown, page.Interval(m.Correction, digits))
	if u := m.USL; u != nil {
		t.Note += fmt.Sprintf(" Universal Scalability Law, for diagnosis only: contention σ %s, coherence κ %s.",
			page.Interval(u.Sigma, digits), page.Interval(u.Kappa, digits))
	}
	return t
}

func (r *Report) validationTable() page.Table {
	t := page.Table{Columns: page.Columns(
		"topology", "figure", "#predicted", "#measured", "#error", "within interval", "#error at the measured CPU speed")}
	for _, v := range r.Validation {
		t.Rows = append(t.Rows, v.row())
	}
	t.Note = r.accuracy()
	if n := r.unmeasured(); n > 0 {
		t.Note += fmt.Sprintf(" %d of the predicted figures could not be measured.", n)
	}
	if r.Prediction != "" {
		t.Note += " The prediction was written before these configurations were measured; the SHA-256 of prediction.json " +
			"is " + r.Prediction + "."
	}
	return t
}

// row is the figure's row in the table of the model's errors.
func (v Validated) row() []string {
	if v.Figure == figureCapacity {
		within := map[bool]string{true: "yes", false: "NO"}[*v.Covered]
		return []string{
			v.Topology, "capacity, req/s", page.Interval(v.Predicted, page.Number), page.Interval(v.Measured, page.Number),
			page.Change(1 + v.Error), within, page.Unknown,
		}
	}
	then := page.Unknown
	if v.AtCPUSpeed > 0 {
		then = page.Change(1 + v.ErrorAtCPUSpeed)
	}
	return []string{
		v.Topology, fmt.Sprintf("%s (%s/s)", v.Figure, page.Number(v.Rate)),
		page.Millis(v.Predicted.Value), page.Millis(v.Measured.Value),
		page.Change(1 + v.Error), page.Unknown, then,
	}
}

// accuracy summarises how wrong the predictions were.
func (r *Report) accuracy() string {
	var rates, tails, then []float64
	within := 0
	for _, v := range r.Validation {
		if v.Covered == nil {
			tails, then = append(tails, math.Abs(v.Error)), append(then, math.Abs(v.ErrorAtCPUSpeed))
			continue
		}
		rates = append(rates, math.Abs(v.Error))
		if *v.Covered {
			within++
		}
	}
	text := fmt.Sprintf("Capacity: median error %.1f %%, largest %.1f %%; %d of %d within the predicted 90 %% interval.",
		stats.Median(rates)*100, slices.Max(append(rates, 0))*100, within, len(rates))
	if len(tails) > 0 {
		text += fmt.Sprintf(" p99: median error %.0f %%, or %.0f %% corrected for the machine's CPU speed.",
			stats.Median(tails)*100, stats.Median(then)*100)
	}
	return text
}

// checkTable lists the recommendations that were tried.
func (r *Report) checkTable() page.Table {
	t := page.Table{Columns: page.Columns(
		"topology", "#rate, req/s", "expected", "measured", "#CPU speed", "#rate at that speed, req/s",
		"measured at that speed")}
	word := map[bool]string{true: "meets the SLO", false: "misses the SLO"}
	for _, c := range r.Checks {
		then := page.Unknown
		if c.RateAtSpeed > 0 {
			then = word[c.MetAtSpeed]
		}
		t.Rows = append(t.Rows, []string{
			c.Topology, page.Number(c.Rate), word[c.Expected], word[c.Met], known(c.CPUSpeed, speedText),
			known(c.RateAtSpeed, page.Number), then,
		})
	}
	offered, then := r.recommended(asOffered), r.recommended(atCPUSpeed)
	t.Note = fmt.Sprintf("A recommendation is exact if its configuration meets the SLO and the next smaller one misses "+
		"it. At the CPU speed of the model, %s; at the rate as offered, whatever the speed then, %s.", then, offered)
	return t
}
