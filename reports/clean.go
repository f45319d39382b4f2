package reports

import (
	"slices"

	"bench/results"
)

// cleaned returns the run with every text that people will read on one line: what comes
// from a server, an app or a file's name must not start a line of its own, where a terminal
// or a CI could take it for a command.
func cleaned(run *results.Run) *results.Run {
	m := run.Manifest
	m.Name, m.App.Name, m.App.Commit = results.Line(m.Name), results.Line(m.App.Name), results.Line(m.App.Commit)
	m.Host.CPU, m.Host.Kernel, m.Host.OS = results.Line(m.Host.CPU), results.Line(m.Host.Kernel), results.Line(m.Host.OS)
	m.Engine, m.Profile, m.Status = results.Line(m.Engine), results.Line(m.Profile), results.Line(m.Status)
	m.Plan = slices.Clone(m.Plan)
	for i := range m.Plan {
		m.Plan[i] = results.Line(m.Plan[i])
	}
	tools := map[string]string{}
	for name, version := range m.Tools {
		tools[name] = results.Line(version)
	}
	m.Tools = tools
	m.Warnings = cleanedCauses(m.Warnings)
	m.Topologies = slices.Clone(m.Topologies)
	for i := range m.Topologies {
		t := &m.Topologies[i]
		t.Ref, t.Summary, t.Excluded, t.ConfigHash = results.Line(t.Ref), results.Line(t.Summary), results.Line(t.Excluded), results.Line(t.ConfigHash)
	}
	m.Scenarios = slices.Clone(m.Scenarios)
	for i := range m.Scenarios {
		m.Scenarios[i].Summary = results.Line(m.Scenarios[i].Summary)
	}
	cells := slices.Clone(run.Cells)
	for i, c := range cells {
		if len(c.Causes) > 0 {
			copied := *c
			copied.Causes = cleanedCauses(c.Causes)
			cells[i] = &copied
		}
	}
	return &results.Run{Manifest: m, Cells: cells}
}

func cleanedCauses(causes []results.Cause) []results.Cause {
	clean := make([]results.Cause, len(causes))
	for i, c := range causes {
		clean[i] = results.Cause{Code: results.Line(c.Code), Message: results.Line(c.Message), Remedy: results.Line(c.Remedy)}
	}
	return clean
}
