package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"bench/loadgen"
	"bench/servers"
	"bench/targets"

	"github.com/spf13/cobra"
)

func (s *shell) topologiesCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "topologies",
		Short:   "List the topologies and their parameters",
		Example: "  bench topologies\n  bench topologies --json",
		RunE:    func(*cobra.Command, []string) error { return s.topologies(asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write the list to stdout as JSON")
	return c
}

func (s *shell) topologies(asJSON bool) error {
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
		list = append(list, entry{d.Topology.Name, d.Summary, d.Static, d.Tools, d.Params})
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
			fmt.Fprintf(w, "  %s=%s\t%s (default %s)\n", p.Name, values, p.Help, defaultText(p.Default))
		}
		fmt.Fprintf(w, "  profile=%s|%s\tonly the server differs, or as its documentation says (default %s)\n", servers.Controlled, servers.AsDocumented, servers.Controlled)
	}
	return w.Flush()
}

// defaultText says what a default that depends on the machine depends on.
func defaultText(text string) string {
	if strings.Contains(text, "Cores") {
		if strings.Contains(text, "div") {
			return "half the cores"
		}
		return "the cores"
	}
	return text
}

func (s *shell) renderCommand() *cobra.Command {
	var app string
	var asJSON bool
	c := &cobra.Command{
		Use:   "render TOPOLOGY",
		Short: "Print every file and command line of a topology, without starting anything",
		Example: `  bench render nginx-uwsgi:backends=2
  bench render runserver:profile=as-documented
  bench render ./my/topology --app ../mysite`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			topology, err := parseOne(args[0])
			if err != nil {
				return err
			}
			project, err := loadProject(app)
			if err != nil {
				return err
			}
			b, err := s.rendered(c.Context(), topology, project.App)
			if err != nil {
				return err
			}
			if asJSON {
				return s.json(renderedJSON(b))
			}
			_, err = fmt.Fprint(s.out, b)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write it to stdout as JSON")
	c.Flags().StringVar(&app, "app", "", "`DIR` of your own Django project (default: this folder, if it has a bench.yaml; else the bundled project)")
	return c
}

// rendered is the blueprint of a topology as it would be booted, but for the folder, the
// ports and the tools' paths, which stand-ins name.
func (s *shell) rendered(ctx context.Context, t servers.Topology, app targets.App) (servers.Blueprint, error) {
	app.Requirements = "" // nothing is installed: where the interpreter is has a stand-in anyway
	host, err := s.host(ctx, app, []servers.Topology{t})
	if err != nil {
		return servers.Blueprint{}, err
	}
	return t.Canonical(app, host)
}

// renderedJSON is a blueprint for other programs.
func renderedJSON(b servers.Blueprint) any {
	type file struct {
		Path string `json:"path"`
		Text string `json:"text"`
	}
	type process struct {
		Name  string   `json:"name"`
		Tier  string   `json:"tier"`
		Dir   string   `json:"dir"`
		Env   []string `json:"env"`
		Argv  []string `json:"argv"`
		Cores float64  `json:"cores,omitempty"`
		Files []file   `json:"files"`
	}
	processes := []process{}
	for _, p := range b.Processes {
		one := process{p.Name, p.Tier, p.Dir, p.Env, p.Argv, p.Cores, []file{}}
		for _, f := range p.Files {
			one.Files = append(one.Files, file{f.Path, f.Text})
		}
		processes = append(processes, one)
	}
	return map[string]any{"schema": "bench.render/1", "topology": b.Topology.String(), "summary": b.Summary, "slots": b.Slots, "url": b.URL, "processes": processes}
}

// parseOne reads the one topology that render and up take.
func parseOne(text string) (servers.Topology, error) {
	list, err := parseTopologies(text, "")
	if err != nil {
		return servers.Topology{}, err
	}
	if len(list) != 1 {
		return servers.Topology{}, usagef("%q names %d topologies: want one", text, len(list))
	}
	return list[0], nil
}

func (s *shell) upCommand() *cobra.Command {
	var app string
	var timeout time.Duration
	var allow []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "up TOPOLOGY",
		Short: "Run one topology until Ctrl-C, to look at it",
		Example: `  bench up nginx-uwsgi
  bench up runserver:profile=as-documented --app ../mysite`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return s.up(c.Context(), args[0], app, timeout, asJSON, loadgen.Guard{Hosts: allow})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "when it is up, write its URL and the rest to stdout as a line of JSON")
	c.Flags().StringVar(&app, "app", "", "`DIR` of your own Django project (default: this folder, if it has a bench.yaml; else the bundled project)")
	c.Flags().DurationVar(&timeout, "boot-timeout", 30*time.Second, "longest time it may take to be ready")
	c.Flags().StringArrayVar(&allow, "allow-host", nil, "host besides loopback that a url: topology may be on")
	return c
}

func (s *shell) up(ctx context.Context, name, app string, timeout time.Duration, asJSON bool, guard loadgen.Guard) error {
	topology, err := parseOne(name)
	if err != nil {
		return err
	}
	project, err := loadProject(app)
	if err != nil {
		return err
	}
	st, err := s.openStack(ctx, project, []servers.Topology{topology}, timeout, guard)
	if err != nil {
		return err
	}
	defer st.Close()
	cluster, err := st.site.Boot(ctx, topology, st.project.App)
	if err != nil {
		return err
	}
	if asJSON {
		err = json.NewEncoder(s.out).Encode(map[string]any{"schema": "bench.up/1", "url": cluster.URL(), "topology": cluster.Blueprint().Topology.String(), "boot_ms": cluster.Boot.BootMS, "workers": cluster.Boot.Workers, "dir": cluster.Blueprint().Dir})
		if err != nil {
			return errors.Join(err, cluster.Close())
		}
	} else {
		fmt.Fprintln(s.out, cluster.URL())
	}
	fmt.Fprintf(s.errs, "bench: %s is up after %.0f ms, %d workers seen; files and logs in %s; Ctrl-C ends it\n",
		cluster.Blueprint().Topology, cluster.Boot.BootMS, cluster.Boot.Workers, cluster.Blueprint().Dir)
	select {
	case <-cluster.Dead():
		return errors.Join(cluster.Died(), cluster.Close(), st.Close())
	case <-ctx.Done():
		return errors.Join(cluster.Close(), st.Close())
	}
}
