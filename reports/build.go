package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"bench/reports/compare"
	"bench/results"
)

// Build judges a run. It is a pure function of the run.
func Build(run *results.Run) (*Report, error) {
	m := run.Manifest
	if len(m.Scenarios) == 0 || len(m.Topologies) == 0 {
		return nil, fmt.Errorf("building the report: the manifest names no scenario or no topology")
	}
	run = cleaned(run)
	m = run.Manifest
	r := &Report{
		Schema: CompareSchema, Name: m.Name, Status: m.Status, Started: m.Started, Elapsed: m.Elapsed, Measured: m.Measured,
		Baseline: m.Baseline, Profile: m.Profile, Engine: m.Engine, Seed: m.Seed, Blocks: m.Blocks,
		Objectives: m.Objectives, Plan: m.Plan, App: m.App, Host: m.Host, Tools: m.Tools,
		Warnings: slices.Clone(m.Warnings), Notes: []Note{}, run: run,
	}
	objectives, err := parseObjectives(m.Objectives)
	if err != nil {
		return nil, err
	}
	r.BlocksDone = blocksDone(run)
	if m.Elapsed > 0 {
		r.Measuring = 100 * m.Measured / m.Elapsed
	}
	byTopology := map[string][]*results.Cell{}
	for _, c := range run.Cells {
		byTopology[c.Topology] = append(byTopology[c.Topology], c)
	}
	main := m.Scenarios[0].Name
	for _, record := range m.Topologies {
		r.Topologies = append(r.Topologies, buildTopology(record, byTopology[record.Name], main, objectives))
	}
	base := byTopology[r.Baseline]
	for i := range r.Topologies {
		if t := &r.Topologies[i]; t.Name != r.Baseline {
			t.VsBaseline = ratios(base, byTopology[t.Name], t.Loads)
		}
	}
	for _, s := range m.Scenarios {
		r.Scenarios = append(r.Scenarios, r.buildScenario(s))
	}
	r.grade()
	r.notes()
	r.answer()
	return r, nil
}

func parseObjectives(texts []string) ([]results.Objective, error) {
	var list []results.Objective
	for _, text := range texts {
		o, err := results.ParseObjective(text)
		if err != nil {
			return nil, fmt.Errorf("building the report: %w", err)
		}
		list = append(list, o)
	}
	return list, nil
}

func buildTopology(record results.TopologyRecord, cells []*results.Cell, main string, objectives []results.Objective) Topology {
	t := Topology{
		Name: record.Name, Ref: record.Ref, Summary: record.Summary, Slots: record.Slots,
		ConfigHash: record.ConfigHash, Excluded: record.Excluded,
		CPU: map[string]float64{}, PSSByTier: map[string]int64{}, Loads: []Load{}, VsBaseline: []Ratio{},
	}
	t.MaxRate.Unit = "req/s"
	var boots, firsts []float64
	for _, c := range onePerBlock(cells) {
		boots, firsts = append(boots, c.Boot.BootMS), append(firsts, c.Boot.FirstRequestMS)
	}
	t.BootMS, t.FirstRequestMS = median(boots), median(firsts)
	for _, group := range byLoad(cells) {
		load := buildLoad(group, objectives)
		t.Loads = append(t.Loads, load)
		if load.Scenario == main && load.Load == "burst" {
			t.MaxRate, t.CPU = load.Rate, load.CPU
			t.CPUTotal = compare.Of(perBlock(group, cpuPerRequest))
			t.PSS, t.PSSByTier = memory(group)
		}
	}
	return t
}

// valid leaves out cells that are no measurement.
func valid(cells []*results.Cell) []*results.Cell {
	return slices.DeleteFunc(slices.Clone(cells), func(c *results.Cell) bool { return c.Grade == results.Invalid })
}

func onePerBlock(cells []*results.Cell) []*results.Cell {
	var firsts []*results.Cell
	seen := map[int]bool{}
	for _, c := range cells {
		if !seen[c.Block] {
			seen[c.Block] = true
			firsts = append(firsts, c)
		}
	}
	return firsts
}

