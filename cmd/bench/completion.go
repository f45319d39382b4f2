package main

import (
	"path/filepath"
	"strings"

	"bench/scenarios"
	"bench/scenarios/claims"
	"bench/servers"

	"github.com/spf13/cobra"
)

// words are the completions of flag values, by flag.
var words = map[string]func() []string{
	"topologies": func() []string { return append(servers.Names(), "all") },
	"topology":   servers.Names,
	"scenario":   scenarios.Names,
	"claim":      claims.Names,
	"ladder":     scenarios.Ladders,
	"profile":    func() []string { return []string{servers.Controlled, servers.AsDocumented} },
}

// complete registers the completion of flag values, which may be lists.
func complete(c *cobra.Command, flags ...string) {
	for _, name := range flags {
		// It fails only for a flag that does not exist, which any test of a command line would show.
		_ = c.RegisterFlagCompletionFunc(name, listOf(words[name]))
	}
}

// listOf completes the last word of a list.
func listOf(words func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndex(typed, ",")+1]
		var values []string
		for _, word := range words() {
			values = append(values, before+word)
		}
		return values, cobra.ShellCompDirectiveNoSpace
	}
}

// completeTopology completes the topology that a command takes as its argument.
func completeTopology(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return servers.Names(), cobra.ShellCompDirectiveDefault // a folder will do, too
}

// completeRuns completes run directories: those below the typed folder, or below the default one.
func completeRuns(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var runs []string
	for _, root := range []string{filepath.Dir(typed), "bench-runs"} {
		manifests, _ := filepath.Glob(filepath.Join(root, "[^.]*", "manifest.json")) // fails only for a bad pattern
		for _, file := range manifests {
			runs = append(runs, filepath.Dir(file))
		}
	}
	return runs, cobra.ShellCompDirectiveDefault
}
