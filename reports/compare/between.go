package compare

// What other reports on the same cells ask of a comparison.

// Between is the ratio of a topology's figure to another's under a load, paired by block; false if there is
// nothing to compare. The metrics are those of Ratio.
func (r *Report) Between(topology, other, metric, scenario, load string) (Ratio, bool) {
	v, has := r.versus(topology, other, metric, scenario, load)
	return v.Ratio, has
}

// Shown is the side of 1 on which a ratio is shown to lie: above (1), below (-1), or neither (0).
func (v Ratio) Shown() int { return v.direction() }

// Times writes the ratio with its interval, as a factor.
func (v Ratio) Times() string { return times(v) }

// String writes a throughput with its interval.
func (v Rate) String() string { return rateText(v) }

// Topology finds a topology's results by its name; nil if it has none.
func (r *Report) Topology(name string) *Topology { return r.topology(name) }

// Load finds what a topology did under a load; nil if it has no cell of it.
func (t Topology) Load(scenario, load string) *Load { return t.load(scenario, load) }

// Throughputs are a topology's throughputs under a load, by block.
func (r *Report) Throughputs(topology, scenario, load string) map[int]float64 {
	return perBlock(under(r.cells[topology], Load{Scenario: scenario, Load: load}), rate)
}

// CommonRate is the load of the highest rate that all topologies sustain, or else of the lowest that was
// offered; nil if there was none.
func (r *Report) CommonRate() *Load { return r.commonRate() }

// Limit says what limited a topology under a load; empty if nothing stands out.
func (r *Report) Limit(t Topology, l Load) (code, text string) {
	if len(l.CPU) == 0 {
		return "", ""
	}
	if e := r.explain(t, l); e != nil {
		return e.Code, e.text
	}
	return "", ""
}
