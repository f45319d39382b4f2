package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"bench/experiments"
	"bench/fleet/hosts"
	"bench/servers"
	"bench/targets"

	"github.com/spf13/pflag"
)

// serversFlag lets a worker start servers.
const serversFlag = "servers"

// fleetOptions say which hosts servers and load run on.
type fleetOptions struct {
	file string
	ssh  string
}

func (o *fleetOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.file, "fleet", "", "run servers and load on the hosts of a fleet.yaml `FILE`")
	f.StringVar(&o.ssh, "ssh", "ssh", "with --fleet: the `COMMAND` for ssh, such as 'ssh -p 2222 -i KEY'")
}

// read reads the fleet file; nil: there is none.
func (o fleetOptions) read() (*hosts.File, error) {
	if o.file == "" {
		return nil, nil
	}
	f, err := hosts.ReadFile(o.file)
	if err != nil {
		return nil, experiments.Misuse(err)
	}
	return &f, nil
}

// open is the fleet of a file, whose workers send with an engine. It starts nothing.
func (o fleetOptions) open(s *shell, f hosts.File, e engineRecord) (*hosts.Fleet, error) {
	engine, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	cache, err := s.cacheDir()
	if err != nil {
		return nil, err
	}
	program, binary, err := ownProgram()
	if err != nil {
		return nil, err
	}
	return hosts.New(f, hosts.Options{
		Version: version, Program: program, Binary: binary, Dir: filepath.Join(cache, "fleet"), Env: s.user(),
		SSH: strings.Fields(o.ssh), Serve: []string{workerCommand, "--" + serversFlag}, Load: []string{workerCommand},
		Allow:  func(host string) []string { return []string{"--allow-host", host} },
		Engine: engine, Say: func(text string) { fmt.Fprintf(s.errs, "bench: %s\n", text) },
	}), nil
}

// stationOf is what a worker needs to keep servers on this host.
func stationOf(s *shell) (*hosts.Station, error) {
	env, err := s.experimentEnv(sharedFlags{})
	if err != nil {
		return nil, err
	}
	env.Emit = nil // nobody watches
	return &hosts.Station{
		Cache: env.Cache, Temporary: env.Temporary, Keeper: env.Keeper,
		Survey: func(ctx context.Context, app targets.App, tools []string) (servers.Host, error) {
			host, err := env.HostWith(ctx, app, tools)
			if wrong := (*experiments.Error)(nil); errors.As(err, &wrong) && wrong.Verdict == experiments.Misused {
				err = &servers.ConfigError{Err: wrong.Err}
			}
			return host, err
		},
	}, nil
}

// describeFleet prints where each process will run.
func describeFleet(s *shell, f hosts.File) error {
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nhost\treached by\taddress\truns")
	for _, m := range f.Hosts {
		fmt.Fprintf(w, "%s\t%s %s\t%s\t%s\n", m.Name, m.Kind, m.Target, cmp.Or(m.Address, "(asked there)"),
			strings.Join(f.Runs(m.Name), ", "))
	}
	return w.Flush()
}
