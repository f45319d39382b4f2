package reports

import (
	"bytes"
	"path/filepath"

	"bench/reports/page"
	"bench/results"
)

// WriteAll writes every form of the report into dir: report.json, report.md, report.html
// and plots/ in SVG and PNG. Each file appears whole.
func WriteAll(dir string, r *Report) error {
	for name, render := range map[string]Renderer{"report.json": JSON, "report.md": Markdown, "report.html": HTML} {
		var out bytes.Buffer
		if err := render(&out, r); err != nil {
			return err
		}
		if err := results.WriteFile(filepath.Join(dir, name), out.Bytes()); err != nil {
			return err
		}
	}
	return page.WriteFigures(filepath.Join(dir, "plots"), r.Figures())
}
