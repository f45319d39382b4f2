package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"bench/reports/plot"
)

//go:embed page.html.tmpl
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"line": oneLine,
	"cell": at,
	"source": func(f plot.Figure) (template.URL, error) {
		uri, err := plot.DataURI(f)
		return template.URL(uri), err
	},
}).Parse(pageText))

// HTML writes a document as one page that needs no other file: its figures are in it as
// images, it runs no script and asks for nothing, which its content security policy forbids
// as well.
func HTML(w io.Writer, d Document) error {
	if err := pageTemplate.Execute(w, d); err != nil {
		return fmt.Errorf("writing the report as HTML: %w", err)
	}
	return nil
}
