package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"unicode/utf8"

	"bench/reports/plot"
)

//go:embed page.html.tmpl
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"line": func(text string) string { return units.ReplaceAllString(oneLine(text), "$1\u00a0$2") },
	"cell": at,
	"long": func(text string) bool { return utf8.RuneCountInString(text) > longCell },
	"source": func(f plot.Figure) (template.URL, error) {
		uri, err := plot.DataURI(f)
		return template.URL(uri), err
	},
}).Parse(pageText))

// units are numbers with a unit, between which no line may break.
var units = regexp.MustCompile(`(\d) (%|µs|ms|s|MiB|req/s)`)

// longCell is the number of characters beyond which a cell of text is wrapped.
const longCell = 28

// HTML writes a document as a single self-contained page: figures are embedded as images, and it runs
// no scripts and loads nothing, which its content security policy forbids as well.
func HTML(w io.Writer, d Document) error {
	if err := pageTemplate.Execute(w, d); err != nil {
		return fmt.Errorf("writing the report as HTML: %w", err)
	}
	return nil
}
