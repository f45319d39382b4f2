package compare

import (
	"maps"
	"slices"

	"bench/reports/page"
	"bench/results"
)

// Host is a host of a fleet, with what the servers used on it.
type Host struct {
	results.FleetHost
	Used []HostUse `json:"used"` // by each topology that ran there
}

// HostUse is what a topology's servers used on a host, in the closed loop of the main scenario.
type HostUse struct {
	Topology string  `json:"topology"`
	CPU      float64 `json:"cpu_ms_per_request"`
	PSS      int64   `json:"pss_bytes"` // the most that was seen
}

// hosts are the hosts of the run's fleet; none if all ran on one machine.
func (r *Report) hosts() (all []Host) {
	for _, of := range r.run.Manifest.Fleet {
		h := Host{FleetHost: of, Used: []HostUse{}}
		for _, t := range r.Topologies {
			if use, ran := hostUse(r.mainClosed(t.Name), of.Name); ran {
				use.Topology = t.Name
				h.Used = append(h.Used, use)
			}
		}
		all = append(all, h)
	}
	return all
}

// mainClosed are the valid cells of a topology under the closed loop of the main scenario.
func (r *Report) mainClosed(topology string) []*results.Cell {
	return slices.DeleteFunc(valid(r.cells[topology]), func(c *results.Cell) bool {
		return c.Scenario != r.main() || c.Load != "closed"
	})
}

func hostUse(cells []*results.Cell, host string) (use HostUse, ran bool) {
	var cpu float64
	var responses uint64
	for _, c := range cells {
		for _, h := range c.Hosts {
			if h.Host == host {
				cpu, responses, use.PSS = cpu+h.CPU.Seconds(), responses+c.Counts.OK, max(use.PSS, h.PSS)
			}
		}
	}
	if responses == 0 {
		return use, false
	}
	use.CPU = 1000 * cpu / float64(responses)
	return use, true
}

// onOneMachine reports whether servers and load share the cores of one machine, be it in namespaces.
func (r *Report) onOneMachine() bool {
	return !slices.ContainsFunc(r.Hosts, func(h Host) bool { return h.Kind == "ssh" })
}

// busiest is the host on which a topology's servers used the greatest share of the cores under a load.
func (r *Report) busiest(topology string, l Load) (host string, busy float64, cores int) {
	spent, elapsed := map[string]float64{}, 0.0
	of := map[string]int{}
	for _, c := range valid(r.cells[topology]) {
		if c.Scenario != l.Scenario || c.Load != l.Load {
			continue
		}
		elapsed += c.Elapsed
		for _, h := range c.Hosts {
			spent[h.Host] += h.CPU.Seconds()
			of[h.Host] = h.Cores
		}
	}
	most := -1.0
	for _, name := range slices.Sorted(maps.Keys(spent)) {
		if share := spent[name] / float64(max(1, of[name])); share > most {
			most, host, busy, cores = share, name, spent[name]/elapsed, of[name]
		}
	}
	return host, busy, max(1, cores)
}

// hostTable says what ran where.
func (r *Report) hostTable() page.Table {
	t := page.Table{Columns: page.Columns(append(slices.Clone(page.HostColumns), "#CPU time per request",
		"#memory (PSS)")...)}
	for _, h := range r.Hosts {
		row := page.HostCells(h.FleetHost)
		if len(h.Used) == 0 {
			t.Rows = append(t.Rows, append(row, page.Unknown, page.Unknown))
		}
		for _, use := range h.Used {
			of := ""
			if len(h.Used) > 1 {
				of = use.Topology + ": "
			}
			t.Rows = append(t.Rows, append(slices.Clone(row), of+page.Millis(use.CPU), page.MiB(use.PSS)))
			row = make([]string, len(row)) // of the same host
		}
	}
	return t
}
