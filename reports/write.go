package reports

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

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
	figures, err := r.Figures()
	if err != nil {
		return err
	}
	plots := filepath.Join(dir, "plots")
	if err := os.MkdirAll(plots, 0o700); err != nil {
		return fmt.Errorf("writing the plots: %w", err)
	}
	for _, f := range figures {
		svg, err := f.SVG()
		if err != nil {
			return err
		}
		png, err := f.PNG()
		if err != nil {
			return err
		}
		if err := results.WriteFile(filepath.Join(plots, f.Name+".svg"), svg); err != nil {
			return err
		}
		if err := results.WriteFile(filepath.Join(plots, f.Name+".png"), png); err != nil {
			return err
		}
	}
	return nil
}
