package reports

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"bench/reports/plot"
)

//go:embed report.html.tmpl
var pageText string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{"source": source}).Parse(pageText))

func source(f plot.Figure) (template.URL, error) {
	uri, err := plot.DataURI(f)
	return template.URL(uri), err
}

type pageData struct {
	*Report
	Heading string
	Tables  []pageTable
	Figures []plot.Figure
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
	data := pageData{Report: r, Heading: r.heading(), Tools: r.toolText(), Order: r.Scenarios}
	data.Figures = r.Figures()
	for _, t := range r.tables() {
		data.Tables = append(data.Tables, pageTable{t.title, t.rows[0], t.rows[1:], t.long})
	}
	if err := pageTemplate.Execute(w, data); err != nil {
		return fmt.Errorf("writing the report as HTML: %w", err)
	}
	return nil
}