// byLoad groups the cells of a topology by scenario and load, in the order of their first
// measurement.
func byLoad(cells []*results.Cell) [][]*results.Cell {
	var groups [][]*results.Cell
	at := map[string]int{}
	for _, c := range cells {
		key := c.Scenario + "/" + c.Load
		i, known := at[key]
		if !known {
			i = len(groups)
			at[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], c)
	}
	return groups
}

func buildLoad(cells []*results.Cell, objectives []results.Objective) Load {
	first := cells[0]
	l := Load{
		Scenario: first.Scenario, Load: first.Load, Mode: first.Mode, Offered: first.Rate, Connections: first.Connections, Cells: len(cells),
		Grade: results.Valid, Targets: map[string]results.Summary{}, CPU: map[string]float64{}, BusyCores: map[string]float64{},
	}
	for _, c := range cells {
		l.Grade = l.Grade.Worse(c.Grade)
	}
	l.Rate.Unit = "req/s"
	sound := valid(cells)
	l.Void = len(cells) - len(sound)
	if cells = sound; 2*l.Void >= l.Cells {
		return l // what is left of a load that mostly failed speaks for nothing
	}
	l.Rate.Estimate = compare.Of(perBlock(cells, rate))
	l.Rate.LowerBound = mostly(cells, "generator-bound")
	intervals := allIntervals(cells)
	l.Response = results.Summarize(results.Total(intervals, results.Response))
	l.Service = results.Summarize(results.Total(intervals, results.Service))
	l.Lateness = results.Summarize(results.Total(intervals, results.Lateness))
	l.TTFB = results.Summarize(results.Total(intervals, results.TTFB))
	l.Connect = results.Summarize(results.Total(intervals, results.Connect))
	for target, h := range results.TotalByTarget(intervals, results.Response) {
		l.Targets[target] = results.Summarize(h)
	}
	l.Counts = results.TotalCounts(intervals)
	l.CPU, l.BusyCores = cpuByTier(cells)
	for _, c := range cells {
		l.Opened += c.Opened
		l.Server = plus(l.Server, c.Server)
	}
	if l.Opened > 0 {
		l.PerConn = float64(l.Counts.Sent) / float64(l.Opened)
	}
	l.Sustained = l.Mode == results.OpenLoop && l.Void == 0 && !slices.ContainsFunc(cells, fellBehind)
	total := results.Total(intervals, results.Response)
	if l.Mode == results.OpenLoop {
		for _, o := range objectives {
			l.Objectives = append(l.Objectives, ObjectiveResult{o.String(), o.Value(total, l.Counts), o.Met(total, l.Counts)})
		}
	}
	return l
}

// fellBehind reports whether a server did not keep up with an open loop: requests waited for
// a connection, or went without an answer, or a good part of the answers came only after
// the load had ended. (The requests of the last moments are under way when it ends, however
// fast the server.)
func fellBehind(c *results.Cell) bool {
	intended := float64(c.Counts.Intended)
	return intended == 0 || hasCause(c, "connections-busy") ||
		float64(c.Counts.OK) < 0.99*intended || float64(c.Answered) < 0.85*intended
}

func hasCause(c *results.Cell, code string) bool {
	return slices.ContainsFunc(c.Causes, func(cause results.Cause) bool { return cause.Code == code })
}

// blocksDone is the number of blocks in which every compared topology has a cell of every
// load that any has.
func blocksDone(run *results.Run) int {
	loads, have := map[string]bool{}, map[int]map[string]bool{}
	for _, c := range run.Cells {
		load := c.Topology + "/" + c.Scenario + "/" + c.Load
		loads[load] = true
		if have[c.Block] == nil {
			have[c.Block] = map[string]bool{}
		}
		have[c.Block][load] = true
	}
	done := 0
	for _, block := range have {
		if len(block) == len(loads) {
			done++
		}
	}
	return done
}

func allIntervals(cells []*results.Cell) []results.Interval {
	var all []results.Interval
	for _, c := range cells {
		all = append(all, c.Intervals...)
	}
	return all
}

