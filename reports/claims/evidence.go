package claims

import (
	"maps"
	"math"
	"slices"

	"bench/results"
	"bench/stats"
)

// evidence is what a run holds about its claims.
type evidence struct {
	results.ClaimsFindings
	cells []*results.Cell
	roles map[string]results.Roles // by topology
}

func newEvidence(run *results.Run, found results.ClaimsFindings) evidence {
	e := evidence{ClaimsFindings: found, roles: map[string]results.Roles{}}
	e.cells, _ = results.Latest(run.Cells)
	for _, t := range run.Manifest.Topologies {
		e.roles[t.Name] = t.Roles
	}
	return e
}

// topology is the name of an arm in the cells.
func topology(c results.Claim, arm string) string {
	i := slices.IndexFunc(c.Arms, func(a results.ClaimArm) bool { return a.Name == arm })
	if i < 0 {
		return ""
	}
	return c.Arms[i].Topology
}

// of is a measure of an arm in a step, by block. Void cells have none.
func (e evidence) of(topology, step, measure string) map[int]float64 {
	values := map[int]float64{}
	m, known := results.MeasureNamed(measure)
	for _, cell := range e.cells {
		if known && m.Of != nil && cell.Topology == topology && cell.Load == step && measurable(cell, m) {
			if v := m.Of(cell, e.roles[topology]); !math.IsNaN(v) { // else its servers do not count that
				values[cell.Block] = v
			}
		}
	}
	for _, o := range e.Observations {
		if o.Topology == topology && o.Step == step && o.Measure == measure {
			values[o.Block] = o.Value
		}
	}
	return values
}

// measurable reports whether a cell has a measure. A void one can still say how many requests failed, if it is
// the server that made it void.
func measurable(c *results.Cell, m results.Measure) bool {
	if c.Grade != results.Invalid {
		return true
	}
	byServer := slices.ContainsFunc(c.Diagnostics, results.Diagnostic.FromServer)
	return byServer && m.Unit == results.Number
}

// values are those of all arms, in their order, in the steps and measures that predictions are about.
func (e evidence) values(c results.Claim) []Value {
	list := []Value{}
	for _, p := range c.Predictions {
		for _, arm := range []string{p.Of, p.To} {
			seen := func(v Value) bool { return v.Arm == arm && v.Step == p.During && v.Measure == p.Measure }
			if arm == "" || p.Measure == "" || slices.ContainsFunc(list, seen) {
				continue
			}
			values := e.of(topology(c, arm), p.During, p.Measure)
			if len(values) > 0 {
				list = append(list, Value{Arm: arm, Step: p.During, Measure: p.Measure, Value: average(values)})
			}
		}
	}
	place := func(v Value) int {
		return slices.IndexFunc(c.Arms, func(a results.ClaimArm) bool { return a.Name == v.Arm })
	}
	slices.SortStableFunc(list, func(a, b Value) int { return place(a) - place(b) })
	return list
}

// average is the estimate of a value over the blocks; of one that is 0 in some, their median.
func average(values map[int]float64) stats.Interval {
	all := slices.Sorted(maps.Values(values))
	if all[0] > 0 {
		return stats.Estimate(values)
	}
	return stats.Interval{
		Value: stats.Median(all), Low: all[0], High: all[len(all)-1], N: len(all), Method: "median and range of the blocks",
	}
}
