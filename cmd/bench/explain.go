package main

import (
	"fmt"
	"text/tabwriter"

	"bench/experiments"
	"bench/internal/secret"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// sourceOf is the annotation of a flag that says what set it.
const sourceOf = "bench-source"

// from notes what sets a flag.
func from(f *pflag.Flag, source string) {
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[sourceOf] = []string{source}
}

// setting is a flag of a command, with its value and what set it.
type setting struct {
	Flag   string `json:"flag"`
	Value  string `json:"value"`
	Source string `json:"source"` // command line, BENCH_…, bench.yaml: flags.…, or default
}

func newConfigCommand(s *shell) *cobra.Command {
	c := &cobra.Command{
		Use: "config", Short: "Say which settings a command would have",
	}
	c.AddCommand(newExplainCommand(s))
	return c
}

func newExplainCommand(s *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "explain COMMAND [FLAG…]",
		Args:  cobra.ArbitraryArgs,
		Short: "Print each setting of a command, its value, and where it comes from",
		Long: `explain prints every setting that a command line would have, with its value and what decides it: the
command line, a variable BENCH_NAME, flags: in bench.yaml, or the default, in this order. It starts nothing.
--json after the command's name gives JSON.`,
		Example:            "  bench config explain compare --quick\n  bench config explain gate --app ../mysite --json",
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 || args[0] == "--help" || args[0] == "-h" {
				return c.Help()
			}
			settings, asJSON, err := explain(s, args)
			if err != nil {
				return err
			}
			if asJSON {
				return s.json(map[string]any{"schema": "bench.settings/1", "command": args[0], "settings": settings})
			}
			out := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
			for _, one := range settings {
				fmt.Fprintf(out, "--%s\t%s\t%s\n", one.Flag, one.Value, one.Source)
			}
			return out.Flush()
		},
	}
}

// explain are the settings of a command line.
func explain(s *shell, args []string) (settings []setting, asJSON bool, err error) {
	root := newRootCommand(s)
	c, rest, err := root.Find(args)
	if err != nil || c == root {
		return nil, false, usagef("%q is not a command of bench", args[0])
	}
	if err := c.ParseFlags(rest); err != nil {
		return nil, false, experiments.Misuse(err)
	}
	c.Flags().Visit(func(f *pflag.Flag) { from(f, "command line") })
	if err := settle(c, s); err != nil {
		return nil, false, err
	}
	values := flagValues(c)
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		one := setting{f.Name, f.Value.String(), "default"}
		if value, recorded := values[f.Name]; recorded {
			one.Value = value // without a password
		}
		one.Value = secret.Redact(one.Value)
		if source := f.Annotations[sourceOf]; len(source) > 0 {
			one.Source = source[0]
		} else if f.Name == "app" && s.env["BENCH_APP"] != "" {
			one.Source = "BENCH_APP"
		}
		settings = append(settings, one)
	})
	f := c.Flags().Lookup("json")
	return settings, f != nil && f.Value.String() == "true", nil
}
