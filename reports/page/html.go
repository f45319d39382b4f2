package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"bench/internal/inert"
	"bench/reports/plot"
)

//go:embed assets/page.html.tmpl
var pageText string

//go:embed assets/page.css
var pageStyle string

//go:embed assets/page.js
var pageScript string

// uPlot draws the interactive charts. It is pinned: assets/uplot/SOURCE says where it is from, and a test
// compares the hashes.
//
//go:embed assets/uplot/uPlot.iife.min.js
var chartScript string

//go:embed assets/uplot/uPlot.min.css
var chartStyle string

var (
	style   = colours() + chartStyle + "\n" + pageStyle
	scripts = []string{chartScript, pageScript}
	policy  = template.HTMLAttr(`content="` + Policy() + `"`)
)

// Policy is the content security policy of every page. It allows a page its own style, its own scripts and
// embedded images, and nothing else: no request, no form, no frame.
func Policy() string {
	var hashes []string
	for _, script := range scripts {
		hashes = append(hashes, Hash(script))
	}
	return fmt.Sprintf("default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "+
		"style-src %s; script-src %s", Hash(style), strings.Join(hashes, " "))
}

// Style is the stylesheet of every page.
func Style() string { return style }

// Hash names a style or a script in a content security policy.
func Hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// palettes are the colours of the figures, by the letter that their variables begin with.
var palettes = []struct {
	letter  string
	colours []plot.Colour
}{{"c", plot.Arms}, {"t", plot.Tiers}, {"o", plot.Outcomes}}

// colours are the palettes as variables of the style, for light and for dark, with a class for each.
func colours() string {
	var light, dark, classes strings.Builder
	for _, p := range palettes {
		for i, colour := range p.colours {
			fmt.Fprintf(&light, "--%s%d:%s;", p.letter, i, colour.Light)
			fmt.Fprintf(&dark, "--%s%d:%s;", p.letter, i, colour.Dark)
			fmt.Fprintf(&classes, ".%s%d{--hue:var(--%[1]s%[2]d)}", p.letter, i)
		}
	}
	return fmt.Sprintf(":root{%s}\n@media screen and (prefers-color-scheme:dark){:root{%s}}\n%s\n",
		light.String(), dark.String(), classes.String())
}

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"line":   unbroken,
	"cell":   at,
	"long":   func(text string) bool { return utf8.RuneCountInString(text) > longCell },
	"arm":    func(group int) string { return fmt.Sprintf("c%d", group%len(plot.Arms)) },
	"tier":   func(group int) string { return fmt.Sprintf("t%d", group%len(plot.Tiers)) },
	"effect": func(group int) string { return fmt.Sprintf("o%d", group%len(plot.Outcomes)) },
	"last":   func(group int) int { return group - 1 },
	"share":  func(at float64) string { return fmt.Sprintf("%.2f%%", at*100) },
	"rows":   rowsOf,
	"source": func(f plot.Figure) (template.URL, error) {
		uri, err := plot.DataURI(f)
		return template.URL(uri), err
	},
}).Parse(pageText))

// Numbers and their units, and the two ends of an interval: no line may break between them.
var (
	units = regexp.MustCompile(`(\d) (%|µs|ms|s|MiB|req/s)`)
	ends  = regexp.MustCompile(`(\[[-+\d.,]+), ([-+\d.,]+\])`)
)

// unbroken is a text made inert, in which what belongs together stays on one line.
func unbroken(text string) string {
	return ends.ReplaceAllString(units.ReplaceAllString(inert.Line(text), "$1\u00a0$2"), "$1,\u00a0$2")
}

// longCell is the number of characters beyond which a cell of text is wrapped.
const longCell = 28

// view is what the template lays out.
type view struct {
	Document
	Sections []Section // those that are not empty
	Policy   template.HTMLAttr
	Style    template.CSS
	Scripts  []template.JS
	Charts   template.JS // the values of the interactive charts
}

// HTML writes a document as a single self-contained page. It loads nothing, which its content security
// policy forbids as well, and it can be read and printed without its scripts.
func HTML(w io.Writer, d Document) error {
	charts, err := encodeCharts(d.Figures())
	if err != nil {
		return fmt.Errorf("writing the report's charts: %w", err)
	}
	v := view{Document: d, Sections: d.Filled(), Policy: policy, Style: template.CSS(style), Charts: template.JS(charts)}
	for _, script := range scripts {
		v.Scripts = append(v.Scripts, template.JS(script))
	}
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, v); err != nil {
		return fmt.Errorf("writing the report as HTML: %w", err)
	}
	_, err = w.Write(out.Bytes())
	return err
}
