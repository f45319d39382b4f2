package reports

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"bench/reports/plot"
)

//go:embed report.html.tmpl
var page string

var pageTemplate = template.Must(template.New("report").Parse(page))

type pageData struct {
	*Report
	Heading string
	Tables  []pageTable
	Figures []plot.Embedded
	Tools   string
	Order   []Scenario
}

type pageTable struct {
	Title string
	Head  []string
	Rows  [][]string
	Long  bool
}

// HTML writes the report as one file that needs no other: its plots are in it, it runs no
// script and asks for nothing, which its content security policy also forbids.
func HTML(w io.Writer, r *Report) error {
	figures, err := r.Figures()
	if err != nil {
		return fmt.Errorf("writing the report as HTML: %w", err)
	}
	data := pageData{Report: r, Heading: r.heading(), Tools: r.toolText(), Order: r.Scenarios}
	if data.Figures, err = plot.Embed(figures); err != nil {
		return fmt.Errorf("writing the report as HTML: %w", err)
	}
	for _, t := range r.tables() {
		data.Tables = append(data.Tables, pageTable{t.title, t.rows[0], t.rows[1:], t.long})
	}
	if err := pageTemplate.Execute(w, data); err != nil {
		return fmt.Errorf("writing the report as HTML: %w", err)
	}
	return nil
}
