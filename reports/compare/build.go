package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"bench/reports/page"
	"bench/results"
	"bench/stats"
)

// Build judges a run. It is a pure function of the run.
func Build(run *results.Run) (*Report, error) {
	m := run.Manifest
	kept, left := results.Latest(run.Cells)
	run = &results.Run{Manifest: m, Cells: kept}
	if len(m.Scenarios) == 0 || len(m.Topologies) == 0 {
		return nil, fmt.Errorf("building the report: the manifest lacks scenarios or topologies")
	}
	r := &Report{Head: headOf(m), Baseline: m.Baseline, Objectives: m.Objectives, Notes: []Note{}, run: run}
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
	r.cells = byTopology
	base := byTopology[r.Baseline]
	for i := range r.Topologies {
		if t := &r.Topologies[i]; t.Name != r.Baseline {
			t.VsBaseline = ratios(base, byTopology[t.Name], t.Loads)
		}
	}
	for _, s := range m.Scenarios {
		r.Scenarios = append(r.Scenarios, r.buildScenario(s))
	}
	r.Hosts = r.hosts()
	r.grade()
	r.again(left)
	r.diagnose()
	r.Multiplicity = r.multiplicity()
	r.notes()
	if r.Grade != results.Invalid {
		r.Recommendation = r.recommend()
	}
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

func buildTopology(
	record results.TopologyRecord, cells []*results.Cell, main string, objectives []results.Objective,
) Topology {
	t := Topology{
		Name: record.Name, Ref: record.Ref, Summary: record.Summary,
		Concurrency: record.Concurrency, EventLoop: record.EventLoop, nagle: record.Nagle,
		ConfigHash: record.ConfigHash, Roles: record.Roles, Development: record.Development, Excluded: record.Excluded,
		CPU: map[string]float64{}, PSSByTier: map[string]int64{}, Loads: []Load{}, VsBaseline: []Ratio{},
	}
	t.MaxThroughput.Unit = "req/s"
	var boots, firsts []float64
	for _, c := range onePerBlock(cells) {
		boots, firsts = append(boots, c.Boot.BootMS), append(firsts, c.Boot.FirstRequestMS)
	}
	t.BootMS, t.FirstRequestMS = stats.Median(boots), stats.Median(firsts)
	for _, group := range byLoad(cells) {
		load := buildLoad(group, objectives)
		t.Loads = append(t.Loads, load)
		if load.Scenario == main && load.Load == "closed" {
			t.MaxThroughput, t.CPU = load.Rate, load.CPU
			t.CPUTotal = stats.Estimate(perBlock(group, cpuPerRequest))
			t.Drift = stats.Estimate(perBlock(group, drift))
			t.PSS, t.PSSByTier = memory(group)
		}
	}
	return t
}

// valid leaves out cells that are not measurements.
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
		Scenario: first.Scenario, Load: first.Load, Mode: first.Mode, Offered: first.Rate,
		Connections: first.Connections, New: first.NewConns, Cells: len(cells), Grade: results.Valid,
		Targets: map[string]results.Summary{}, CPU: map[string]float64{}, BusyCores: map[string]float64{},
	}
	l.Rate.Unit = "req/s"
	for _, c := range cells {
		l.Grade = l.Grade.Worse(c.Grade)
		if c.Grade == results.Invalid && slices.ContainsFunc(c.Diagnostics, results.Diagnostic.FromServer) {
			l.VoidServer++
		}
	}
	sound := valid(cells)
	l.Void = len(cells) - len(sound)
	if 2*l.Void < l.Cells { // else too little is left of it
		l.measure(sound, objectives)
	}
	return l
}

// measure fills in the figures of a load from its valid cells.
func (l *Load) measure(cells []*results.Cell, objectives []results.Objective) {
	l.Rate.Interval = stats.Estimate(perBlock(cells, rate))
	l.Rate.LowerBound = mostly(cells, "generator-bound")
	l.Sustained = l.Mode == results.OpenLoop && l.Void == 0 && !slices.ContainsFunc(cells, fellBehind)
	intervals := allIntervals(cells)
	response := results.Total(intervals, results.Response)
	l.Response = results.Summarize(response)
	l.Service = results.Summarize(results.Total(intervals, results.Service))
	l.Lateness = results.Summarize(results.Total(intervals, results.Lateness))
	l.TTFB = results.Summarize(results.Total(intervals, results.TTFB))
	l.Connect = results.Summarize(results.Total(intervals, results.Connect))
	l.App = results.Summarize(results.Total(intervals, results.App))
	l.Wait = results.Summarize(results.Total(intervals, results.Wait))
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
	if l.Mode == results.OpenLoop {
		for _, o := range objectives {
			l.Objectives = append(l.Objectives, o.Judge(response, l.Counts))
		}
	}
}

// fellBehind reports whether a server did not keep up with an open loop: requests waited for a
// connection or failed, or many responses arrived only after the load had ended. (However fast
// the server, the last requests are still in flight at that moment.)
func fellBehind(c *results.Cell) bool {
	intended := float64(c.Counts.Intended)
	return intended == 0 || hasDiagnostic(c, "connections-busy") ||
		float64(c.Counts.OK) < 0.99*intended || float64(c.Successful) < 0.85*intended
}

func hasDiagnostic(c *results.Cell, code string) bool {
	return slices.ContainsFunc(c.Diagnostics, func(d results.Diagnostic) bool { return d.Code == code })
}

// blocksDone is the number of complete blocks: those with a cell of every topology under every
// load.
func blocksDone(run *results.Run) int {
	loads, have := map[string]bool{}, map[int]map[string]bool{}
	for _, c := range run.Cells {
		if c.Load == results.ApartLoad {
			continue // in blocks of their own
		}
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
		if hasDiagnostic(c, code) {
			n++
		}
	}
	return 2*n > len(cells)
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

// compared are the topologies that have cells and were not excluded.
func (r *Report) compared() []Topology {
	return slices.DeleteFunc(slices.Clone(r.Topologies), func(t Topology) bool {
		return t.Excluded != "" || len(t.Loads) == 0
	})
}

func (r *Report) buildScenario(record results.ScenarioRecord) Scenario {
	s := Scenario{Name: record.Name, Summary: record.Summary, Targets: record.Targets, Order: []Place{}, Pairs: []Versus{}}
	for _, t := range r.compared() {
		l := t.load(s.Name, "closed")
		if l != nil && !l.Rate.Measured() && l.Void > 0 {
			s.Missing = append(s.Missing, fmt.Sprintf("%s (%d of %s void)", t.Name, l.Void, page.Count(l.Cells, "cell")))
		}
		if l == nil || !l.Rate.Measured() {
			continue
		}
		place := Place{
			Topology: t.Name, Rate: l.Rate, Response: l.Response, Versus: t.ratio("max_throughput", s.Name, "closed"),
			Reasons: r.reasons(t, *l),
		}
		if len(l.CPU) > 0 {
			place.Limit = r.explain(t, *l)
		}
		s.Order = append(s.Order, place)
	}
	slices.SortStableFunc(s.Order, func(a, b Place) int { return cmp.Compare(b.Rate.Value, a.Rate.Value) })
	r.rank(&s)
	s.Pairs = append(s.Pairs, r.pairs(s)...)
	s.Finding = finding(s, r.Baseline)
	for _, text := range r.pairFindings(s) {
		s.Finding += " Directly: " + text + "."
	}
	if len(s.Missing) > 0 {
		s.Finding += " Not measured: " + strings.Join(s.Missing, ", ") + "."
	}
	return s
}
