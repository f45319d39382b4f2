package page

import (
	"fmt"
	"io"
	"strings"
)

// marks of a verdict, for readers of a list of pull requests.
var marks = map[Verdict]string{
	Passed: "✅", Degraded: "⚠️", Regressed: "❌", Inconclusive: "❔", Likely: "❌", Invalid: "⚠️",
}

// Markdown writes a document for a pull request or a job summary. It leaves out figures, which those cannot
// show.
func Markdown(w io.Writer, d Document) error { return markdownDocument(w, d, "") }

// IllustratedMarkdown writes a document for a repository, with its figures from a folder beside it.
func IllustratedMarkdown(w io.Writer, d Document, folder string) error {
	return markdownDocument(w, d, folder)
}

// markdownDocument shows the figures of a folder; "": none.
func markdownDocument(w io.Writer, d Document, folder string) error {
	var out strings.Builder
	fmt.Fprintf(&out, "### %s %s\n", marks[d.Outcome.Verdict], markdown(labelled(d)))
	for _, line := range d.Lead {
		paragraph(&out, markdown(line))
	}
	paragraph(&out, markdown(d.measured()))
	for _, s := range d.Filled() {
		markdownSection(&out, s, folder)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func paragraph(out *strings.Builder, text string) {
	if text != "" {
		fmt.Fprintf(out, "\n%s\n", text)
	}
}

func markdownSection(out *strings.Builder, s Section, folder string) {
	var body strings.Builder
	for _, text := range s.Text {
		paragraph(&body, markdown(text))
	}
	for _, t := range s.Tables {
		markdownTable(&body, t)
	}
	for _, f := range s.Figures {
		if folder != "" {
			paragraph(&body, fmt.Sprintf("![%s](%s/%s.svg)", markdown(f.Title), folder, f.Name))
		}
	}
	markdownLists(&body, s)
	switch {
	case body.Len() == 0:
	case s.Folded:
		fmt.Fprintf(out, "\n<details><summary>%s</summary>\n%s\n</details>\n", markdownTag(s.Title), body.String())
	default:
		fmt.Fprintf(out, "\n#### %s\n%s", markdown(s.Title), body.String())
	}
}

func markdownLists(out *strings.Builder, s Section) {
	if len(s.Items)+len(s.Diagnostics)+len(s.Commands) > 0 {
		out.WriteString("\n")
	}
	for _, i := range s.Items {
		if i.Name == "" {
			fmt.Fprintf(out, "- %s\n", markdown(i.Text))
			continue
		}
		fmt.Fprintf(out, "- **%s**: %s\n", markdown(i.Name), markdown(i.Text))
	}
	for _, c := range s.Diagnostics {
		fmt.Fprintf(out, "- **%s** %s: %s\n", markdown(string(c.Severity)), markdown(c.Code), markdown(c.Sentences()))
	}
	for _, command := range s.Commands {
		fmt.Fprintf(out, "- %s\n", markdownCode(command))
	}
}

func markdownTable(out *strings.Builder, t Table) {
	if t.Title != "" {
		fmt.Fprintf(out, "\n**%s**\n", markdown(t.Title))
	}
	var head, rule strings.Builder
	for _, c := range t.Columns {
		fmt.Fprintf(&head, " %s |", markdown(c.Name))
		if c.Numeric {
			rule.WriteString("---:|")
		} else {
			rule.WriteString("---|")
		}
	}
	fmt.Fprintf(out, "\n|%s\n|%s\n", head.String(), rule.String())
	for _, row := range t.Rows {
		out.WriteString("|")
		for i := range t.Columns {
			fmt.Fprintf(out, " %s |", markdown(at(row, i)))
		}
		out.WriteString("\n")
	}
	paragraph(out, markdown(t.Note))
}
