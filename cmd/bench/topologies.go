package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"bench/servers"

	"github.com/spf13/cobra"
)

func newTopologiesCommand(s *shell) *cobra.Command {
	var o sharedFlags
	c := &cobra.Command{
		Use:     "topologies",
		Short:   "List the topologies and their parameters",
		Example: "  bench topologies\n  bench topologies --json",
		RunE:    func(*cobra.Command, []string) error { return listTopologies(s, o.json) },
	}
	o.add(c, "json")
	return c
}

func listTopologies(s *shell, asJSON bool) error {
	type entry struct {
		Name    string          `json:"name"`
		Summary string          `json:"summary"`
		Static  string          `json:"static_files_by"`
		Tools   []string        `json:"tools"`
		Params  []servers.Param `json:"params"`
	}
	var list []entry
	for _, name := range servers.Names() {
		d, err := servers.Define(servers.Topology{Name: name})
		if err != nil {
			return err
		}
		tools, err := d.Requires(servers.ThisHost())
		if err != nil {
			return err
		}
		list = append(list, entry{d.Topology.Name, d.Summary, d.Static, tools, d.Params})
	}
	if asJSON {
		return s.json(map[string]any{"schema": "bench.topologies/1", "topologies": list})
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, e := range list {
		fmt.Fprintf(w, "%s\t%s (static files: %s)\n", e.Name, e.Summary, e.Static)
		for _, p := range e.Params {
			values := strings.Join(p.Choices, "|")
			if p.Max > 0 {
				values = fmt.Sprintf("%d..%d", p.Min, p.Max)
			}
			value, err := p.DefaultOn(servers.ThisHost())
			if err != nil {
				return err
			}
			if strings.Contains(p.Default, ".Host") {
				value += " on this machine"
			}
			fmt.Fprintf(w, "  %s=%s\t%s (default %s)\n", p.Name, values, p.Help, value)
		}
		fmt.Fprintf(w, "  profile=%s|%s\tonly the server differs, or each as its documentation recommends (default %s)\n",
			servers.Controlled, servers.AsDocumented, servers.Controlled)
	}
	return w.Flush()
}