func mostly(cells []*results.Cell, code string) bool {
	n := 0
	for _, c := range cells {
		if hasCause(c, code) {
			n++
		}
	}
	return 2*n > len(cells)
}

func plus(a, b results.Server) results.Server {
	a.ListenOverflows += b.ListenOverflows
	a.ListenDrops += b.ListenDrops
	a.RetransSegs += b.RetransSegs
	a.TCPTimeouts += b.TCPTimeouts
	a.StealSeconds += b.StealSeconds
	if b.UWSGI != nil {
		sum := results.UWSGIStats{}
		if a.UWSGI != nil {
			sum = *a.UWSGI
		}
		sum.Requests += b.UWSGI.Requests
		sum.Exceptions += b.UWSGI.Exceptions
		sum.Harakiri += b.UWSGI.Harakiri
		sum.Respawns += b.UWSGI.Respawns
		sum.ListenQueue = max(sum.ListenQueue, b.UWSGI.ListenQueue)
		per := make([]uint64, max(len(sum.PerWorker), len(b.UWSGI.PerWorker)))
		copy(per, sum.PerWorker)
		for i, n := range b.UWSGI.PerWorker {
			per[i] += n
		}
		sum.PerWorker = per
		a.UWSGI = &sum
	}
	if b.Nginx != nil {
		sum := results.NginxStats{}
		if a.Nginx != nil {
			sum = *a.Nginx
		}
		sum.Accepts += b.Nginx.Accepts
		sum.Handled += b.Nginx.Handled
		sum.Requests += b.Nginx.Requests
		a.Nginx = &sum
	}
	return a
}

// A metric is one figure of a cell; zero means that the cell has none.
type metric func(*results.Cell) float64

func perBlock(cells []*results.Cell, f metric) map[int]float64 {
	values := map[int]float64{}
	for _, c := range valid(cells) {
		if v := f(c); v > 0 {
			values[c.Block] = v
		}
	}
	return values
}

func rate(c *results.Cell) float64 {
	if c.Duration == 0 {
		return 0
	}
	return float64(c.Answered) / c.Duration
}

func cpuPerRequest(c *results.Cell) float64 {
	if c.Counts.OK == 0 {
		return 0
	}
	var sum time.Duration // integers: their sum does not depend on the map's order
	for _, spent := range results.CPUByTier(c.Usage) {
		sum += spent
	}
	return sum.Seconds() / float64(c.Counts.OK) * 1000
}

func responsePercentile(q float64) metric {
	return func(c *results.Cell) float64 {
		h := results.Total(c.Intervals, results.Response)
		if h.TotalCount() == 0 {
			return 0
		}
		return float64(h.ValueAtPercentile(q))
	}
}

func cpuByTier(cells []*results.Cell) (perRequest, busy map[string]float64) {
	perRequest, busy = map[string]float64{}, map[string]float64{}
	var answers, elapsed float64
	for _, c := range cells {
		answers += float64(c.Counts.OK)
		elapsed += c.Elapsed
		for tier, spent := range results.CPUByTier(c.Usage) {
			perRequest[tier] += spent.Seconds()
		}
		busy["generator"] += c.Generator.CPUSeconds
	}
	if elapsed == 0 {
		return map[string]float64{}, map[string]float64{}
	}
	for tier, spent := range perRequest {
		busy[tier] = spent / elapsed
		if answers > 0 {
			perRequest[tier] = spent / answers * 1000
		}
	}
	busy["generator"] /= elapsed
	return perRequest, busy
}

