package main

import (
	"crypto/rand"
	"encoding/binary"
	"slices"

	"bench/loadgen"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// common are the flags that several commands share. A command takes those that apply to it.
type common struct {
	out      string
	seed     uint64
	json     bool
	allow    []string
	dryRun   bool
	quick    bool
	thorough bool
}

// shared adds each of the flags that commands share.
var shared = map[string]func(*common, *pflag.FlagSet){
	"out": func(o *common, f *pflag.FlagSet) {
		f.StringVar(&o.out, "out", "bench-runs", "`DIR` that holds the run directories")
	},
	"seed": func(o *common, f *pflag.FlagSet) {
		f.Uint64Var(&o.seed, "seed", 0, "seed of every random choice (default: a new one, which the report names)")
	},
	"json": func(o *common, f *pflag.FlagSet) {
		f.BoolVar(&o.json, "json", false, "write the result to stdout as JSON")
	},
	"allow-host": func(o *common, f *pflag.FlagSet) {
		f.StringArrayVar(&o.allow, "allow-host", nil, "`HOST` besides loopback that may be loaded (repeatable)")
	},
	"dry-run": func(o *common, f *pflag.FlagSet) {
		f.BoolVar(&o.dryRun, "dry-run", false, "print what would be done, and do nothing")
	},
	"quick": func(o *common, f *pflag.FlagSet) {
		f.BoolVar(&o.quick, "quick", false, "within a minute, with wide intervals")
	},
	"thorough": func(o *common, f *pflag.FlagSet) {
		f.BoolVar(&o.thorough, "thorough", false, "more blocks and longer cells")
	},
}

// add adds the flags named to a command.
func (o *common) add(c *cobra.Command, names ...string) {
	for _, name := range names {
		shared[name](o, c.Flags())
	}
	if slices.Contains(names, "quick") && slices.Contains(names, "thorough") {
		c.MarkFlagsMutuallyExclusive("quick", "thorough")
	}
}

// guard lets load go to this machine and to the hosts that were named.
func (o *common) guard() loadgen.Guard { return loadgen.Guard{Hosts: o.allow} }

// preset is how long a run takes for how much certainty.
func (o *common) preset() string {
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
