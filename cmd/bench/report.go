package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bench/experiments"
	"bench/reports/export"
	"bench/reports/page"
	"bench/results"

	"github.com/spf13/cobra"
)

func newReportCommand(s *shell) *cobra.Command {
	var o sharedFlags
	var format string
	var open bool
	c := &cobra.Command{
		Use:   "report [RUN…]",
		Short: "Make the report of runs again from their run directories alone",
		Long: `report judges run directories again and writes their reports, in every format; without RUN, that
of the newest run in --out. A bundle is opened into --out first. --format writes another form to stdout:

` + formatHelp(),
		Example: `  bench report --open
  bench report bench-runs/20260102T030405Z-compare-1a2b3c4d -v
  bench report --format csv > cells.csv`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeRuns,
		RunE: func(_ *cobra.Command, args []string) error {
			if o.json {
				format = "json"
			}
			if format != "" && !slices.Contains(formatNames(), format) {
				return usagef("%q is not a format of a report: want one of %s", format, strings.Join(formatNames(), ", "))
			}
			if len(args) == 0 {
				newest, err := newestRun(o.out)
				if err != nil {
					return err
				}
				args = []string{newest}
			}
			var all error
			for _, path := range args {
				dir, err := runAt(path, o.out)
				if err == nil {
					err = reportOn(s, dir, format, open, o)
				}
				all = errors.Join(all, err)
			}
			return all
		},
	}
	f := c.Flags()
	f.BoolVar(&open, "open", false, "open the page in a browser")
	f.StringVar(&format, "format", "", "write `FORMAT` to stdout: "+strings.Join(formatNames(), ", "))
	_ = c.RegisterFlagCompletionFunc("format", listOf(formatNames))
	o.add(c, "json", "verbose", "out")
	f.Lookup("out").Usage = "without RUN: report on the newest run in `DIR`"
	c.MarkFlagsMutuallyExclusive("json", "format", "verbose")
	return c
}

// documents are the forms of a report that are made of its document, beside those of package export.
var documents = []struct {
	name, says string
	write      func(io.Writer, page.Document) error
}{
	{"html", "the page", page.HTML},
	{"md", "Markdown", page.Markdown},
	{"json", "every number of the report", page.JSON},
	{"text", "all of it as text", page.Text},
	{"junit", "a test case for each verdict, for CI systems", page.JUnit},
}

func formatNames() (names []string) {
	for _, f := range documents {
		names = append(names, f.name)
	}
	for _, f := range export.Formats {
		names = append(names, f.Name)
	}
	return names
}

func formatHelp() string {
	var out strings.Builder
	for _, f := range documents {
		fmt.Fprintf(&out, "  %-12s %s\n", f.name, f.says)
	}
	for _, f := range export.Formats {
		fmt.Fprintf(&out, "  %-12s %s\n", f.Name, f.Says)
	}
	return strings.TrimRight(out.String(), "\n")
}

// reportOn reports on one run.
func reportOn(s *shell, dir, format string, open bool, o sharedFlags) error {
	if _, err := os.Stat(dir); err != nil {
		return experiments.Misuse(fmt.Errorf("reading run: %w", err))
	}
	d, err := experiments.Report(dir)
	if err != nil {
		return err
	}
	var shown error
	if o.json = o.json || format == "json"; o.json || format == "" {
		shown = s.show(dir, d, o)
	} else {
		shown = written(s, dir, format, d)
	}
	if open {
		shown = errors.Join(shown, openPage(s, filepath.Join(dir, "report.html")))
	}
	if d.Outcome.Verdict != page.Invalid {
		return shown // a report is not a gate
	}
	return errors.Join(shown, outcomeError(d.Outcome))
}

// written writes a report, or the run that it is about, in another form.
func written(s *shell, dir, format string, d page.Document) error {
	for _, f := range documents {
		if f.name == format {
			return f.write(s.out, d)
		}
	}
	for _, f := range export.Formats {
		if f.Name == format {
			run, err := results.Load(dir)
			if err != nil {
				return err
			}
			return f.Write(s.out, run)
		}
	}
	return nil
}

// newestRun is the run in a folder that began last: the names of runs begin with the time.
func newestRun(root string) (string, error) {
	manifests, _ := filepath.Glob(filepath.Join(root, "[^.]*", "manifest.json")) // fails only for a bad pattern
	if len(manifests) == 0 {
		return "", usagef("%s holds no runs yet: name a run, or their folder with --out", root)
	}
	return filepath.Dir(slices.Max(manifests)), nil
}
