package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const referenceFile = "../../docs/REFERENCE.md"

// docs/REFERENCE.md says what the code does: `go test ./cmd/bench -run Reference -update` writes it.
func TestReferenceIsCurrent(t *testing.T) {
	t.Parallel()
	got := reference(newRootCommand(&shell{env: map[string]string{}}))
	if *update {
		if err := os.WriteFile(referenceFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(referenceFile); err != nil || got != string(want) {
		t.Errorf("%s is not current (%v): make golden writes it", referenceFile, err)
	}
}

// reference is the document: exit codes, the commands by group, then each with its flags.
func reference(root *cobra.Command) string {
	var p strings.Builder
	p.WriteString("# Reference\n\nThe commands, their flags and exit codes, made from the code by `make golden`. " +
		"`bench COMMAND --help` prints the same, `make share` writes manual pages.\n\n")
	p.WriteString("- [Exit codes](#exit-codes) · [Environment](#environment)\n")
	for _, group := range root.Groups() {
		var names []string
		for _, c := range documented(root)[1:] {
			if c.Parent() == root && c.GroupID == group.ID {
				names = append(names, fmt.Sprintf("[%s](#%s)", c.Name(), manName(c)))
			}
		}
		fmt.Fprintf(&p, "- %s %s\n", group.Title, strings.Join(names, " · "))
	}
	p.WriteString("\n## Exit codes\n\n| code | meaning |\n|---|---|\n")
	for _, row := range exitTable() {
		fmt.Fprintf(&p, "| %s | %s |\n", row[0], cell(row[1]))
	}
	p.WriteString("\n## Environment\n\n`BENCH_NAME` sets the flag `--name` where the command line does not, and takes " +
		"precedence over `flags:` of bench.yaml. `BENCH_CACHE` is the folder of installed tools, `NO_COLOR` switches " +
		"off colour.\n")
	for _, c := range documented(root)[1:] {
		referTo(&p, c)
	}
	p.WriteString("\n## Flags of all commands\n\n")
	flagTable(&p, root.PersistentFlags())
	return p.String()
}

// exitTable are the exit codes of the help, each with its meaning.
func exitTable() (rows [][2]string) {
	text := strings.TrimPrefix(strings.Join(strings.Fields(exitCodes), " "), "Exit codes: ")
	for _, m := range regexp.MustCompile(`(\d[\d, and]*?) ([a-z][^\d]*)[,.]`).FindAllStringSubmatch(text+" ", -1) {
		rows = append(rows, [2]string{m[1], strings.TrimRight(m[2], ",. ")})
	}
	return rows
}

// referTo writes a command's section.
func referTo(p *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(p, "\n## %s\n\n", c.CommandPath())
	if c.Long != "" && c.Name() != "completion" && c.Parent().Name() != "completion" {
		fmt.Fprintf(p, "%s\n", cell(c.Long))
	} else {
		fmt.Fprintf(p, "%s.\n", cell(c.Short))
	}
	fmt.Fprintf(p, "\n```text\n%s\n```\n", c.UseLine())
	if example := strings.TrimSpace(c.Example); example != "" {
		fmt.Fprintf(p, "\nExamples:\n\n```text\n%s\n```\n", strings.ReplaceAll(example, "\n  ", "\n"))
	}
	if flags := c.NonInheritedFlags(); flags.HasAvailableFlags() {
		p.WriteString("\n")
		flagTable(p, flags)
	}
}

func flagTable(p *strings.Builder, flags *pflag.FlagSet) {
	p.WriteString("| flag | meaning | default |\n|---|---|---|\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := strings.TrimSpace("--" + f.Name + " " + value)
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		shown := strings.Trim(f.DefValue, "[]")
		if slices.Contains([]string{"0", "0s", "false"}, shown) {
			shown = ""
		}
		fmt.Fprintf(p, "| `%s` | %s | %s |\n", strings.ReplaceAll(name, "|", `\|`), cell(usage), cell(shown))
	})
}

// cell is a text as Markdown shows it, in one line, or in the paragraphs that it has.
func cell(text string) string {
	var paragraphs []string
	for part := range strings.SplitSeq(text, "\n\n") {
		paragraphs = append(paragraphs, strings.Join(strings.Fields(part), " "))
	}
	text = strings.Join(paragraphs, "\n\n")
	return strings.NewReplacer("|", `\|`, "<", `\<`, "*", `\*`, "{{", `{\{`).Replace(text)
}

// The table of exit codes has every code that the help names.
func TestExitTableIsWhole(t *testing.T) {
	rows := exitTable()
	if len(rows) != 10 || rows[0] != [2]string{"0", "success"} || rows[9][0] != "129, 130 and 143" ||
		!strings.HasPrefix(rows[7][1], "preflight failed, target refused, or too few") {
		t.Errorf("exitTable() = %q", rows)
	}
}
