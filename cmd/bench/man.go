package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bench/results"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Hidden: true, Args: cobra.ExactArgs(1),
		Short: "Write the manual pages into a folder",
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			for _, page := range documented(c.Root()) {
				file := filepath.Join(args[0], manName(page)+".1")
				if err := results.WriteFile(file, []byte(manPage(page))); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// documented are the commands that have a manual page: all that the help shows, the root first.
func documented(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			all = append(all, documented(sub)...)
		}
	}
	return all
}

// manName is the name of a command's page: bench-selftest-accuracy.
func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// manPage is the manual page of a command. It holds what its help does, and no date, so that the same
// version always gives the same page.
func manPage(c *cobra.Command) string {
	var p roff
	p.macro("TH", strings.ToUpper(manName(c)), "1", "", versionLine(), "bench")
	p.section("NAME")
	p.text(manName(c) + " \\- " + escapeRoff(c.Short))
	p.section("SYNOPSIS")
	p.text("\\fB" + escapeRoff(c.UseLine()) + "\\fR")
	if c.HasAvailableSubCommands() && !c.HasParent() {
		p.text("\\fBbench\\fR \\fICOMMAND\\fR \\-\\-help")
	}
	p.section("DESCRIPTION")
	long := c.Long
	if long == "" {
		long = c.Short + "."
	}
	p.asWritten(long)
	p.flags("OPTIONS", c.NonInheritedFlags())
	p.flags("OPTIONS OF ALL COMMANDS", c.InheritedFlags())
	p.commands(c)
	if c.Example != "" {
		p.section("EXAMPLES")
		p.asWritten(c.Example)
	}
	p.section("ENVIRONMENT")
	p.text("\\fBBENCH_\\fINAME\\fR sets the flag \\-\\-\\fIname\\fR where the command line does not, and takes " +
		"precedence over flags: of bench.yaml. \\fBBENCH_CACHE\\fR is the folder of installed tools, " +
		"\\fBNO_COLOR\\fR switches off colour.")
	p.section("EXIT STATUS")
	p.asWritten(strings.TrimPrefix(exitCodes, "Exit codes: "))
	p.also(c)
	return p.String()
}

// roff writes the language of manual pages.
type roff struct{ strings.Builder }

func (p *roff) macro(name string, args ...string) {
	p.WriteString("." + name)
	for _, a := range args {
		fmt.Fprintf(p, " %q", escapeRoff(a))
	}
	p.WriteByte('\n')
}

func (p *roff) section(title string) { p.macro("SH", title) }

// text is a paragraph that has been escaped.
func (p *roff) text(s string) { p.WriteString(".PP\n" + s + "\n") }

// asWritten keeps the lines of a text.
func (p *roff) asWritten(s string) {
	p.WriteString(".PP\n.nf\n")
	for line := range strings.SplitSeq(strings.TrimRight(s, "\n"), "\n") {
		p.WriteString(escapeRoff(line) + "\n")
	}
	p.WriteString(".fi\n")
}

func (p *roff) flags(title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	p.section(title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "\\fB\\-\\-" + escapeRoff(f.Name) + "\\fR"
		if f.Shorthand != "" {
			name = "\\fB\\-" + f.Shorthand + "\\fR, " + name
		}
		if value != "" {
			name += " \\fI" + escapeRoff(value) + "\\fR"
		}
		if shown := f.DefValue; !slices.Contains([]string{"", "0", "0s", "false", "[]"}, shown) {
			usage += fmt.Sprintf(" (default %s)", strings.Trim(shown, "[]"))
		}
		p.WriteString(".TP\n" + name + "\n" + escapeRoff(strings.Join(strings.Fields(usage), " ")) + "\n")
	})
}

func (p *roff) commands(c *cobra.Command) {
	if !c.HasAvailableSubCommands() {
		return
	}
	p.section("COMMANDS")
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			p.WriteString(".TP\n\\fB" + escapeRoff(sub.Name()) + "\\fR\n" + escapeRoff(sub.Short) + "\n")
		}
	}
}

// also refers to the page above and the pages below.
func (p *roff) also(c *cobra.Command) {
	var pages []string
	if c.HasParent() {
		pages = append(pages, manName(c.Parent()))
	}
	for _, below := range documented(c)[1:] {
		if below.Parent() == c {
			pages = append(pages, manName(below))
		}
	}
	for i, page := range pages {
		pages[i] = "\\fB" + escapeRoff(page) + "\\fR(1)"
	}
	p.section("SEE ALSO")
	p.text(strings.Join(pages, ", "))
}

// escapeRoff takes its meaning from what roff would read as a command.
func escapeRoff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", "\\(ga", "^", `\(ha`, "~", `\(ti`).Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}
