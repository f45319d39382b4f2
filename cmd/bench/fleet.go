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
	"bench/loadgen/native"
	"bench/servers"
	"bench/targets"

	"github.com/spf13/pflag"
)

// serversFlag lets a worker start servers.
const serversFlag = "servers"

// fleetOptions say which hosts servers and load run on.
type fleetOptions struct {
	file   string
	ssh    string
	engine engineOptions // of the load; the zero value stands for what works best there
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

// place lets the servers and the load of an experiment run on the hosts of the file, if there is one. It starts
// nothing.
func (o fleetOptions) place(s *shell, env *experiments.Env) error {
	f, err := o.read()
	if f == nil || err != nil {
		return err
	}
	options, err := o.options(s, env.Cache)
	if err != nil {
		return err
	}
	env.Placement = f.Placement
	env.Fleet = func() experiments.Fleet { return hosts.New(*f, options) }
	return nil
}

// options are what a fleet needs to know of this program.
func (o fleetOptions) options(s *shell, cache string) (hosts.Options, error) {
	engine, err := json.Marshal(engineRecord{
		Name: cmp.Or(o.engine.name, "auto"), Timer: cmp.Or(o.engine.timer, string(native.Auto)), URL: "http://127.0.0.1",
	})
	if err != nil {
		return hosts.Options{}, err
	}
	program, binary, err := ownProgram()
	if err != nil {
		return hosts.Options{}, err
	}
	return hosts.Options{
		Version: version, Program: program, Binary: binary, Dir: filepath.Join(cache, "fleet"), Env: s.user(),
		SSH: strings.Fields(o.ssh), Serve: []string{workerCommand, "--" + serversFlag}, Load: []string{workerCommand},
		Allow:  func(host string) []string { return []string{"--allow-host", host} },
		Engine: engine, Say: func(text string) { fmt.Fprintf(s.errs, "bench: %s\n", text) },
	}, nil
}

// onHosts runs a command of this program on every host of the file that has servers.
func (o fleetOptions) onHosts(ctx context.Context, s *shell, args ...string) error {
	f, err := o.read()
	if err != nil {
		return err
	}
	cache, err := s.cacheDir()
	if err != nil {
		return err
	}
	options, err := o.options(s, cache)
	if err != nil {
		return err
	}
	err = hosts.New(*f, options).Command(ctx, args, func(host, text string) {
		fmt.Fprintf(s.out, "host %s: %s\n", host, text)
	})
	if err != nil && ctx.Err() == nil {
		err = &experiments.Error{Verdict: experiments.Refused, Err: fmt.Errorf("bench %s: %w", args[0], err)}
	}
	return err
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
