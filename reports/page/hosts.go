package page

import (
	"fmt"
	"slices"
	"strings"

	"bench/results"
)

// HostColumns are the columns of HostCells.
var HostColumns = []string{"host", "reached by", "address", "#cores", "runs"}

// HostCells describe a host of a fleet, in a row of a table.
func HostCells(h results.FleetHost) []string {
	cores := Unknown
	if h.Host.Cores > 0 {
		cores = fmt.Sprint(h.Host.Cores)
	}
	return []string{h.Name, h.Kind + " " + h.Target, h.Address, cores, strings.Join(h.Runs, ", ")}
}

// WhatRanWhere are the hosts of a run's fleet; false: all of it ran on one machine.
func WhatRanWhere(m results.Manifest) (Section, bool) {
	t := Table{Columns: Columns(HostColumns...)}
	for _, h := range m.Fleet {
		t.Rows = append(t.Rows, HostCells(h))
	}
	return Section{ID: HostsSection, Title: "What ran where", Short: "Hosts", Tables: []Table{t}}, len(m.Fleet) > 0
}

// HostsSection is the section of a document that says what ran where.
const HostsSection = "hosts"

// Has reports whether a document has a section.
func (d Document) Has(section string) bool {
	return slices.ContainsFunc(d.Sections, func(s Section) bool { return s.ID == section })
}
