package compare

import (
	"strings"
	"testing"
	"time"

	"bench/results"
)

// On hosts, what limits is the busiest of them, and not the sum of all cores.
func TestTheBusiestHostCounts(t *testing.T) {
	cell := func(front, app time.Duration) *results.Cell {
		return &results.Cell{
			Topology: "t", Scenario: "page", Load: "closed", Elapsed: 1, Counts: results.Counts{OK: 1000},
			Grade: results.Valid, Hosts: []results.HostUsage{
				{Host: "app", Cores: 2, CPU: app, PSS: 5 << 20}, {Host: "front", Cores: 8, CPU: front, PSS: 1 << 20},
			},
		}
	}
	r := &Report{
		Topologies: []Topology{{Name: "t"}}, Scenarios: []Scenario{{Name: "page"}},
		cells: map[string][]*results.Cell{"t": {
			cell(2*time.Second, 1800*time.Millisecond), cell(2*time.Second, 2*time.Second),
		}},
	}
	r.run = &results.Run{Manifest: results.Manifest{
		Scenarios: []results.ScenarioRecord{{Name: "page"}},
		Fleet:     []results.FleetHost{{Name: "front", Kind: "ssh", Runs: []string{"nginx"}}, {Name: "app", Kind: "ssh"}},
	}}
	r.Hosts = r.hosts()
	load := Load{Scenario: "page", Load: "closed"}
	if host, busy, cores := r.busiest("t", load); host != "app" || busy != 1.9 || cores != 2 {
		t.Errorf("%s with %g of %d cores: want app with 1.9 of 2", host, busy, cores)
	}
	if u := r.useOf(r.Topologies[0], load); u.all() != 1.9 || u.cores != 2 ||
		!strings.Contains(u.text, "host app") {
		t.Errorf("%+v: want the use of app", u)
	}
	if use := r.Hosts[1].Used; len(use) != 1 || use[0].CPU != 1.9 || use[0].PSS != 5<<20 {
		t.Errorf("app used %+v: want 1.9 ms per request and 5 MiB", use)
	}
	table := r.hostTable()
	if first := table.Rows[0]; len(table.Rows) != 2 || first[4] != "nginx" || first[5] != "2.00 ms" {
		t.Errorf("what ran where: %q", table.Rows)
	}
}
