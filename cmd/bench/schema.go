package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bench/docs/schemas"

	"github.com/spf13/cobra"
)

func newSchemaCommand(s *shell) *cobra.Command {
	var o sharedFlags
	c := &cobra.Command{
		Use:   "schema [NAME]",
		Short: "Print the JSON Schema of a report, or list those there are",
		Long: `schema prints the JSON Schema of what bench writes, for programs that check what they read. NAME is the
schema that the JSON names itself, such as bench.compare/2.`,
		Example: "  bench schema\n  bench schema bench.load/2 > load.schema.json",
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return slices.Sorted(maps.Keys(schemas.All())), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			all := schemas.All()
			names := slices.Sorted(maps.Keys(all))
			if len(args) == 0 && o.json {
				return s.json(map[string]any{"schema": "bench.schemas/1", "schemas": names})
			}
			if len(args) == 0 {
				_, err := fmt.Fprintln(s.out, strings.Join(names, "\n"))
				return err
			}
			text, known := all[args[0]]
			if !known {
				return usagef("%q is not a schema: want one of %s", args[0], strings.Join(names, ", "))
			}
			_, err := s.out.Write(text)
			return err
		},
	}
	o.add(c, "json")
	return c
}
