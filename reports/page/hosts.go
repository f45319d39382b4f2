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

// HostsSection is the section of a document that says what ran where.
const HostsSection = "hosts"

// AddHosts adds the hosts of a run's fleet before the notes, unless all of it ran on one machine or the document has
// them already.
func (d *Document) AddHosts(m results.Manifest) {
	at := func(id string) int {
		return slices.IndexFunc(d.Sections, func(s Section) bool { return s.ID == id })
	}
	if len(m.Fleet) == 0 || at(HostsSection) >= 0 {
		return
	}
	t := Table{Columns: Columns(HostColumns...)}
	for _, h := range m.Fleet {
		t.Rows = append(t.Rows, HostCells(h))
	}
	before := at(diagnosticsSection)
	if before < 0 {
		before = len(d.Sections)
	}
	d.Sections = slices.Insert(d.Sections, before,
		Section{ID: HostsSection, Title: "What ran where", Short: "Hosts", Tables: []Table{t}})
}
