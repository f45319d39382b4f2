package main

import (
	"crypto/rand"
	"encoding/binary"
	"slices"
	"strings"

	"bench/experiments"
	"bench/loadgen"
	"bench/servers"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// sharedFlags are the flags that several commands share. A command takes those that apply to it.
type sharedFlags struct {
	out      string
	seed     uint64
	json     bool
	verbose  bool
	allow    []string
	socket   string // a Unix socket that all load goes to
	dryRun   bool
	quick    bool
	thorough bool
	shared   bool
	db       string
	fleet    fleetOptions
}

// addShared adds each of the shared flags to a command's.
var addShared = map[string]func(*sharedFlags, *pflag.FlagSet){
	"out": func(o *sharedFlags, f *pflag.FlagSet) {
		f.StringVar(&o.out, "out", "bench-runs", "write run directories to `DIR`")
	},
	"seed": func(o *sharedFlags, f *pflag.FlagSet) {
		f.Uint64Var(&o.seed, "seed", 0, "seed of all random choices (default: a new one, recorded in the report)")
	},
	"json": func(o *sharedFlags, f *pflag.FlagSet) {
		f.BoolVar(&o.json, "json", false, "write the result to stdout as JSON")
	},
	"verbose": func(o *sharedFlags, f *pflag.FlagSet) {
		f.BoolVarP(&o.verbose, "verbose", "v", false, "print all tables and diagnostics, not only the answer")
	},
	"allow-host": func(o *sharedFlags, f *pflag.FlagSet) {
		f.StringArrayVar(&o.allow, "allow-host", nil, "also allow load on `HOST`, not only on loopback (repeatable)")
	},
	"db": func(o *sharedFlags, f *pflag.FlagSet) {
		f.StringVar(&o.db, "db", "", "run a `SERVER` of its own for each boot: "+strings.Join(servers.Services(), ", ")+
			", or own: what the settings name, as it is (default: app.services of bench.yaml, else what the settings name)")
	},
	"dry-run": func(o *sharedFlags, f *pflag.FlagSet) {
		f.BoolVar(&o.dryRun, "dry-run", false, "print the plan without running it")
	},
	"fleet": func(o *sharedFlags, f *pflag.FlagSet) { o.fleet.flags(f) },
	"shared-machine": func(o *sharedFlags, f *pflag.FlagSet) {
		f.BoolVar(&o.shared, "shared-machine", false, "accept cells that other programs disturbed: DEGRADED, not void")
	},
	"quick": func(o *sharedFlags, f *pflag.FlagSet) {
		f.BoolVar(&o.quick, "quick", false, "finish within a minute, with wider intervals")
	},
	"thorough": func(o *sharedFlags, f *pflag.FlagSet) {
		f.BoolVar(&o.thorough, "thorough", false, "more blocks and longer cells, for narrower intervals")
	},
}

// add adds the named flags to a command.
func (o *sharedFlags) add(c *cobra.Command, names ...string) {
	for _, name := range names {
		addShared[name](o, c.Flags())
	}
	if slices.Contains(names, "quick") && slices.Contains(names, "thorough") {
		c.MarkFlagsMutuallyExclusive("quick", "thorough")
	}
}

// guard allows load on this machine and on the named hosts.
func (o *sharedFlags) guard() loadgen.Guard { return loadgen.Guard{Hosts: o.allow, Socket: o.socket} }

// preset is how much a run measures.
func (o *sharedFlags) preset() string {
	switch {
	case o.quick:
		return "quick"
	case o.thorough:
		return "thorough"
	}
	return "default"
}

func newSeed(given uint64) uint64 {
	if given != 0 {
		return given
	}
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand documents that it aborts instead
	return uint64(binary.BigEndian.Uint32(b[:]))
}

// services are those that were asked for; none: the app decides.
func (o *sharedFlags) services() ([]string, error) {
	if o.db == "" {
		return nil, nil
	}
	names, err := servers.ParseServices(o.db)
	if err != nil {
		return nil, experiments.Misusef("--db: %w", err)
	}
	return names, nil
}