// memory is the median over the blocks of the greatest PSS, in all and by tier.
func memory(cells []*results.Cell) (total int64, byTier map[string]int64) {
	tiers := map[string][]float64{}
	var totals []float64
	for _, c := range valid(cells) {
		peak := map[string]float64{}
		for _, u := range c.Usage {
			peak[u.Tier] = max(peak[u.Tier], float64(u.PSS))
		}
		for tier, pss := range peak {
			tiers[tier] = append(tiers[tier], pss)
		}
		if len(c.Usage) > 0 {
			totals = append(totals, float64(results.PeakPSS(c.Usage)))
		}
	}
	byTier = map[string]int64{}
	for tier, values := range tiers {
		byTier[tier] = int64(median(values))
	}
	return int64(median(totals)), byTier
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ratios compares a topology to the baseline, metric by metric and load by load.
func ratios(base, other []*results.Cell, loads []Load) []Ratio {
	list := []Ratio{}
	add := func(name, scenario, load string, f metric) {
		match := func(cells []*results.Cell) []*results.Cell {
			return slices.DeleteFunc(slices.Clone(cells), func(c *results.Cell) bool { return c.Scenario != scenario || c.Load != load })
		}
		mine, theirs := valid(match(other)), valid(match(base))
		e := compare.Ratio(perBlock(theirs, f), perBlock(mine, f))
		if e.Blocks == 0 {
			return
		}
		v := Ratio{Metric: name, Scenario: scenario, Load: load, Ratio: e.Value, Low: e.Low, High: e.High, Level: e.Confidence, Blocks: e.Blocks, Method: e.Method}
		if name == "max_rate" {
			v.Bound = bound(mostly(mine, "generator-bound"), mostly(theirs, "generator-bound"))
		}
		list = append(list, v)
	}
	for _, l := range loads {
		if l.Rate.Blocks == 0 {
			continue
		}
		if l.Mode == results.ClosedLoop {
			add("max_rate", l.Scenario, l.Load, rate)
		}
		add("p50", l.Scenario, l.Load, responsePercentile(50))
		add("p99", l.Scenario, l.Load, responsePercentile(99))
		add("cpu_ms_per_request", l.Scenario, l.Load, cpuPerRequest)
	}
	if len(loads) > 0 {
		first := loads[0]
		add("boot_ms", first.Scenario, first.Load, func(c *results.Cell) float64 { return c.Boot.BootMS })
		add("pss_bytes", first.Scenario, first.Load, func(c *results.Cell) float64 { return float64(results.PeakPSS(c.Usage)) })
	}
	return list
}

// bound says what a ratio of two rates is when the generator limited one of them.
func bound(mine, baseline bool) string {
	switch {
	case mine && baseline:
		return "unknown"
	case mine:
		return "at least"
	case baseline:
		return "at most"
	}
	return ""
}

// direction says on which side of 1 a ratio is shown to lie: a lower bound can only win, an
// upper bound only lose.
func (v Ratio) direction() int {
	d := compare.Estimate{Low: v.Low, High: v.High, Confidence: v.Level}.Direction()
	if v.Bound == "unknown" || v.Bound == "at least" && d < 0 || v.Bound == "at most" && d > 0 {
		return 0
	}
	return d
}

func (t Topology) load(scenario, load string) *Load {
	for i := range t.Loads {
		if t.Loads[i].Scenario == scenario && t.Loads[i].Load == load {
			return &t.Loads[i]
		}
	}
	return nil
}

func (t Topology) ratio(metric, scenario, load string) *Ratio {
	for i := range t.VsBaseline {
		if v := &t.VsBaseline[i]; v.Metric == metric && v.Scenario == scenario && v.Load == load {
			return v
		}
	}
	return nil
}

// compared are the topologies that were not excluded and have cells.
func (r *Report) compared() []Topology {
	return slices.DeleteFunc(slices.Clone(r.Topologies), func(t Topology) bool { return t.Excluded != "" || len(t.Loads) == 0 })
}

func (r *Report) buildScenario(record results.ScenarioRecord) Scenario {
	s := Scenario{Name: record.Name, Summary: record.Summary, Targets: record.Targets, Order: []Place{}}
	var failed []string
	for _, t := range r.compared() {
		l := t.load(s.Name, "burst")
		if l != nil && l.Rate.Blocks == 0 && l.Void > 0 {
			failed = append(failed, fmt.Sprintf("%s (%d of %d cells void)", t.Name, l.Void, l.Cells))
		}
		if l == nil || l.Rate.Blocks == 0 {
			continue
		}
		place := Place{Topology: t.Name, Rate: l.Rate, Response: l.Response, Versus: t.ratio("max_rate", s.Name, "burst")}
		place.Reasons = r.reasons(t, *l)
		s.Order = append(s.Order, place)
	}
	slices.SortStableFunc(s.Order, func(a, b Place) int { return cmp.Compare(b.Rate.Value, a.Rate.Value) })
	s.Finding = finding(s, r.Baseline)
	if len(failed) > 0 {
		s.Finding += " not measured: " + strings.Join(failed, ", ") + "."
	}
	return s
}

// finding says a scenario's order in words.
func finding(s Scenario, baseline string) string {
	switch {
	case len(s.Order) == 0:
		return "Nothing was measured."
	case len(s.Order) == 1:
		return fmt.Sprintf("%s serves %s req/s; there is nothing to compare it to.", s.Order[0].Topology, rateText(s.Order[0].Rate))
	case !slices.ContainsFunc(s.Order, func(p Place) bool { return p.Topology == baseline }):
		return fmt.Sprintf("The baseline %s was not measured, so there are no ratios.", baseline)
	}
	var better, worse, same, single []string
	for _, p := range s.Order {
		if p.Versus == nil {
			continue
		}
		text := fmt.Sprintf("%s %s", p.Topology, times(*p.Versus))
		switch {
		case p.Versus.Level == 0:
			single = append(single, text)
		case p.Versus.direction() > 0:
			better = append(better, text)
		case p.Versus.direction() < 0:
			worse = append(worse, text)
		default:
			same = append(same, text)
		}
	}
	var parts []string
	for _, part := range []struct {
		says string
		list []string
	}{
		{baseline + " beaten", better}, {baseline + " ahead", worse},
		{"no difference shown", same}, {"one block, no verdict", single},
	} {
		if len(part.list) > 0 {
			parts = append(parts, part.says+": "+strings.Join(part.list, ", "))
		}
	}
	return strings.Join(parts, "; ") + "."
}

// times writes a ratio with its interval, as a factor.
func times(v Ratio) string {
	prefix := ""
	switch v.Bound {
	case "unknown":
		prefix = "(the generator limited both) "
	case "":
	default:
		prefix = v.Bound + " "
	}
	if v.Level == 0 {
		return fmt.Sprintf("%s%s× (one block, no interval)", prefix, factor(v.Ratio))
	}
	return fmt.Sprintf("%s%s× [%s, %s]", prefix, factor(v.Ratio), factor(v.Low), factor(v.High))
}

// factor keeps three significant digits.
func factor(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

// grade is the run's: that of the cells that are not a small minority.
func (r *Report) grade() {
	counts := map[results.Grade]int{}
	byCode := map[string]int{}
	example := map[string]results.Cause{}
	for _, c := range r.run.Cells {
		counts[c.Grade]++
		for _, cause := range c.Causes {
			byCode[cause.Code]++
			if _, known := example[cause.Code]; !known {
				cause.Message = fmt.Sprintf("%s, %s %s, block %d: %s", c.Topology, c.Scenario, c.Load, c.Block, cause.Message)
				example[cause.Code] = cause
			}
		}
	}
	total := len(r.run.Cells)
	r.Grade = results.Valid
	switch {
	case total == 0 || 4*counts[results.Invalid] > total || len(r.compared()) < 1:
		r.Grade = results.Invalid
	case counts[results.Invalid] > 0, 10*counts[results.Degraded] > total, r.Status != results.Complete:
		r.Grade = results.Degraded
	}
	if r.Status != results.Complete {
		r.Warnings = append(r.Warnings, results.Cause{Code: "partial", Message: fmt.Sprintf("the run did not finish: %d cells were sealed before it ended", total), Remedy: "Run it again for the whole comparison."})
	}
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		cause := example[code]
		cause.Message = fmt.Sprintf("%d of %d cells; the first: %s", byCode[code], total, cause.Message)
		r.Warnings = append(r.Warnings, cause)
	}
	if r.Warnings == nil {
		r.Warnings = []results.Cause{}
	}
	if r.Blocks == 1 {
		r.Warnings = append(r.Warnings, results.Cause{Code: "one-block", Message: "there is one block only, so no interval can be given", Remedy: "Measure six blocks or more: --blocks 6."})
	}
}
